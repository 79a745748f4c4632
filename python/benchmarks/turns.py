"""`ray microbenchmark` on several cores in turns: a row on one, then the same row on the other.

The speed of a machine changes by the minute, more than one row of one core differs from the next. So the programs that are
compared run at the same time, and all processes of those whose turn it is not are stopped (SIGSTOP): they take neither a
processor nor, beside what they hold already, memory. Who kills the program that compares them (SIGKILL) has to kill those, too.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

ROW = re.compile(r"^(?P<row>.+?) per second (?P<mean>[\d.]+) \+- [\d.]+$")
NEXT_ROW = "the next row waits for its turn"
# The command `ray`, with our core where the environment does not say otherwise, with another rest between the rows, asking
# before each of them, and with a port of its own for the server of a client, which Ray's program has at 50051.
COMMAND = f"""
import functools
import socket
import sys
import swift_ray
swift_ray.install()
from ray._private import ray_microbenchmark_helpers as helpers
from ray.util.client import ray_client_helpers as clients
multiplier, rest = helpers.timeit.__defaults__
helpers.timeit.__defaults__ = multiplier, float(sys.argv.pop())

def in_turn(timeit):
    @functools.wraps(timeit)
    def measured(name, *arguments, **options):
        if helpers.filter_pattern in name:
            print({NEXT_ROW!r}, flush=True)
            if not sys.stdin.readline():
                sys.exit("nobody is left to say whose turn it is")
        return timeit(name, *arguments, **options)
    return measured

ports = []

def serve(host, port, *, serve=clients.ray_client_server.serve, **options):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        ports.append(free.getsockname()[1])
    return serve(host, ports[-1], **options)

helpers.timeit = in_turn(helpers.timeit)
clients.ray_client_server.serve = serve
clients.build_address = lambda host, port, build=clients.build_address: build(host, ports[-1])
sys.argv[0] = "ray"
from ray.scripts.scripts import main
main()
"""
SILENCE_SECONDS = 180
# A program that was interrupted takes its cluster down in so long, or is killed.
END_SECONDS = 30


class Program:
    """`ray microbenchmark` on one core, which runs in its turns only.

    environment: what it is run with, which says on which core.
    rows: only those whose name contains this.
    pause: seconds of rest before each row.
    minutes: what all its turns may take together; it is stopped then, as it is after SILENCE_SECONDS without a word in a turn.
    """

    def __init__(
        self, core: str, environment: dict[str, str], rows: str, pause: float, minutes: float
    ) -> None:
        self.core = core
        # Why it ended before it was done.
        self.failure = ""
        self._left = minutes * 60
        self._last: list[str] = []
        self._is_first = True
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-c", COMMAND, "microbenchmark", str(pause)],
            # A cluster of its own, whatever address another one has left behind.
            env={**environment, **({"TESTS_TO_RUN": rows} if rows else {}), "RAY_ADDRESS": "local"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Ctrl-C at the terminal is passed on, once, and not while it is stopped.
            start_new_session=True,
        )

    @property
    def is_over(self) -> bool:
        return self._process.returncode is not None

    def turn(self) -> list[tuple[str, float]]:
        """Runs until its next row could begin, or its end; gives the rows that it has printed meanwhile."""
        if not self._is_first:
            signal_all(self._process.pid, signal.SIGCONT)
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write("\n")
                self._process.stdin.flush()
        self._is_first = False
        start = time.monotonic()
        found = []
        with _Limit(self._left, self._give_up) as limit:
            for line in self._process.stdout:
                limit.heard()
                if line.strip() == NEXT_ROW:
                    self._left -= time.monotonic() - start
                    break
                row = ROW.match(line.strip())
                if row:
                    found.append((row["row"], float(row["mean"])))
                else:
                    self._last = [*self._last[-30:], line]
            else:
                self._process.wait()
        if not self.is_over:
            signal_all(self._process.pid, signal.SIGSTOP)
        elif self._process.returncode != 0 and not self.failure:
            said = "".join(self._last)
            self.failure = f"ray microbenchmark on {self.core} ended with {self._process.returncode}:\n{said}"
        return found

    def end(self) -> None:
        """Ends it, whether it is its turn or not."""
        if not self.is_over:
            self._take_down(self._process.communicate)

    def _give_up(self, reason: str) -> None:
        """Ends it from another thread, while its output is read."""
        self.failure = f"ray microbenchmark on {self.core} was stopped: {reason}"
        self._take_down(self._process.wait)

    def _take_down(self, wait: Callable[..., object]) -> None:
        """As by Ctrl-C: Ray's own cluster ends with its driver. What does not end in time is killed, with all that came from it."""
        family = [self._process.pid, *descendants(self._process.pid)]
        self._process.send_signal(signal.SIGINT)
        signal_all(self._process.pid, signal.SIGCONT)
        try:
            wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            for pid in family:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            wait()


class _Limit:
    """Calls `stop` with the reason if, within this block, nothing was heard for too long or all took longer than `seconds`."""

    def __init__(self, seconds: float, stop: Callable[[str], None]) -> None:
        self._end = time.monotonic() + seconds
        self._last = time.monotonic()
        self._stop = stop
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "_Limit":
        self._thread.start()
        return self

    def __exit__(self, *ignored: object) -> None:
        self._is_over.set()
        self._thread.join()

    def heard(self) -> None:
        self._last = time.monotonic()

    def _watch(self) -> None:
        while not self._is_over.wait(0.5):
            now = time.monotonic()
            if now > self._end:
                return self._stop("it took too long")
            if now > self._last + SILENCE_SECONDS:
                return self._stop(f"it was silent for {SILENCE_SECONDS} s")


def descendants(pid: int) -> list[int]:
    """The children of a process, theirs, and so on; parents come before their children."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as file:
            parent = int(file.read().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(name))
    found = list(children.get(pid, []))
    for child in found:
        found.extend(children.get(child, []))
    return found


def signal_all(pid: int, number: signal.Signals) -> None:
    """Sends a signal to a process and to all that come from it, also to those that begin meanwhile."""
    reached: set[int] = set()
    while waiting := [one for one in (pid, *descendants(pid)) if one not in reached]:
        for one in waiting:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, number)
        reached.update(waiting)
