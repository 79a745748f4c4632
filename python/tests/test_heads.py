"""Whoever wants to join what Python cannot join hears at once what it is and what helps."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

OWN_PROGRAM = os.environ.get("RAY_BUILD", "") + "/ray"
WAIT_S = 60
# A loaded machine's interpreter takes some seconds to load Ray; without the refusal these tries take 20 s and more.
LIMIT_S = 10

TRY = """
import sys, time, ray
start = time.monotonic()
try:
    ray.init(ADDRESS, _temp_dir=FOLDER) if FOLDER else ray.init(ADDRESS)
except Exception as error:
    assert isinstance(error, (ConnectionError, RuntimeError, ray.exceptions.RayError)), error
    print(type(error).__name__, time.monotonic() - start, error)
"""


def tried(address: str, folder: str = "", **variables: str) -> tuple[str, float, str]:
    """The kind of error, after how many seconds it came, and what it says."""
    program = TRY.replace("ADDRESS", repr(address)).replace("FOLDER", repr(folder))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )
    kind, seconds, text = done.stdout.split(" ", 2)
    return kind, float(seconds), text


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def own_head(tmp_path_factory) -> Iterator[tuple[str, str, str]]:
    """A head of our own program: its address, that of its programs outside, and the folder of its session."""
    if not os.access(OWN_PROGRAM, os.X_OK):
        pytest.skip("RAY_BUILD does not name the folder of the program `ray`")
    # Sockets have short names only.
    folder = f"/tmp/ray-own-{os.getpid()}"
    port, outside = free_port(), free_port()
    output = tmp_path_factory.mktemp("head") / "output"
    options = [
        f"--port={port}",
        f"--ray-client-server-port={outside}",
        f"--temp-dir={folder}",
        "--num-cpus=1",
    ]
    with open(output, "w") as file:
        head = subprocess.Popen(
            [OWN_PROGRAM, "start", "--head", "--block", *options], stdout=file, stderr=file
        )
    try:
        end = time.monotonic() + WAIT_S
        while "Ray runtime started" not in output.read_text():
            assert time.monotonic() < end and head.poll() is None, output.read_text()
            time.sleep(0.1)
        yield f"127.0.0.1:{port}", f"127.0.0.1:{outside}", folder
    finally:
        head.terminate()
        head.wait(WAIT_S)
        subprocess.run(["rm", "-rf", folder], check=True)


def test_a_head_of_our_own_program_is_refused_by_its_address(own_head):
    kind, seconds, text = tried(own_head[0])
    assert kind == "Refused" and "ray start --head" in text and own_head[0] in text
    assert seconds < LIMIT_S


def test_a_head_of_our_own_program_is_refused_to_clients(own_head):
    kind, seconds, text = tried("ray://" + own_head[1])
    assert kind == "Refused" and "does not serve Ray Client" in text
    assert seconds < LIMIT_S


def test_who_looks_for_a_cluster_hears_of_our_own_head(own_head):
    kind, _, text = tried("auto", own_head[2])
    assert kind == "ConnectionError" and own_head[0] in text and "ray start --head" in text


def test_a_wrong_token_is_refused_at_once(own_head):
    kind, seconds, text = tried(own_head[0], RAY_AUTH_TOKEN="wrong")
    assert kind == "AuthenticationError" and "wrong" in text
    assert seconds < LIMIT_S


def test_what_is_no_head_is_refused_by_its_address():
    def answer(listener: socket.socket) -> None:
        # Until the listener is closed.
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" + bytes(100))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer, args=(listener,), daemon=True).start()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        kind, seconds, text = tried(address)
    assert kind == "Refused" and "no head of a cluster of swift-ray" in text
    assert seconds < LIMIT_S


def test_only_living_heads_are_told_of(tmp_path):
    from swift_ray.heads import own_heads

    session = tmp_path / "session_2026-01-01_00-00-00_000000_1"
    (session / "processes").mkdir(parents=True)
    (session / "head_address").write_text("127.0.0.1:6379\n")
    note = session / "processes" / "gcs_server-1"
    with open(f"/proc/{os.getpid()}/stat") as file:
        start = file.read().rpartition(") ")[2].split()[19]
    note.write_text(f"{os.getpid()} {start}\n")
    assert own_heads(str(tmp_path)) == ["127.0.0.1:6379"]
    # Another process that has got the number since.
    note.write_text(f"{os.getpid()} {int(start) - 1}\n")
    assert own_heads(str(tmp_path)) == []
    note.write_text("")
    assert own_heads(str(tmp_path)) == []
    # That of another program in Python, which joins it.
    note.write_text(f"{os.getpid()} {start}\n")
    (session / "gcs_server_port_ab").write_text("6379")
    assert own_heads(str(tmp_path)) == []


def test_a_program_beside_another_is_not_told_of_its_head():
    program = "import ray; ray.init(num_cpus=1, include_dashboard=False); {}print(ray.is_initialized())"
    inner = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {program.format('')!r}], check=True); "
    done = subprocess.run(
        [sys.executable, "-c", program.format(inner)], capture_output=True, text=True, timeout=WAIT_S * 4
    )
    assert done.stdout.split() == ["True", "True"], done.stderr
    assert "does not join" not in done.stderr
