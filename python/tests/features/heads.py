"""Heads that the command `ray start` of Ray's Python starts."""

import importlib.metadata
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from waiting import eventually

RAY = shutil.which("ray", path=os.path.dirname(sys.executable))
OPTIONS = ["--include-dashboard=false", "--disable-usage-stats", "--object-store-memory=100000000"]


def is_installed() -> bool:
    try:
        return bool(importlib.metadata.version("swift-ray-core"))
    except importlib.metadata.PackageNotFoundError:
        return False


is_own_core = os.environ.get("SWIFT_RAY") == "0"
needs_command = pytest.mark.skipif(
    not is_installed() and not is_own_core,
    reason="swift-ray-core is not installed: the command `ray` would start Ray's own core",
)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def started_head(folder: Path, *options: str, **variables: str) -> Iterator[None]:
    """A head with these options while the context lasts; what it prints is in the file `head` of `folder`."""
    output = folder / "head"
    # Sockets have short names only.
    sessions = f"/tmp/ray-head-{os.getpid()}"
    with open(output, "w") as file:
        head = subprocess.Popen(
            [RAY, "start", "--head", "--block", *OPTIONS, *options],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                "RAY_TMPDIR": sessions,
                "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
                **variables,
            },
        )
    try:
        started = eventually(
            lambda: "Ray runtime started" in output.read_text() or head.poll() is not None, 60
        )
        assert started and head.poll() is None, output.read_text()
        yield
    finally:
        head.terminate()
        head.wait(timeout=30)
        shutil.rmtree(sessions, ignore_errors=True)


@contextmanager
def client_server(folder: Path) -> Iterator[str]:
    """A head that serves Ray Client while the context lasts: the address of that."""
    port = free_port()
    options = [f"--port={free_port()}", f"--ray-client-server-port={port}", "--num-cpus=4"]
    # Ray's own agent would try three times to install what there is not.
    variables = {"RAY_AUTH_MODE": "disabled", "RUNTIME_ENV_RETRY_TIMES": "1"}
    with started_head(folder, *options, **variables):
        yield f"127.0.0.1:{port}"
