"""What a program that fails shows its user: the reason, and none of the lines between user code and the core."""

import os
import socket
import subprocess
import sys

import pytest
import ray
from ray.exceptions import RayTaskError, WorkerCrashedError
from waiting import eventually

pytestmark = pytest.mark.usefixtures("cluster")

CONSTRUCTOR = """
import sys, ray
ray.init("local", num_cpus=1, include_dashboard=False)

@ray.remote
class Broken:
    def __init__(self):
        raise RuntimeError("on purpose")

broken = Broken.remote()
# Until it has been told of.
sys.stdin.read()
"""


def test_a_constructor_that_fails_is_told_of_without_a_call(tmp_path):
    output = tmp_path / "output"

    def is_told() -> bool:
        said = output.read_text()
        return "Exception raised in creation task" in said and "RuntimeError: on purpose" in said

    with open(output, "w") as file:
        driver = subprocess.Popen(
            [sys.executable, "-c", CONSTRUCTOR], stdin=subprocess.PIPE, stdout=file, stderr=file
        )
    try:
        assert (
            eventually(lambda: is_told() or driver.poll() is not None, 60) and is_told()
        ), output.read_text()
        driver.communicate(timeout=60)
    finally:
        driver.kill()
        driver.communicate()


@ray.remote(num_returns=2)
def several(count):
    return list(range(count))


@pytest.mark.parametrize("count", [1, 3])
def test_a_wrong_number_of_results_is_told_without_inner_lines(count):
    with pytest.raises(RayTaskError) as raised:
        ray.get(several.remote(count)[0])
    text = str(raised.value)
    assert f"Task returned {count} objects, but num_returns=2." in text
    assert "swift_ray" not in text and "results.py" not in text


@ray.remote(max_retries=0)
def leave():
    os._exit(3)


def test_a_crash_of_a_worker():
    with pytest.raises(
        WorkerCrashedError, match="The worker died unexpectedly while executing this task"
    ) as raised:
        ray.get(leave.remote())
    if os.environ.get("SWIFT_RAY") != "0":
        # Ray's own core names a log only.
        assert "ended with exit code 3" in str(raised.value)
        assert "ended with exit code 3" in str(ray.cloudpickle.loads(ray.cloudpickle.dumps(raised.value)))


def test_nodes_name_their_host():
    assert [node["NodeManagerHostname"] for node in ray.nodes()] == [socket.gethostname()]
