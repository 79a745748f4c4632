"""Threads for the calls of an actor: what `concurrent.futures` has, without a future for each call that nobody asks for."""

import threading
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any

Call = tuple[Callable[..., Any], tuple]


class ThreadPool:
    """`count` threads, which the first calls start: each has one to itself, as in Ray, which starts all beforehand.

    A thread that is woken wakes the next one when it has the interpreter and there are more calls. So as many run as
    there are calls that wait for something, and short ones are done by a few threads, which need not hand the
    interpreter around for each. The threads end with the process.
    """

    def __init__(self, count: int) -> None:
        # How many threads have not been started.
        self._startable = count
        self._lock = threading.Lock()
        self._calls: deque[Call] = deque()
        # The threads that sleep, each until its lock is released.
        self._asleep: list[threading.Lock] = []
        # Whether one was woken and has not looked for a call yet.
        self._is_waking = False

    def submit(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Has a thread call `function`. From one thread only."""
        if self._startable:
            self._startable -= 1
            # In a list, which is emptied: the thread keeps what it is given as long as it lives.
            threading.Thread(target=self._run, args=([(function, arguments)],), daemon=True).start()
        else:
            self._calls.append((function, arguments))
            self._wake()

    def _wake(self) -> None:
        """Wakes a thread if calls wait and none is on its way to them."""
        with self._lock:
            if self._is_waking or not self._calls or not self._asleep:
                return
            self._is_waking = True
            alarm = self._asleep.pop()
        alarm.release()

    def _run(self, first: list[Call]) -> None:
        alarm = threading.Lock()
        alarm.acquire()
        function, arguments = first.pop()
        while True:
            try:
                function(*arguments)
            except BaseException:
                # Nobody is there to hear of it, and the thread is still wanted.
                traceback.print_exc()
            # What they refer to goes now, and not with the next call.
            del function, arguments
            function, arguments = self._next(alarm)

    def _next(self, alarm: threading.Lock) -> Call:
        """The next call; sleeps until there is one."""
        while True:
            with self._lock:
                if self._calls:
                    call = self._calls.popleft()
                    break
                self._asleep.append(alarm)
            alarm.acquire()
            # Before it looks: who sees this still set has added a call that it will find.
            self._is_waking = False
        self._wake()
        return call
