"""The processes of a cluster that a program starts: how they start and end with it, and what is said if they do not."""

import json
import os
import subprocess
import sys
import time

import pytest
from test_heads import free_port
from test_starting import WAIT_S, eventually, read

START = """
import json, os, signal, threading, ray

def begin():
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)

def processes():
    node = ray._private.worker._global_node
    return {kind: info.process.pid for kind, (info,) in node.all_processes.items()}

def works():
    return ray.get(ray.remote(lambda: 1).remote(), timeout=60) == 1
"""


def start(program: str, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", START + program],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(program: str, **environment: str) -> str:
    """What the program has printed."""
    process = start(program, **environment)
    output, errors = process.communicate(timeout=2 * WAIT_S)
    assert process.returncode == 0, errors
    return output


def test_what_other_libraries_do_in_forks_is_nothing_to_them():
    """gRPC starts threads in a forked child, and these now and then end it; here, the child ends for certain."""
    finish("""
import ctypes
libc = ctypes.CDLL(None)
begin_children = libc.__register_atfork
begin_children(None, None, ctypes.cast(libc.abort, ctypes.c_void_p), None)
begin()
assert works()
""")


def test_what_is_typed_into_the_terminal_is_not_meant_for_them():
    finish("""
begin()
pids = processes()
for pid in pids.values():
    os.kill(pid, signal.SIGINT)
assert works() and len(ray.nodes()) == 1
# It waits there for good: nobody takes it for a wish to end.
for pid in pids.values():
    (waiting,) = [line.split()[1] for line in open(f"/proc/{pid}/status") if line.startswith("ShdPnd")]
    assert int(waiting, 16) & 1 << signal.SIGINT - 1
assert all(info.process.poll() is None for (info,) in ray._private.worker._global_node.all_processes.values())
""")


def test_they_end_in_good_order():
    """No thread of theirs lets SIGTERM through: the whole process would be gone."""
    finish("""
begin()
assert works()
node = ray._private.worker._global_node
links = node.get_session_dir_path() + "/links"
assert os.listdir(links)
for kind in ("raylet", "gcs_server"):
    (info,) = node.all_processes[kind]
    info.process.terminate()
    assert info.process.wait(60) == 0, kind
assert os.listdir(links) == []
""")


def test_they_outlive_the_thread_that_started_them():
    finish("""
thread = threading.Thread(target=begin)
thread.start()
thread.join()
assert works()
""")


def test_they_end_with_the_program_and_leave_its_logs():
    process = start("""
begin()
assert works()
print(json.dumps([list(processes().values()), ray._private.worker._global_node.get_session_dir_path()]), flush=True)
input()
""")
    with process:
        pids, session = json.loads(process.stdout.readline())
        process.kill()
    eventually(lambda: not any(b"swift_ray" in read(pid, "cmdline") for pid in pids))
    # The head would remove it a moment before its end.
    assert os.path.exists(f"{session}/logs/raylet.out")


@pytest.mark.parametrize(
    "role, variable, has_port",
    [
        ("gcs_server", "scheduler_spread_threshold", False),
        ("gcs_server", "scheduler_spread_threshold", True),
        ("raylet", "min_spilling_size", False),
    ],
)
def test_one_that_cannot_start_is_told_of_at_once(role, variable, has_port):
    begun = time.monotonic()
    environment = {f"RAY_{variable}": "much"}
    if has_port:
        environment["RAY_GCS_SERVER_PORT"] = str(free_port())
    told = finish(
        """
try:
    begin()
except ConnectionError as error:
    print(isinstance(error, RuntimeError), error)
""",
        **environment,
    )
    assert told.startswith(f"{role == 'gcs_server'} The {role} of this node ended with exit code 1: {role}: ")
    assert f"RAY_{variable}" in told and f"{role}.err" in told
    assert time.monotonic() - begun < 20
