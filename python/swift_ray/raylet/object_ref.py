"""What an `ObjectRef` does besides being an id: waiting for its object, in futures, coroutines and callbacks.

The class itself is in C (`python/native/object_ref.c`); the methods here are added to it. All of them go through the
core worker of this process, and raise AttributeError while there is none.
"""

import asyncio
import concurrent.futures
import logging
from collections.abc import Callable, Generator
from typing import Any

from swift_ray._native import ObjectRef

logger = logging.getLogger("ray._raylet")


def _core_worker() -> Any:
    import ray

    return ray._private.worker.global_worker.core_worker


def _set_future_helper(result: Any, *, py_future: asyncio.Future | concurrent.futures.Future) -> None:
    """Completes a future with a value that was got; errors of Ray become its exception. Done futures stay as they are."""
    from ray.exceptions import RayError, RayTaskError

    if py_future.done():
        return
    if isinstance(result, RayTaskError):
        py_future.set_exception(result.as_instanceof_cause())
    elif isinstance(result, RayError):
        py_future.set_exception(result)
    else:
        py_future.set_result(result)


def future(self: ObjectRef) -> concurrent.futures.Future:
    """A future of the value; its attribute `object_ref` keeps the object alive."""
    py_future: concurrent.futures.Future = concurrent.futures.Future()
    self._on_completed(lambda result: _set_future_helper(result, py_future=py_future))
    py_future.object_ref = self
    return py_future


def as_future(self: ObjectRef, _internal: bool = False) -> asyncio.Future:
    """An asyncio future of the value, in the running loop. Deprecated by Ray: a warning unless `_internal`."""
    if not _internal:
        logger.warning("ref.as_future() is deprecated in favor of asyncio.wrap_future(ref.future()).")
    return asyncio.wrap_future(self.future())


def __await__(self: ObjectRef) -> Generator:
    return asyncio.wrap_future(self.future()).__await__()


def _on_completed(self: ObjectRef, py_callback: Callable[[Any], None]) -> None:
    """Calls back with the value, or with the RayError that took its place, on a thread of the core."""
    _core_worker().set_get_async_callback(self, py_callback)


def _on_ready(self: ObjectRef, py_callback: Callable[[Exception | None], None]) -> Callable[[], None]:
    """Calls back once when the object exists, without fetching it. Returns what cancels that."""
    core_worker = _core_worker()
    handle = core_worker.set_wait_async_callback(self, py_callback)
    return lambda: core_worker.cancel_wait_async(handle)


async def _ready(self: ObjectRef) -> ObjectRef:
    """Waits until the object exists, without fetching it."""
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()

    def complete(error: Exception | None) -> None:
        if waiter.done():
            return
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)

    cancel = self._on_ready(lambda error: loop.call_soon_threadsafe(complete, error))
    try:
        await waiter
    finally:
        cancel()
    return self


for method in (future, as_future, __await__, _on_completed, _on_ready, _ready):
    method.__qualname__ = f"ObjectRef.{method.__name__}"
    setattr(ObjectRef, method.__name__, method)
