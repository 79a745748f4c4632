"""A cluster that was started by `ray start`, and a program that joins it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from heads import OPTIONS, RAY, free_port, is_own_core, needs_command, started_head
from waiting import eventually

DRIVER = """
import ray
ray.init(address="ADDRESS", log_to_driver=False)

@ray.remote
def double(x):
    return 2 * x

print("result", ray.get([double.remote(i) for i in range(5)]), ray.cluster_resources()["CPU"])
"""


@needs_command
def test_start_and_join(tmp_path):
    port = free_port()
    with started_head(tmp_path, f"--port={port}", "--num-cpus=3"):
        program = DRIVER.replace("ADDRESS", f"127.0.0.1:{port}")
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert "result [0, 2, 4, 6, 8] 3.0" in done.stdout, done.stdout + done.stderr


@needs_command
def test_status(tmp_path):
    port = free_port()

    def status() -> str:
        command = [RAY, "status", f"--address=127.0.0.1:{port}"]
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout

    with started_head(tmp_path, f"--port={port}", "--num-cpus=3"):
        assert eventually(lambda: "/3.0 CPU" in status(), 60)
        text = status()
    for heading in ("======== Autoscaler status: ", "Node status", "Active:", "Pending:", "Total Usage:"):
        assert heading in text, text


ASKS = """
from ray._raylet import GcsClient
from ray.util import get_node_ip_address
try:
    GcsClient(address=get_node_ip_address() + ":PORT").internal_kv_get(b"key", None)
except Exception as error:
    print(type(error).__name__)
"""


@needs_command
def test_a_wrong_token_is_an_error_of_authentication(tmp_path):
    port = free_port()
    with started_head(tmp_path, f"--port={port}", RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="a" * 32):
        program = ASKS.replace("PORT", str(port))
        variables = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "b" * 32}
        done = subprocess.run(
            [sys.executable, "-c", program], env=variables, capture_output=True, text=True, timeout=60
        )
    assert done.stdout.strip() == "AuthenticationError", done.stdout + done.stderr


@needs_command
@pytest.mark.skipif(is_own_core, reason="there the command reaches a dashboard, if there is one")
def test_jobs_are_refused_at_once(tmp_path):
    port = free_port()
    with started_head(tmp_path, f"--port={port}"):
        command = [RAY, "job", "list", f"--address=127.0.0.1:{port}"]
        start = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "Error: swift-ray has no dashboard" in done.stderr
    assert "Traceback" not in done.stderr
    # Ray looks for a dashboard for 40 s.
    assert time.monotonic() - start < 30


WATCHER = """
import time
import ray
ray.init(address="ADDRESS", log_to_driver=False)

@ray.remote(resources={"far": 1})
class Holder:
    def here(self):
        return ray.get_runtime_context().get_node_id()

holder = Holder.remote()
node = ray.get(holder.here.remote())
print("placed", flush=True)
client = ray._private.worker.global_worker.gcs_client
while node not in client.get_draining_nodes():
    time.sleep(0.1)
# What runs there goes on until it ends by itself.
assert ray.get(holder.here.remote()) == node
ray.kill(holder)
while any(one["Alive"] for one in ray.nodes() if one["NodeID"] == node):
    time.sleep(0.1)
print("gone", flush=True)
"""


def children(process: int) -> set[int]:
    """The processes that it has started, and those that these have."""
    started = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(") ")[2].split()[1])
        except OSError:
            continue
        if parent == process:
            started |= {int(folder.name), *children(int(folder.name))}
    return started


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


@needs_command
def test_a_node_that_hears_sigterm_drains_and_ends_with_its_processes(tmp_path):
    port = free_port()
    address = f"127.0.0.1:{port}"
    limit = 60
    with started_head(tmp_path, f"--port={port}", "--num-cpus=1"):
        node = subprocess.Popen(
            [
                RAY,
                "start",
                f"--address={address}",
                "--block",
                "--num-cpus=1",
                '--resources={"far": 1}',
                OPTIONS[-1],
            ],
            env={**os.environ, "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": str(limit)},
            stdout=subprocess.DEVNULL,
        )
        watcher = subprocess.Popen(
            [sys.executable, "-c", WATCHER.replace("ADDRESS", address)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert watcher.stdout.readline() == "placed\n"
            started = children(node.pid)
            assert started
            begin = time.monotonic()
            node.terminate()
            assert watcher.stdout.readline() == "gone\n"
            # Ray says by this code that the command was ended; it does not wait for its limit when nothing is left to do.
            assert node.wait(timeout=30) == 1 and time.monotonic() - begin < limit
            assert eventually(lambda: not any(is_running(process) for process in started))
        finally:
            node.kill()
            watcher.kill()
