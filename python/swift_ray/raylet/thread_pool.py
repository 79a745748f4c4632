"""Threads for the calls of an actor: what `concurrent.futures` has, without a future for each call that nobody asks for."""

import queue
import threading
import traceback
from collections.abc import Callable
from typing import Any


class ThreadPool:
    """`count` threads, which the first calls start: each has one to itself, as in Ray, which starts all beforehand.

    They end with the process.
    """

    def __init__(self, count: int) -> None:
        self._calls: queue.SimpleQueue[tuple[Callable[..., Any], tuple]] = queue.SimpleQueue()
        # How many threads have not been started.
        self._startable = count

    def submit(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Has a thread call `function`. From one thread only."""
        if self._startable:
            self._startable -= 1
            # In a list, which is emptied: the thread keeps what it is given as long as it lives.
            threading.Thread(target=self._run, args=([(function, arguments)],), daemon=True).start()
        else:
            self._calls.put((function, arguments))

    def _run(self, first: list[tuple[Callable[..., Any], tuple]]) -> None:
        function, arguments = first.pop()
        while True:
            try:
                function(*arguments)
            except BaseException:
                # Nobody is there to hear of it, and the thread is still wanted.
                traceback.print_exc()
            # What they refer to goes now, and not with the next call.
            del function, arguments
            function, arguments = self._calls.get()
