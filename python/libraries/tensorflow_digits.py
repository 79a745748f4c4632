"""Ray Train with TensorFlow: four workers fit one Keras model under its own distribution strategy."""

import os
import tempfile

import numpy as np
import ray
import ray.train
from ray.train import Checkpoint, RunConfig, ScalingConfig
from ray.train.tensorflow import TensorflowTrainer
from sklearn.datasets import load_digits

WORKERS = 4
EPOCHS = 8
BATCH = 32


def images_and_digits() -> tuple[np.ndarray, np.ndarray]:
    digits = load_digits()
    return (digits.images[..., None] / 16).astype("float32"), digits.target


def build():
    import tf_keras as keras

    model = keras.Sequential(
        [
            keras.layers.Conv2D(16, 3, activation="relu", input_shape=(8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(0.003),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def train(config: dict) -> None:
    import tensorflow as tf

    rank = ray.train.get_context().get_world_rank()
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    with strategy.scope():
        model = build()
    data = tf.data.Dataset.from_tensor_slices(images_and_digits())
    data = data.shuffle(2_000, seed=1).batch(BATCH * WORKERS, drop_remainder=True)
    for epoch in range(EPOCHS):
        history = model.fit(data, epochs=1, verbose=0).history
        metrics = {"epoch": epoch, "replicas": strategy.num_replicas_in_sync}
        metrics |= {name: float(values[-1]) for name, values in history.items()}
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = None
            if rank == 0 and epoch == EPOCHS - 1:
                np.savez(os.path.join(folder, "weights.npz"), *model.get_weights())
                checkpoint = Checkpoint.from_directory(folder)
            ray.train.report(metrics, checkpoint=checkpoint)


def main() -> None:
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    ray.init("local", num_cpus=WORKERS, include_dashboard=False)
    with tempfile.TemporaryDirectory() as folder:
        result = TensorflowTrainer(
            train,
            scaling_config=ScalingConfig(num_workers=WORKERS),
            run_config=RunConfig(name="digits", storage_path=folder),
        ).fit()
        assert result.error is None, result
        assert result.metrics["replicas"] == WORKERS and result.metrics["epoch"] == EPOCHS - 1, result.metrics
        with (
            result.checkpoint.as_directory() as saved,
            np.load(os.path.join(saved, "weights.npz")) as weights,
        ):
            model = build()
            model.set_weights([weights[name] for name in weights.files])
    images, digits = images_and_digits()
    right = float((model.predict(images, verbose=0).argmax(axis=1) == digits).mean())
    assert right > 0.9, right
    print("TensorFlow, one replica in each of four workers:", round(right, 3))
    ray.shutdown()


if __name__ == "__main__":
    main()
