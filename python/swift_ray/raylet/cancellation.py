"""Ending tasks of this process before they are done.

A normal task runs on the main thread: KeyboardInterrupt is raised in it. A coroutine of an actor is cancelled in its event
loop. Other calls on actors cannot be interrupted, as in Ray: they may ask `is_canceled()`.
"""

import signal
import threading
from typing import Any


class Cancellation:
    """What the owner of a task wants is known to the core, which sends the main thread SIGINT (`Interrupts`, Swift)."""

    def __init__(self, core_worker: Any) -> None:
        self._core_worker = core_worker
        # The normal task whose own code runs on the main thread.
        self.interruptible: bytes | None = None
        # What was cancelled before it was that, or before its coroutine was known: while it is loaded.
        self._early: set[bytes] = set()

    def install(self) -> None:
        """Whatever the process that started this one did with the signal."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, lambda number, frame: self.perform())

    def begin(self, task: bytes) -> None:
        """The code of a normal task begins on the main thread; KeyboardInterrupt if it was cancelled before."""
        self.interruptible = task
        if self.take_early(task):
            self.interruptible = None
            raise KeyboardInterrupt

    def take_early(self, task: bytes) -> bool:
        """Whether a task that can be ended from here on was cancelled before. On the main thread."""
        is_cancelled = task in self._early
        if self._core_worker._loops is None:
            # One at a time is on its way from the core: the others have ended.
            self._early.clear()
        else:
            self._early.discard(task)
        return is_cancelled

    def forget_ended(self) -> None:
        """Nothing waits to be fetched: what was kept of calls that have ended meanwhile is of no use."""
        for task in list(self._early):
            if not self._core_worker.control("is_cancelled", task=task):
                self._early.discard(task)

    def perform(self) -> None:
        """Ends those that were cancelled; KeyboardInterrupt if it is what the calling thread runs."""
        loops = self._core_worker._loops
        is_interrupted = False
        for task in self._core_worker.control("take_cancelled"):
            if loops is not None and loops.cancel(task):
                continue
            if task == self.interruptible:
                is_interrupted = True
            elif loops is not None or self._core_worker._actor is None:
                self._early.add(task)
        if is_interrupted:
            # It stays that until its code has ended: who cancels again interrupts it again, as in Ray.
            raise KeyboardInterrupt
