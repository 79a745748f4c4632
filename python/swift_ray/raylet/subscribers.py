"""What the driver is told: lines that workers printed, and errors of the system."""

import contextlib
import threading
import time
from collections import deque
from typing import Any

import msgpack

from swift_ray import _core
from swift_ray._core import CoreError
from swift_ray._native import JobID
from swift_ray.raylet.context import ray_worker

# How long a thread waits before it looks whether its subscriber was closed.
SLICE_MS = 200
FOREVER_S = 1e9
# How lines begin by which workers say whose output follows (Ray's LOG_PREFIX_… constants).
NAMES = (":job_id:", ":actor_name:", ":task_name:")
# What raylets are called in front of what they say themselves.
RAYLET = "raylet"


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
        # Parts of what came in one piece, of different tasks.
        self._waiting: deque[dict[str, Any]] = deque()
        # Whose lines follow, by host, process and stream: the names of an actor and of a task.
        self._names: dict[tuple, tuple[str, str]] = {}
        # Nodes that have passed on what was printed when `wait_until_printed` began.
        self._flushed = threading.Semaphore(0)

    @property
    def last_batch_size(self) -> int:
        return self._last_batch_size

    def close(self) -> None:
        super().close()
        core = getattr(ray_worker(), "core_worker", None)
        if core is not None:
            with contextlib.suppress(CoreError):
                core.control("wake_printing")

    def poll(self, timeout: float | None = None) -> dict[str, Any]:
        """The next lines of one task; after `timeout` seconds, or once closed, a batch without lines."""
        deadline = time.monotonic() + (FOREVER_S if timeout is None else timeout)
        while not self._waiting and not self._closed.is_set() and time.monotonic() < deadline:
            batch = _core.next_log(SLICE_MS)
            if batch is not None:
                self._take(msgpack.unpackb(batch))
        part = self._waiting.popleft() if self._waiting else _batch()
        self._last_batch_size = len(part["lines"])
        return part

    def _take(self, batch: dict) -> None:
        if batch["lines"]:
            self._waiting.extend(self._parts(batch))
        else:
            # Who polls has printed everything that came before.
            self._flushed.release()

    def wait_until_printed(self, seconds: float) -> None:
        """Returns when the thread that polls has printed what workers have printed so far, or after `seconds`."""
        import ray.exceptions

        deadline = time.monotonic() + seconds
        try:
            nodes = ray_worker().gcs_client.nodes(timeout=seconds)
            ray_worker().core_worker.control("flush_lines")
        except (CoreError, ray.exceptions.RpcError):
            # Nobody is left who could pass on anything.
            return
        for _ in range(sum(node["alive"] for node in nodes)):
            if not self._flushed.acquire(timeout=max(0.0, deadline - time.monotonic())):
                return

    def _parts(self, batch: dict) -> list[dict[str, Any]]:
        """The lines that people are to read, with the names that workers print in front of them."""
        source = (batch["host"], batch["pid"], batch["is_err"])
        parts: list[dict[str, Any]] = []
        is_new = True
        for line in batch["lines"]:
            if line.startswith(NAMES):
                kind, _, name = line.removeprefix(":").partition(":")
                if kind != "job_id":
                    self._names[source] = (name, "") if kind == "actor_name" else ("", name)
                is_new = True
                continue
            if is_new:
                actor, task = self._names.get(source, ("", ""))
                parts.append(
                    _batch(
                        ip=batch["host"],
                        pid=RAYLET if batch["name"] == RAYLET else str(batch["pid"]),
                        job=batch["job"].hex(),
                        is_err=batch["is_err"],
                        actor_name=actor,
                        task_name=task,
                    )
                )
                is_new = False
            parts[-1]["lines"].append(line)
        return parts


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
    """Errors that are no call's result. Each subscriber has all that come after its `subscribe`."""

    def __init__(self, address: str = "", worker_id: bytes | None = None) -> None:
        super().__init__(address, worker_id)
        # Which error is the next one; None until this subscribes.
        self._position: int | None = None

    def subscribe(self) -> None:
        self._position = ray_worker().core_worker.control("subscribe_errors")

    def poll(self, timeout: float | None = None) -> tuple[bytes | None, dict | None]:
        """The next error's key and what it says; (None, None) after `timeout` seconds or once closed."""
        deadline = time.monotonic() + (FOREVER_S if timeout is None else timeout)
        while not self._closed.is_set() and time.monotonic() < deadline:
            error = self._next(min(SLICE_MS, max(0, int((deadline - time.monotonic()) * 1000))))
            if error is not None:
                return error["key"], {
                    "job_id": error["job"] or JobID.nil().binary(),
                    "type": error["type"],
                    "error_message": error["message"],
                    "timestamp": error["timestamp"],
                }
        return None, None

    def _next(self, milliseconds: int) -> dict | None:
        core = getattr(ray_worker(), "core_worker", None)
        if core is not None and self._position is not None:
            with contextlib.suppress(CoreError):
                found = core.control("next_error", position=self._position, milliseconds=milliseconds)
                self._position = found["next"]
                return found["error"]
        # Nobody is there, or not yet.
        self._closed.wait(SLICE_MS / 1000)
        return None
