"""What the driver is told: lines that workers printed, and errors of the system."""

import threading
import time
from typing import Any

import msgpack

from swift_ray import _core

# How long a thread waits before it looks whether its subscriber was closed.
SLICE_MS = 200
FOREVER_S = 1e9


class _Subscriber:
    def __init__(self, address: str = "", worker_id: bytes | None = None) -> None:
        self._closed = threading.Event()

    def subscribe(self) -> None:
        """Nothing is missed from here on; the core subscribes by itself."""

    def close(self) -> None:
        """Ends every `poll`, also those that wait."""
        self._closed.set()


class GcsLogSubscriber(_Subscriber):
    """The lines that workers of this driver print."""

    def __init__(self, address: str = "", worker_id: bytes | None = None) -> None:
        super().__init__(address, worker_id)
        self._last_batch_size = 0

    @property
    def last_batch_size(self) -> int:
        return self._last_batch_size

    def poll(self, timeout: float | None = None) -> dict[str, Any]:
        """The next lines of one process; after `timeout` seconds, or once closed, a batch without lines."""
        deadline = time.monotonic() + (FOREVER_S if timeout is None else timeout)
        while not self._closed.is_set() and time.monotonic() < deadline:
            batch = _core.next_log(SLICE_MS)
            if batch is not None:
                return self._translate(msgpack.unpackb(batch))
        self._last_batch_size = 0
        return _batch()

    def _translate(self, batch: dict) -> dict[str, Any]:
        self._last_batch_size = len(batch["lines"])
        return _batch(
            ip=batch["host"],
            pid=str(batch["pid"]),
            job=batch["job"].hex(),
            is_err=batch["is_err"],
            lines=batch["lines"],
        )


def _batch(
    ip: str = "",
    pid: str = "",
    job: str = "",
    is_err: bool = False,
    lines: list[str] | None = None,
    actor_name: str = "",
    task_name: str = "",
) -> dict[str, Any]:
    return {
        "ip": ip,
        "pid": pid,
        "job": job,
        "is_err": is_err,
        "lines": lines or [],
        "actor_name": actor_name,
        "task_name": task_name,
    }


class GcsErrorSubscriber(_Subscriber):
    """Errors that belong to no call; the core prints its own on standard error."""

    def poll(self, timeout: float | None = None) -> tuple[bytes | None, dict | None]:
        """(None, None) after `timeout` seconds or once closed."""
        self._closed.wait(timeout)
        return None, None
