"""Callbacks when objects are there, and the collection of garbage, on one thread of this process."""

import gc
import itertools
import logging
import threading
import traceback
from collections.abc import Callable
from typing import Any

from swift_ray import _core
from swift_ray._core import CoreError
from swift_ray._native import ObjectRef
from swift_ray.raylet.config import Config, value
from swift_ray.raylet.core_error import ray_exception

logger = logging.getLogger("ray._raylet")

SLICE_MS = 1_000
CLOSED = -1
GARBAGE = 2**63 - 1


class Callbacks:
    """The part of `CoreWorker` that futures and coroutines wait by."""

    _waiting: dict[int, tuple[ObjectRef, bool, Callable]]
    _numbers: "itertools.count[int]"
    _callback_thread: threading.Thread | None
    _callback_lock: threading.Lock
    _is_driver: bool

    def set_get_async_callback(self, object_ref: ObjectRef, callback: Callable[[Any], None]) -> None:
        """Calls back with the value; errors are values here, too."""
        self._watch(object_ref, True, callback)

    def set_wait_async_callback(
        self, object_ref: ObjectRef, callback: Callable[[Exception | None], None]
    ) -> int:
        """Calls back with None when the object exists. Returns what `cancel_wait_async` takes."""
        return self._watch(object_ref, False, callback)

    def cancel_wait_async(self, handle: int) -> None:
        self._waiting.pop(handle, None)

    def prepare_callbacks(self) -> None:
        """Starts the thread already for the garbage of the cluster's processes, unless no thread is wanted.

        With `support_fork` workers have none until a callback is, since a fork loses all threads but one.
        """
        is_forking = value("support_fork") and not self._is_driver
        if Config.start_python_gc_manager_thread() and not is_forking:
            self._start_callbacks()

    def global_gc(self) -> None:
        """Has all Python processes of the cluster collect their garbage."""
        self.control("collect_garbage")

    def _start_callbacks(self) -> None:
        with self._callback_lock:
            if self._callback_thread is None:
                self._callback_thread = threading.Thread(
                    target=self._call_back, name="ray.callbacks", daemon=True
                )
                self._callback_thread.start()

    def _watch(self, object_ref: ObjectRef, is_value: bool, callback: Callable) -> int:
        number = next(self._numbers)
        self._waiting[number] = object_ref, is_value, callback
        self._start_callbacks()
        try:
            _core.notify(object_ref, is_value, number)
        except CoreError as error:
            self._waiting.pop(number, None)
            raise ray_exception(error) from None
        return number

    def _call_back(self) -> None:
        while (number := _core.next_event(SLICE_MS)) != CLOSED:
            if number == GARBAGE:
                gc.collect()
                continue
            self._perform(number)

    def _perform(self, number: int) -> None:
        """Calls back, and holds neither reference nor function afterwards."""
        entry = self._waiting.pop(number, None)
        if entry is None:
            return
        object_ref, is_value, callback = entry
        try:
            callback(self._value(object_ref) if is_value else None)
        except Exception:
            # As text: who keeps log records would keep the callback with the traceback.
            logger.error("a callback for %s failed:\n%s", object_ref, traceback.format_exc())

    def _value(self, object_ref: ObjectRef) -> Any:
        from ray._private.worker import global_worker

        serialized = self.get_objects([object_ref])
        return global_worker.deserialize_objects(serialized, [object_ref])[0]
