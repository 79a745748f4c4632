"""How workers come to be: alike, and each on its own."""

import gc
import multiprocessing
import os
import random
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import ray
from heads import is_own_core

pytestmark = pytest.mark.usefixtures("cluster")
has_safe_forks = pytest.mark.skipif(
    is_own_core, reason="there a child ends or holds up the process it comes from"
)


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


# A driver that forks while it holds references and arrays on the store's memory. The child lets them all go.
FORKING_DRIVER = """
import gc, os, sys
import numpy as np
import ray

ray.init("local", num_cpus=2, object_store_memory=100 << 20, include_dashboard=False, log_to_driver=False)

@ray.remote
class Counter:
    count = 0
    def add(self):
        self.count += 1
        return self.count

def filled(number):
    return np.full(8 << 20, number, dtype=np.uint8)

counter = Counter.remote()
assert ray.get(counter.add.remote()) == 1
references = [ray.put(filled(number)) for number in range(4)]
small = [ray.put(number) for number in range(100)]
arrays = ray.get(references)
child = os.fork()
if child == 0:
    del references, small, arrays, counter
    gc.collect()
    {end}
_, status = os.waitpid(child, 0)
assert status == 0, status
assert ray.get(small, timeout=30) == list(range(100))
# Arrays alone keep their place in the store, which now is filled several times over.
del references
for number in range(4, 40):
    assert ray.get(ray.put(filled(number)), timeout=30)[-1] == number
assert [(array.min(), array.max()) for array in arrays] == [(number, number) for number in range(4)]
assert ray.get(counter.add.remote(), timeout=30) == 2
print("unharmed")
"""


def driver(program: str) -> str:
    """What a program of its own prints."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr[-3000:]


@has_safe_forks
def test_child_of_a_driver_does_it_no_harm():
    assert "unharmed" in driver(FORKING_DRIVER.replace("{end}", "os._exit(0)"))


@has_safe_forks
def test_child_of_a_driver_that_ends_as_programs_do_does_it_no_harm():
    assert "unharmed" in driver(FORKING_DRIVER.replace("{end}", "sys.exit()"))


@has_safe_forks
def test_calls_in_a_child_say_what_helps():
    reference, process = ray.put(1), Process.remote()
    ray.get(process.describe.remote(), timeout=60)
    calls = {
        "get": lambda: ray.get(reference),
        "put": lambda: ray.put(2),
        "wait": lambda: ray.wait([reference]),
        "future": lambda: reference.future(),
        "call": lambda: process.describe.remote(),
        "create": lambda: Process.remote(),
        "nodes": lambda: ray.nodes(),
        "shutdown": lambda: ray.shutdown(),
    }
    reader, writer = multiprocessing.get_context("fork").Pipe(duplex=False)

    def call_all():
        for name, call in calls.items():
            try:
                call()
                writer.send((name, "no error"))
            except Exception as error:
                writer.send((name, str(error)))

    child = multiprocessing.get_context("fork").Process(target=call_all)
    child.start()
    for _ in calls:
        assert reader.poll(20), "a call has no answer"
        name, said = reader.recv()
        assert "spawn" in said, (name, said)
    child.join(20)
    assert child.exitcode == 0
    assert ray.get(reference, timeout=30) == 1


@has_safe_forks
def test_child_of_a_task_does_it_no_harm():
    @ray.remote
    def use(references):
        values = ray.get(references)
        held = [ray.put(number) for number in range(10)]

        def let_go():
            values.clear()
            held.clear()
            gc.collect()

        child = multiprocessing.get_context("fork").Process(target=let_go)
        child.start()
        child.join(30)
        return child.exitcode, [value.sum() for value in values], ray.get(held), os.getpid()

    references = [ray.put(np.ones(1 << 20, dtype=np.uint8)) for _ in range(3)]
    first, second = ray.get(use.remote(references), timeout=60), ray.get(use.remote(references), timeout=60)
    assert first[:3] == second[:3] == (0, [1 << 20] * 3, list(range(10)))
