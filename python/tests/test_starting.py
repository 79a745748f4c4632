"""A cluster that a driver starts for itself: its raylet loads the workers' program before the first task wants it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import ray

WAIT_S = 60
# The variable by which a program learns that it is to be forked from (`zygote.py`).
MARK = b"RAY_FORK_DESCRIPTOR="


def eventually(find: Callable[[], Any]) -> Any:
    """What `find` returns as soon as it is true."""
    end = time.monotonic() + WAIT_S
    while not (found := find()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def read(pid: int, name: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""


def children(pid: int) -> list[int]:
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [one for one in pids if read(one, "stat").rpartition(b")")[2].split()[1:2] == [str(pid).encode()]]


def raylet() -> int:
    (info,) = ray._private.worker._global_node.all_processes["raylet"]
    return info.process.pid


def loaded() -> list[int]:
    """The processes from which this cluster's workers are forked."""
    return [pid for pid in children(raylet()) if MARK in read(pid, "environ")]


def alone(test: Callable[[], None]) -> Callable[[], None]:
    """Runs a test in a process of its own, which no other test has connected."""

    def start() -> None:
        program = f"import conftest, test_starting; test_starting.{test.__name__}.inside()"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            timeout=3 * WAIT_S,
        )
        assert done.returncode == 0, done.stderr

    start.inside = test
    return start


@alone
def test_the_program_is_loaded_before_the_first_task_and_forked_for_it():
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    (first,) = eventually(loaded)
    variables = dict(part.split(b"=", 1) for part in read(first, "environ").split(b"\0") if b"=" in part)
    assert b"SWIFT_RAY_START_TOKEN" not in variables and b"SWIFT_RAY_JOB_ID" not in variables
    assert b"SWIFT_RAY_EXPECTED_PROGRAM" not in variables

    @ray.remote
    def worker():
        return os.getpid(), dict(os.environ)

    pid, seen = ray.get(worker.remote(), timeout=WAIT_S)
    assert loaded() == [first] and pid != first
    assert pid in children(raylet())
    assert "SWIFT_RAY_EXPECTED_PROGRAM" not in seen and "RAY_FORK_DESCRIPTOR" not in seen
    assert seen["SWIFT_RAY_JOB_ID"] == "1"


@alone
def test_what_the_settings_change_is_known_ahead():
    settings = {"worker_register_timeout_seconds": 77, "preload_python_modules": ["html.parser"]}
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False, _system_config=settings)
    first = eventually(loaded)
    assert ray.get(ray.remote(lambda: "html.parser" in sys.modules).remote(), timeout=WAIT_S)
    assert loaded() == first
    assert b"SWIFT_RAY_START_SECONDS=77\0" in read(first[0], "environ")


@alone
def test_nodes_that_no_driver_starts_for_itself_load_nothing_ahead():
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    ray.init(cluster.address, log_to_driver=False)
    (info,) = cluster.head_node.all_processes["raylet"]
    assert children(info.process.pid) == []
    assert ray.get(ray.remote(lambda: 1).remote(), timeout=WAIT_S) == 1
    assert children(info.process.pid) != []
    ray.shutdown()
    cluster.shutdown()


def test_a_driver_ends_whose_cluster_has_gone():
    program = """
import os, signal, ray
ray.init("local", num_cpus=1, include_dashboard=False)
assert ray.get(ray.remote(lambda: 1).remote()) == 1
for kind in ("raylet", "gcs_server"):
    (info,) = ray._private.worker._global_node.all_processes[kind]
    os.kill(info.process.pid, signal.SIGKILL)
"""
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=WAIT_S)
    assert done.returncode in (0, -signal.SIGTERM), done.stderr
    assert time.monotonic() - start < WAIT_S / 2
