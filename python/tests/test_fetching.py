"""What is asked of the core for one `ray.get`."""

import os
import subprocess
import sys

import ray  # noqa: F401

from swift_ray.raylet.objects import FetchedReferences

# In a process of its own, which no other test has connected.
PROGRAM = """
import signal
import time
import conftest
import ray
from swift_ray import _core

counts = {"get_now": 0, "get": 0}
limits = []
for name in counts:
    def count(*arguments, name=name, ask=getattr(_core, name)):
        counts[name] += 1
        if name == "get":
            limits.append(arguments[1])
        return ask(*arguments)
    setattr(_core, name, count)
ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)

@ray.remote(max_retries=0)
def fail():
    raise KeyError("it")

def asked(get):
    before = dict(counts)
    get()
    return {name: counts[name] - before[name] for name in counts}

def fails():
    reference = fail.remote()
    try:
        ray.get(reference)
    except KeyError:
        return
    raise AssertionError("no error")

plain, others = ([ray.put(value) for value in values] for values in ([1, b"2", "3"], [(1,), 2, {3}]))
assert asked(lambda: ray.get(plain)) == {"get_now": 1, "get": 0}
assert asked(lambda: ray.get(others)) == {"get_now": 1, "get": 0}
assert asked(fails) == {"get_now": 1, "get": 1}

@ray.remote
def wait():
    time.sleep(60)

def times_out():
    reference = wait.remote()
    try:
        ray.get(reference, timeout=0.25)
    except ray.exceptions.GetTimeoutError:
        return
    raise AssertionError("no limit")

# Its limit counts once.
assert asked(times_out) == {"get_now": 1, "get": 1}
assert limits[-1] == 250

def interrupt(number, frame):
    raise TypeError("by a handler")

# What a handler raises in a get is no matter of the references.
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.3)
before = dict(counts)
try:
    ray.get(wait.remote(), timeout=20)
except TypeError as error:
    assert str(error) == "by a handler"
else:
    raise AssertionError("no error")
assert counts["get"] == before["get"] + 1
print("done")
"""


def test_the_core_is_asked_once_whatever_is_there():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0 and done.stdout.endswith("done\n"), done.stdout + done.stderr


def test_references_whose_objects_were_fetched_are_references():
    references = FetchedReferences([1, 2], ["one", "two"])
    assert references == [1, 2] and references.objects == ["one", "two"]
