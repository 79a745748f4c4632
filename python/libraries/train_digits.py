"""Ray Train: four workers train one linear model, each on its part of the digits data, and go on after a failure."""

import asyncio
import os
import tempfile

import numpy as np
import ray
import ray.train
from ray.train import Checkpoint, CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer
from sklearn.datasets import load_digits

WORKERS = 4
ROUNDS = 40
FAILS_AFTER = 15


@ray.remote(num_cpus=0)
class Mean:
    """Gives every worker of a round the mean of what all of them bring."""

    def __init__(self) -> None:
        self.rounds: dict[tuple, tuple[list, asyncio.Event]] = {}

    async def of(self, key: tuple, values: np.ndarray) -> np.ndarray:
        brought, is_complete = self.rounds.setdefault(key, ([], asyncio.Event()))
        brought.append(values)
        if len(brought) == WORKERS:
            is_complete.set()
            self.rounds.pop(key)
        await is_complete.wait()
        return np.mean(brought, axis=0)


def gradient(weights: np.ndarray, images: np.ndarray, digits: np.ndarray) -> np.ndarray:
    scores = images @ weights
    parts = np.exp(scores - scores.max(axis=1, keepdims=True))
    parts /= parts.sum(axis=1, keepdims=True)
    parts[np.arange(len(digits)), digits] -= 1
    return images.T @ parts / len(digits)


def accuracy(weights: np.ndarray) -> float:
    digits = load_digits()
    return float(((digits.data / 16 @ weights).argmax(axis=1) == digits.target).mean())


def restored() -> tuple[int, np.ndarray]:
    """The round to begin with, and the weights."""
    checkpoint = ray.train.get_checkpoint()
    if checkpoint is None:
        return 0, np.zeros((64, 10))
    with checkpoint.as_directory() as folder:
        saved = np.load(os.path.join(folder, "model.npz"))
        return int(saved["round"]) + 1, saved["weights"]


def train(config: dict) -> None:
    context = ray.train.get_context()
    rank, size = context.get_world_rank(), context.get_world_size()
    digits = load_digits()
    images, targets = digits.data[rank::size] / 16, digits.target[rank::size]
    first, weights = restored()
    for number in range(first, ROUNDS):
        step = ray.get(config["mean"].of.remote((first, number), gradient(weights, images, targets)))
        weights = weights - 2 * step
        if number == FAILS_AFTER and first == 0 and rank == 1:
            raise ValueError("this worker has had enough")
        if number % 5 == 4:
            report(rank, {"round": number, "first": first, "size": size}, weights)


def report(rank: int, metrics: dict, weights: np.ndarray) -> None:
    """All report; the first worker gives the checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = None
        if rank == 0:
            np.savez(os.path.join(folder, "model.npz"), weights=weights, round=metrics["round"])
            checkpoint = Checkpoint.from_directory(folder)
        ray.train.report({**metrics, "accuracy": accuracy(weights)}, checkpoint=checkpoint)


def main() -> None:
    ray.init("local", num_cpus=WORKERS + 2, include_dashboard=False)
    with tempfile.TemporaryDirectory() as folder:
        result = DataParallelTrainer(
            train,
            train_loop_config={"mean": Mean.remote()},
            scaling_config=ScalingConfig(num_workers=WORKERS),
            run_config=RunConfig(
                name="digits",
                storage_path=folder,
                failure_config=FailureConfig(max_failures=1),
                checkpoint_config=CheckpointConfig(num_to_keep=2),
            ),
        ).fit()
        metrics = result.metrics
        assert result.error is None and metrics["size"] == WORKERS, result
        assert metrics["round"] == ROUNDS - 1 and metrics["first"] == FAILS_AFTER, metrics
        with result.checkpoint.as_directory() as saved:
            weights = np.load(os.path.join(saved, "model.npz"))["weights"]
        assert accuracy(weights) == metrics["accuracy"] > 0.9, metrics
        assert len(result.best_checkpoints) == 2, result.best_checkpoints
    print("four workers, one of which failed once:", round(metrics["accuracy"], 3))
    ray.shutdown()


if __name__ == "__main__":
    main()
