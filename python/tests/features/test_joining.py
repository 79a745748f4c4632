"""A cluster that was started by `ray start`, and a program that joins it."""

import importlib.metadata
import os
import shutil
import socket
import subprocess
import sys
import time

import pytest

RAY = shutil.which("ray", path=os.path.dirname(sys.executable))

DRIVER = """
import ray
ray.init(address="ADDRESS", log_to_driver=False)

@ray.remote
def double(x):
    return 2 * x

print("result", ray.get([double.remote(i) for i in range(5)]), ray.cluster_resources()["CPU"])
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def is_installed() -> bool:
    try:
        return bool(importlib.metadata.version("swift-ray-core"))
    except importlib.metadata.PackageNotFoundError:
        return False


@pytest.mark.skipif(
    not is_installed() and os.environ.get("SWIFT_RAY") != "0",
    reason="swift-ray-core is not installed: the command `ray` would start Ray's own core",
)
def test_start_and_join(tmp_path):
    port = free_port()
    options = ["--include-dashboard=false", "--disable-usage-stats", "--object-store-memory=100000000"]
    head = subprocess.Popen(
        [RAY, "start", "--head", "--block", f"--port={port}", "--num-cpus=3", *options],
        stdout=open(tmp_path / "head", "w"),
        stderr=subprocess.STDOUT,
        env={**os.environ, "RAY_TMPDIR": "/tmp/ray-joining"},
    )
    try:
        deadline = time.monotonic() + 60
        done = None
        while time.monotonic() < deadline:
            if "Ray runtime started" in (tmp_path / "head").read_text():
                program = DRIVER.replace("ADDRESS", f"127.0.0.1:{port}")
                done = subprocess.run(
                    [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
                )
                break
            time.sleep(0.2)
        assert done is not None, (tmp_path / "head").read_text()
        assert "result [0, 2, 4, 6, 8] 3.0" in done.stdout, done.stdout + done.stderr
    finally:
        head.terminate()
        head.wait(timeout=30)
