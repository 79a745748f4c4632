"""What the code that runs on a thread, or in a coroutine, belongs to."""

import threading
from typing import Any

from swift_ray.raylet.task_context import async_task_id


class RunningTask:
    """One task of this process while it runs."""

    __slots__ = ("_described", "_task")

    depth = 1

    def __init__(self, described: dict, task: Any) -> None:
        """`described`: what tasks like it have in common (`Execution.description_of`); `task`: it as `_core` gave it."""
        self._described = described
        self._task = task

    @property
    def task_id(self) -> bytes:
        return self._task.id

    @property
    def attempt(self) -> int:
        return self._task.attempt

    @property
    def name(self) -> str:
        return self._described["shown"]

    @property
    def function_name(self) -> str:
        return self._described["function_name"]

    @property
    def actor_id(self) -> bytes | None:
        return self._described["actor"]

    @property
    def resources(self) -> dict[str, float]:
        return self._described["resources"]

    @property
    def placement(self) -> tuple[bytes, bool] | None:
        """The placement group, and whether its children go there, too."""
        return self._described["placement"]


_worker: Any = None


def ray_worker() -> Any:
    """Ray's `global_worker`; its module cannot be imported yet when the modules here are."""
    global _worker
    if _worker is None:
        from ray._private.worker import global_worker

        _worker = global_worker
    return _worker


# The task that has begun or ended last in this process.
_latest: RunningTask | None = None
# The constructor of an actor that runs several calls at a time.
constructor: bytes | None = None


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
    global _latest
    before = _local.task
    _local.task = _latest = task
    return before


def parent() -> bytes | None:
    """The task that calls from here are children of.

    As in Ray, threads that user code has started belong to the task that runs, and where several may run, to the
    constructor of their actor.
    """
    task = current()
    if task is not None:
        return task.task_id
    latest = _latest
    return constructor if latest is None or constructor is not None else latest.task_id
