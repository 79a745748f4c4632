"""Ray Serve: a model over HTTP on port 8000, scaled to three replicas, of which one is killed while it is called."""

import os
import signal
import time

import ray
import requests
from ray import serve
from sklearn.datasets import load_digits
from sklearn.svm import SVC
from starlette.requests import Request

URL = "http://127.0.0.1:8000/"


@serve.deployment(ray_actor_options={"num_cpus": 0.1})
class Reader:
    def __init__(self) -> None:
        digits = load_digits()
        self.model = SVC(gamma=0.001).fit(digits.data, digits.target)

    async def __call__(self, request: Request) -> dict:
        pixels = (await request.json())["pixels"]
        return {"digit": int(self.model.predict([pixels])[0]), "pid": os.getpid()}


def read(pixels: list[float], pids: set[int]) -> int:
    """The digit of an image; who answered is added to `pids`. An answer that a dying replica owes is asked for again."""
    for _ in range(3):
        answer = requests.post(URL, json={"pixels": pixels}, timeout=30)
        if answer.ok:
            pids.add(answer.json()["pid"])
            return answer.json()["digit"]
    raise AssertionError(answer.text)


def main() -> None:
    ray.init("local", num_cpus=4, include_dashboard=False)
    digits = load_digits()
    images = [image.tolist() for image in digits.data[:60]]

    serve.run(Reader.options(num_replicas=1).bind())
    first: set[int] = set()
    right = sum(read(image, first) == digit for image, digit in zip(images, digits.target))
    assert right >= 58 and len(first) == 1, (right, first)

    serve.run(Reader.options(num_replicas=3).bind())
    replicas: set[int] = set()
    deadline = time.monotonic() + 60
    while len(replicas) < 3 and time.monotonic() < deadline:
        read(images[0], replicas)
    assert len(replicas) == 3, replicas

    killed = replicas.pop()
    after: set[int] = set()
    for count, (image, digit) in enumerate(zip(images * 2, [*digits.target[:60]] * 2)):
        if count == 20:
            os.kill(killed, signal.SIGKILL)
            after.clear()
        right += read(image, after) == digit
    assert right >= 174 and killed not in after, (right, killed, after)
    print("read 180 digits,", right, "right; one replica, then three, then one of them killed")
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main()
