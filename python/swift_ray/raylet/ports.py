"""Files by which the processes of a node tell each other their ports: <name>_<node id> in the session's folder."""

import os
import time

from swift_ray import daemons
from swift_ray._native import NodeID


def get_port_filename(node_id: str, port_name: str) -> str:
    """The name of the file; `node_id` in hexadecimal digits."""
    return f"{port_name}_{NodeID.from_hex(node_id).hex()}"


def persist_port(dir: str, node_id: str, port_name: str, port: int) -> None:
    """Writes the port in decimal digits; readers see all of it or nothing. RuntimeError: the folder refuses it."""
    path = os.path.join(dir, get_port_filename(node_id, port_name))
    temporary = path + ".tmp"
    try:
        with open(temporary, "w") as file:
            file.write(str(port))
        os.replace(temporary, path)
    except OSError as error:
        raise RuntimeError(f"Failed to open temp file for writing: {temporary}: {error.strerror}") from error


def _read_port(path: str) -> int | None:
    try:
        with open(path) as file:
            text = file.read().removesuffix("\n")
    except (OSError, UnicodeDecodeError):
        return None
    return int(text) if text.isascii() and text.isdigit() and int(text) < 65536 else None


def wait_for_persisted_port(
    dir: str, node_id: str, port_name: str, timeout_ms: int = 30000, poll_interval_ms: int = 100
) -> int:
    """The port, as soon as its file is there.

    Raises:
        RuntimeError: the timeout has passed, or the daemon that would write it has ended.
    """
    path = os.path.join(dir, get_port_filename(node_id, port_name))
    start = time.monotonic()
    role = port_name.removesuffix("_port")
    while (port := _read_port(path)) is None:
        daemons.check(role, node_id)
        if time.monotonic() - start >= timeout_ms / 1000:
            raise RuntimeError(f"Timed out waiting for file {path}")
        daemons.pause(start, poll_interval_ms / 1000)
    return port
