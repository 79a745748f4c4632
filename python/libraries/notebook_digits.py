"""The whole way of a notebook: one with nothing but `ray` from PyPI joins a cluster by `ray://`, trains a model with four
workers under TensorFlow's own strategy, and serves it; another one asks it over HTTP.

The cluster is a head that `ray start` of Ray's Python starts on this core, in a process of its own. The notebooks have the
core of this project switched off.
"""

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time

WORKERS = 4
RIGHT_MIN = 0.9
# A head on a busy machine.
START_SECONDS = 60.0

NOTEBOOK = """
import os
import sys

import ray
import ray.train
from ray import serve
from ray.train import RunConfig, ScalingConfig
from ray.train.tensorflow import TensorflowTrainer

assert "swift_ray" not in ray._raylet.__file__, ray._raylet.__file__
folder, port = sys.argv[1], int(sys.argv[2])
ray.init(os.environ["HEAD"], runtime_env={"env_vars": {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}})


def build():
    import tf_keras as keras

    model = keras.Sequential(
        [
            keras.layers.Input((64,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss, metrics=["accuracy"])
    return model


def train(config):
    import tempfile

    import numpy as np
    import tensorflow as tf
    from ray.train import Checkpoint
    from sklearn.datasets import load_digits

    digits = load_digits()
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    with strategy.scope():
        model = build()
    data = tf.data.Dataset.from_tensor_slices(((digits.data / 16).astype("float32"), digits.target))
    data = data.shuffle(2_000, seed=1).batch(64, drop_remainder=True)
    for epoch in range(config["epochs"]):
        accuracy = float(model.fit(data, epochs=1, verbose=0).history["accuracy"][-1])
        print("epoch", epoch, "accuracy", round(accuracy, 3))
        with tempfile.TemporaryDirectory() as kept:
            checkpoint = None
            if ray.train.get_context().get_world_rank() == 0:
                np.savez(os.path.join(kept, "weights.npz"), *model.get_weights())
                checkpoint = Checkpoint.from_directory(kept)
            ray.train.report(
                {"accuracy": accuracy, "replicas": strategy.num_replicas_in_sync}, checkpoint=checkpoint
            )


result = TensorflowTrainer(
    train,
    train_loop_config={"epochs": 6},
    scaling_config=ScalingConfig(num_workers=4),
    run_config=RunConfig(name="digits", storage_path=folder),
).fit()
assert result.error is None, result
print("trained with", result.metrics["replicas"], "replicas, checkpoint", result.checkpoint.path)


@serve.deployment(ray_actor_options={"num_cpus": 0.5})
class Digits:
    def __init__(self, path):
        import numpy as np

        self.model = build()
        with np.load(os.path.join(path, "weights.npz")) as weights:
            self.model.set_weights([weights[name] for name in weights.files])

    async def __call__(self, request):
        import numpy as np

        image = np.array((await request.json())["array"], dtype="float32") / 16
        return {"digit": int(self.model.predict(image[None], verbose=0).argmax())}


serve.start(detached=True, http_options={"host": "0.0.0.0", "port": port})
serve.run(Digits.bind(result.checkpoint.path), route_prefix="/digits")
print("served at /digits")
ray.shutdown()
"""

READER = """
import sys

import requests
from sklearn.datasets import load_digits

digits = load_digits()
right = 0
for image, digit in zip(digits.data[:100], digits.target):
    answer = requests.get(sys.argv[1], json={"array": image.tolist()}, timeout=30)
    answer.raise_for_status()
    right += answer.json()["digit"] == digit
print(right)
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def run(program: str, *arguments: str, seconds: float, **variables: str) -> str:
    """Runs a notebook's cells, passes on what they print, and gives it back."""
    done = subprocess.run(
        [sys.executable, "-", *arguments],
        input=program,
        stdout=subprocess.PIPE,
        text=True,
        timeout=seconds,
        env={**os.environ, "SWIFT_RAY": "0", **variables},
    )
    print(done.stdout, end="", flush=True)
    assert done.returncode == 0, f"a notebook ended with code {done.returncode}"
    return done.stdout


def await_start(head: subprocess.Popen, log: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with open(log) as file:
            text = file.read()
        assert head.poll() is None, text
        if "Ray runtime started" in text:
            return
        time.sleep(0.1)
    raise AssertionError(text)


def main() -> None:
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    port, client_port, http_port = free_port(), free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        log = os.path.join(folder, "head.log")
        command = [os.path.join(os.path.dirname(sys.executable), "ray"), "start", "--head", "--block"]
        command += [
            "--node-ip-address=127.0.0.1",
            f"--port={port}",
            f"--ray-client-server-port={client_port}",
        ]
        command += [f"--num-cpus={WORKERS + 2}", "--include-dashboard=false", "--disable-usage-stats"]
        with open(log, "w") as file:
            head = subprocess.Popen(
                [*command, "--min-worker-port=0", "--max-worker-port=0"],
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, "RAY_TMPDIR": folder},
            )
        try:
            await_start(head, log)
            address = f"ray://127.0.0.1:{client_port}"
            output = run(NOTEBOOK, folder, str(http_port), seconds=300, HEAD=address)
            assert f"trained with {WORKERS} replicas" in output, output
            # The notebook is gone; what it serves is not.
            right = int(run(READER, f"http://127.0.0.1:{http_port}/digits", seconds=120))
            assert right >= 100 * RIGHT_MIN, right
            print("a notebook trained with four workers and served:", right, "of 100 digits read right")
        finally:
            head.terminate()
            head.wait(timeout=30)


if __name__ == "__main__":
    main()
