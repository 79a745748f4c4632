"""What one thread of this process does beside: callbacks when objects are there, garbage, errors that nobody got."""

import contextlib
import gc
import itertools
import logging
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

from swift_ray import _core
from swift_ray._core import CoreError
from swift_ray._native import ObjectRef
from swift_ray.raylet.config import Config, value
from swift_ray.raylet.context import ray_worker
from swift_ray.raylet.core_error import ray_exception
from swift_ray.raylet.objects import failed

logger = logging.getLogger("ray._raylet")

SLICE_MS = 1_000
# In a console an error is shown that nobody has asked for in this time, as in Ray.
CONSOLE_MS = 5_000
# How long the end of the runtime waits for a callback that is under way.
END_SECONDS = 5
CLOSED = -1
GARBAGE = 2**63 - 1
UNREAD = GARBAGE - 1


class Callbacks:
    """The part of `CoreWorker` that futures and coroutines wait by."""

    _waiting: dict[int, tuple[ObjectRef, bool, Callable]]
    _numbers: "itertools.count[int]"
    _callback_thread: threading.Thread | None
    # Destructors, which may run where something is allocated, may want it again.
    _callback_lock: threading.RLock
    _is_ending = False
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
            thread = self._callback_thread or threading.Thread(
                target=self._call_back, name="ray.callbacks", daemon=True
            )
            if self._callback_thread is None:
                self._callback_thread = thread
                thread.start()

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
        # A console keeps references that its user has forgotten.
        is_console = self._is_driver and hasattr(sys, "ps1")
        # A callback may outlive its runtime: the events of the next one are not for this thread.
        while not self._is_ending and (number := _core.next_event(SLICE_MS)) != CLOSED:
            if is_console:
                self._ask("tell_unread_errors", milliseconds=CONSOLE_MS)
            if number == GARBAGE:
                gc.collect()
                continue
            if number == UNREAD:
                self._report_unread()
                continue
            self._perform(number)

    def _ask(self, operation: str, **payload: Any) -> Any:
        """As `control`; None where the runtime has ended meanwhile."""
        with contextlib.suppress(CoreError):
            return self.control(operation, **payload)

    def _report_unread(self) -> None:
        """Shows the errors of tasks whose results nobody got, and nobody can any more."""
        for error in self._ask("take_unread_errors") or []:
            try:
                ray_worker().raise_errors([failed(None, error)], [None])
            except BaseException:
                logger.error("an error that nobody got cannot be shown:\n%s", traceback.format_exc())

    def _perform(self, number: int) -> None:
        """Calls back, and holds neither reference nor function afterwards."""
        entry = self._waiting.pop(number, None)
        if entry is None:
            return
        object_ref, is_value, callback = entry
        self._call(object_ref, callback, self._value(object_ref) if is_value else None)

    def end_callbacks(self) -> None:
        """The runtime has ended: who still waits is told so."""
        self._is_ending = True
        if self._callback_thread not in (None, threading.current_thread()):
            # A callback that is under way may wait for something else.
            self._callback_thread.join(END_SECONDS)
        from ray.exceptions import RaySystemError

        error = RaySystemError("ray.shutdown() was called while this waited for an object")
        while self._waiting:
            _, (object_ref, _, callback) = self._waiting.popitem()
            self._call(object_ref, callback, error)

    def _call(self, object_ref: ObjectRef, callback: Callable, value: Any) -> None:
        try:
            callback(value)
        except BaseException:
            # SystemExit, too, must not end this thread. As text: who keeps log records would keep the callback with
            # the traceback.
            logger.error("a callback for %s failed:\n%s", object_ref, traceback.format_exc())

    def _value(self, object_ref: ObjectRef) -> Any:
        from ray._private.worker import global_worker

        try:
            serialized = self.get_objects([object_ref])
            return global_worker.deserialize_objects(serialized, [object_ref])[0]
        except BaseException as error:
            from ray.exceptions import RaySystemError

            return RaySystemError(f"the value cannot be read: {error!r}", traceback.format_exc())
