"""joblib on a cluster: scikit-learn searches over the digits data in Ray's actors."""

import os

import joblib
import ray
from ray.util.joblib import register_ray
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC


def main() -> None:
    ray.init("local", num_cpus=2, include_dashboard=False)
    register_ray()
    digits = load_digits()
    search = GridSearchCV(SVC(), {"C": [1.0, 10.0], "gamma": [0.0001, 0.001]}, cv=3, n_jobs=2)
    with joblib.parallel_backend("ray", n_jobs=2):
        search.fit(digits.data[:600], digits.target[:600])
        pids = joblib.Parallel()(joblib.delayed(os.getpid)() for _ in range(8))
    assert search.best_score_ > 0.9, search.best_score_
    assert os.getpid() not in pids, pids
    print("joblib in", len(set(pids)), "processes:", search.best_params_, round(search.best_score_, 3))
    ray.shutdown()


if __name__ == "__main__":
    main()
