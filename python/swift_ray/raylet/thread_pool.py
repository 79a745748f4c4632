"""Threads for the calls of an actor: what `concurrent.futures` has, without a future for each call that nobody asks for."""

import queue
import threading
import traceback
from collections.abc import Callable
from typing import Any


class ThreadPool:
    """At most `count` threads, each started when all others are busy. They end with the process."""

    def __init__(self, count: int) -> None:
        self._calls: queue.SimpleQueue[tuple[Callable[..., Any], tuple]] = queue.SimpleQueue()
        # How many threads may still be started; once none may, it does not matter any more how many are idle.
        self._startable = count
        # Threads less calls that have not ended.
        self._idle = threading.Semaphore(0)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Has a thread call `function`. From one thread only."""
        if self._startable and not self._idle.acquire(blocking=False):
            self._startable -= 1
            threading.Thread(target=self._run, daemon=True).start()
        self._calls.put((function, arguments))

    def _run(self) -> None:
        while True:
            function, arguments = self._calls.get()
            try:
                function(*arguments)
            except BaseException:
                # Nobody is there to hear of it, and the thread is still wanted.
                traceback.print_exc()
            # What they refer to goes now, and not with the next call.
            del function, arguments
            if self._startable:
                self._idle.release()
