"""What Ray's debugger tells: the port on which it waits in a worker, how many threads it holds there, and which tasks.

Kept among the keys of the control store, by worker; the lists of workers and of tasks show it.
"""

import threading
from typing import Any

import msgpack

NAMESPACE = b"swift_ray_debugger"
PORT, PAUSED = "debugger_port", "num_paused_threads"
HELD_TASKS, IS_HELD = "held_tasks", "is_debugger_paused"
COLUMNS = (PORT, PAUSED)
# Threads of a process are held at the same time; nobody else writes of it.
_lock = threading.Lock()


def known(client: Any, worker: bytes) -> dict[str, Any]:
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


def hold(client: Any, worker: bytes, task: bytes, is_held: bool) -> None:
    """The debugger holds a task of that worker, or does not any more."""
    with _lock:
        record = known(client, worker)
        held = {*record.get(HELD_TASKS, ())} - {task}
        _keep(client, worker, record | {HELD_TASKS: sorted(held | {task} if is_held else held)})


def _keep(client: Any, worker: bytes, record: dict[str, Any]) -> None:
    client.internal_kv_put(worker, msgpack.packb(record), True, NAMESPACE)


def show_workers(client: Any, rows: list[dict]) -> None:
    """Adds the columns to rows of the list of workers."""
    told = {key.hex() for key in client.internal_kv_keys(b"", NAMESPACE)}
    for row in rows:
        worker = row["worker_id"]
        notes = known(client, bytes.fromhex(worker)) if worker in told else {}
        row.update({column: notes.get(column, 0) for column in COLUMNS})


def show_tasks(client: Any, rows: list[dict]) -> None:
    """Adds the column to rows of the list of tasks."""
    workers = client.internal_kv_keys(b"", NAMESPACE)
    held = {task.hex() for worker in workers for task in known(client, worker).get(HELD_TASKS, ())}
    for row in rows:
        row[IS_HELD] = row["task_id"] in held


# Columns of lists that the control store does not know, and what fills them.
NOTES = {"workers": (COLUMNS, show_workers), "tasks": ((IS_HELD,), show_tasks)}
