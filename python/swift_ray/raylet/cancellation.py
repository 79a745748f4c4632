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

    def install(self) -> None:
        """Whatever the process that started this one did with the signal."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, lambda number, frame: self.perform())

    def perform(self) -> None:
        """Ends those that were cancelled; KeyboardInterrupt if it is what the calling thread runs."""
        loops = self._core_worker._loops
        is_interrupted = False
        for task in self._core_worker.control("take_cancelled"):
            if loops is None or not loops.cancel(task):
                is_interrupted |= task == self.interruptible
        if is_interrupted:
            self.interruptible = None
            raise KeyboardInterrupt
