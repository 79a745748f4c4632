"""What Ray's debugger tells of workers: the port on which it waits in one, and how many threads it holds there.

Kept among the keys of the control store, by worker; the list of workers shows it.
"""

import threading
from typing import Any

import msgpack

NAMESPACE = b"swift_ray_debugger"
PORT, PAUSED = "debugger_port", "num_paused_threads"
COLUMNS = (PORT, PAUSED)
# Threads of a process are held at the same time; nobody else writes of it.
_lock = threading.Lock()


def known(client: Any, worker: bytes) -> dict[str, int]:
    """What is told of a worker."""
    value = client.internal_kv_get(worker, NAMESPACE)
    return msgpack.unpackb(value) if value else {}


def tell(client: Any, worker: bytes, column: str, value: int) -> bool:
    """Always true: it was kept."""
    with _lock:
        _keep(client, worker, known(client, worker) | {column: value})
    return True


def add_paused(client: Any, worker: bytes, delta: int) -> bool:
    """So many more threads are held there. Always true: it was kept."""
    with _lock:
        record = known(client, worker)
        _keep(client, worker, record | {PAUSED: record.get(PAUSED, 0) + delta})
    return True


def _keep(client: Any, worker: bytes, record: dict[str, int]) -> None:
    client.internal_kv_put(worker, msgpack.packb(record), True, NAMESPACE)


def show(client: Any, rows: list[dict]) -> None:
    """Adds the columns to rows of the list of workers."""
    told = {key.hex() for key in client.internal_kv_keys(b"", NAMESPACE)}
    for row in rows:
        worker = row["worker_id"]
        row.update(
            dict.fromkeys(COLUMNS, 0) | (known(client, bytes.fromhex(worker)) if worker in told else {})
        )
