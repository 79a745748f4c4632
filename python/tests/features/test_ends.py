"""How a program ends that has started a cluster: what its workers printed is there, and nothing is left of it."""

import os
import re
import subprocess
import sys
import time

import pytest

PRINTS = """
import ray
ray.init("local", num_cpus=2, include_dashboard=False)

@ray.remote
def say(text):
    print(text)

@ray.remote
class Speaker:
    def say(self, text):
        print(text)

ray.get([say.remote("apples"), say.remote("pears")])
speaker = Speaker.remote()
ray.get(speaker.say.remote("bananas"))
print(ray._private.worker._global_node.session_name)
"""
FAILS = PRINTS + "raise ValueError('on purpose')\n"


def run(program: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)


def processes_of(session: str) -> list[str]:
    """The command lines of processes that know of a session."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                command = file.read()
            with open(f"/proc/{pid}/environ", "rb") as file:
                variables = file.read()
        except OSError:
            continue
        if session.encode() in command + variables:
            found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return found


def has_ended_whole(done: subprocess.CompletedProcess) -> None:
    # Lines that are printed at the same time may be on one.
    sessions = re.findall(r"session_\d{4}-[\w-]*\w", done.stdout)
    assert sessions
    for word in ("apples", "pears", "bananas"):
        assert word in done.stdout + done.stderr
    end = time.monotonic() + 30
    while left := [one for session in sessions for one in processes_of(session)]:
        assert time.monotonic() < end, left
        time.sleep(0.1)


def test_at_its_end():
    done = run(PRINTS)
    assert done.returncode == 0, done.stderr
    has_ended_whole(done)


def test_calls_that_nobody_waits_for_have_a_moment(tmp_path):
    program = f"""
import os, time
import ray
ray.init("local", num_cpus=1, include_dashboard=False)

@ray.remote
def leave(name):
    time.sleep(0.05)
    open(os.path.join({str(tmp_path)!r}, name), "w").close()

ray.get(leave.remote("first"))
leave.remote("second")
"""
    assert run(program).returncode == 0
    assert sorted(os.listdir(tmp_path)) == ["first", "second"]


def test_calls_that_take_longer_do_not_hold_it_up():
    program = PRINTS + "ray.remote(lambda: __import__('time').sleep(1000)).remote()"
    start = time.monotonic()
    done = run(program)
    assert done.returncode == 0 and time.monotonic() - start < 60
    has_ended_whole(done)


def test_by_an_exception():
    done = run(FAILS)
    assert done.returncode == 1 and "on purpose" in done.stderr
    has_ended_whole(done)


def test_by_shutdown_and_once_more():
    done = run(PRINTS + "import time; time.sleep(0.5); ray.shutdown()\n" + PRINTS)
    assert done.returncode == 0, done.stderr
    has_ended_whole(done)


SPILLS = """
import time
import ray
ray.init("local", num_cpus=1, object_store_memory=100 << 20, include_dashboard=False)
references = [ray.put(bytes(30 << 20)) for _ in range(10)]
# What raylets say is passed on when it is noticed.
time.sleep(3)
"""


@pytest.mark.parametrize("limit", [0, 1])
def test_spills_are_told(limit, monkeypatch):
    monkeypatch.setenv("RAY_verbose_spill_logs", str(limit))
    done = run(SPILLS)
    assert done.returncode == 0, done.stderr
    told = re.search(r"\(raylet\) Spilled \d+ MiB, \d+ objects", re.sub("\x1b[^m]*m", "", done.stderr))
    assert bool(told) == (limit > 0)
