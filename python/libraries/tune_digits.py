"""Ray Tune: a search over a scikit-learn model on the digits data."""

import ray
from ray import tune
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC


def accuracy(config: dict) -> None:
    digits = load_digits()
    model = SVC(C=config["C"], gamma=config["gamma"])
    score = cross_val_score(model, digits.data[:600], digits.target[:600], cv=3).mean()
    tune.report({"accuracy": float(score)})


def main() -> None:
    ray.init("local", num_cpus=2, include_dashboard=False)
    space = {"C": tune.grid_search([0.1, 1.0, 10.0]), "gamma": tune.grid_search([0.0001, 0.001])}
    results = tune.Tuner(
        accuracy, param_space=space, tune_config=tune.TuneConfig(metric="accuracy", mode="max")
    ).fit()
    best = results.get_best_result()
    assert results.num_terminated == 6 and results.num_errors == 0, results
    assert best.metrics["accuracy"] > 0.9, best.metrics
    print("best of", len(results), best.config, round(best.metrics["accuracy"], 3))
    ray.shutdown()


if __name__ == "__main__":
    main()
