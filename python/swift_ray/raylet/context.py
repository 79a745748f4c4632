"""What the code that runs on a thread, or in a coroutine, belongs to."""

import threading
from dataclasses import dataclass, field
from typing import Any

from swift_ray.raylet.task_context import async_task_id


@dataclass(slots=True)
class RunningTask:
    """One task of this process while it runs."""

    task_id: bytes
    name: str
    function_name: str
    attempt: int = 0
    actor_id: bytes | None = None
    resources: dict[str, float] = field(default_factory=dict)
    # The placement group, and whether its children go there, too.
    placement: tuple[bytes, bool] | None = None
    depth: int = 1
    # The task for `_core`; ends with it.
    handle: Any = None


_worker: Any = None


def ray_worker() -> Any:
    """Ray's `global_worker`; its module cannot be imported yet when the modules here are."""
    global _worker
    if _worker is None:
        from ray._private.worker import global_worker

        _worker = global_worker
    return _worker


class _Local(threading.local):
    task: RunningTask | None = None


_local = _Local()
# Tasks that run as coroutines, by the id that is in the coroutine's context.
coroutines: dict[bytes, RunningTask] = {}


def current() -> RunningTask | None:
    """The task of the calling thread or coroutine; None outside of tasks."""
    in_coroutine = async_task_id.get()
    if in_coroutine is not None:
        return coroutines.get(in_coroutine.binary(), _local.task)
    return _local.task


def enter(task: RunningTask | None) -> RunningTask | None:
    """Makes it the task of this thread; returns the one before."""
    before = _local.task
    _local.task = task
    return before
