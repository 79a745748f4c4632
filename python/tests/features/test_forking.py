"""How workers come to be: alike, and each on its own."""

import os
import random
import subprocess
import sys
import threading
import time

import pytest
import ray

pytestmark = pytest.mark.usefixtures("cluster")


@ray.remote(num_cpus=0)
class Process:
    def __init__(self):
        self.random = random.random()

    def describe(self):
        return {
            "pid": os.getpid(),
            "group": os.getpgrp(),
            "folder": os.getcwd(),
            "random": self.random,
            "threads": threading.active_count(),
            "path": os.environ.get("PATH"),
            "actor": ray.get_runtime_context().get_actor_id(),
        }

    def start_child(self):
        return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"]).pid

    def output(self):
        print("to standard output", flush=True)
        print("to standard error", file=sys.stderr, flush=True)
        return sys.stdin.read()


def is_there(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_each_is_a_process_of_its_own():
    processes = [Process.remote() for _ in range(4)]
    found = ray.get([process.describe.remote() for process in processes], timeout=60)
    for name in ("pid", "random", "actor"):
        assert len({one[name] for one in found}) == 4, name
    for one in found:
        assert one["folder"] == os.getcwd()
        assert one["path"] == os.environ["PATH"]
    assert ray.get([process.output.remote() for process in processes], timeout=60) == [""] * 4


def test_it_is_seen_to_end():
    process = Process.remote()
    pid = ray.get(process.describe.remote(), timeout=60)["pid"]
    os.kill(pid, 9)
    with pytest.raises(ray.exceptions.RayActorError):
        ray.get(process.describe.remote(), timeout=60)
    deadline = time.monotonic() + 30
    while is_there(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_children_end_with_it():
    process = Process.remote()
    child = ray.get(process.start_child.remote(), timeout=60)
    assert is_there(child)
    ray.kill(process)
    deadline = time.monotonic() + 30
    while is_there(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_variables_of_an_environment_are_there_from_the_start():
    code = {"env_vars": {"PYTHONHASHSEED": "0", "MINE": "1"}}

    @ray.remote(runtime_env=code, num_cpus=0)
    def look():
        return os.environ["MINE"], hash("text")

    assert ray.get(look.remote(), timeout=60) == ray.get(look.remote(), timeout=60)
