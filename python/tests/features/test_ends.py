"""How a program ends that has started a cluster: what its workers printed is there, and nothing is left of it."""

import os
import subprocess
import sys
import time

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
print("session", ray._private.worker._global_node.session_name)
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
    session = next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("session "))
    for word in ("apples", "pears", "bananas"):
        assert word in done.stdout + done.stderr
    end = time.monotonic() + 30
    while left := processes_of(session):
        assert time.monotonic() < end, left
        time.sleep(0.1)


def test_at_its_end():
    done = run(PRINTS)
    assert done.returncode == 0, done.stderr
    has_ended_whole(done)


def test_by_an_exception():
    done = run(FAILS)
    assert done.returncode == 1 and "on purpose" in done.stderr
    has_ended_whole(done)


def test_by_shutdown_and_once_more():
    done = run(
        PRINTS
        + "import time; time.sleep(0.5); ray.shutdown()\n"
        + PRINTS.replace('print("session"', 'print("second"')
    )
    assert done.returncode == 0, done.stderr
    has_ended_whole(done)
