"""`ray microbenchmark` on several cores in turns: a row on one, then the same row on the other.

The speed of a machine changes by the minute, more than one row of one core differs from the next. So the programs that are
compared run at the same time, and all processes of those whose turn it is not are stopped (SIGSTOP): they take neither a
processor nor, beside what they hold already, memory.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time

from notebook import free_ports

ROW = re.compile(r"^(?P<row>.+?) per second (?P<mean>[\d.]+) \+- [\d.]+$")
NEXT_ROW = "the next row waits for its turn"
# The command `ray`, with our core where the environment does not say otherwise, with another rest between the rows, asking
# before each of them, and with a port of its own for the server of a client, which Ray's program has at 50051.
COMMAND = f"""
import functools
import sys
import swift_ray
swift_ray.install()
from ray._private import ray_microbenchmark_helpers as helpers
from ray.util.client import ray_client_helpers as clients
multiplier, rest = helpers.timeit.__defaults__
helpers.timeit.__defaults__ = multiplier, float(sys.argv.pop())
port = int(sys.argv.pop())

def in_turn(timeit):
    @functools.wraps(timeit)
    def measured(name, *arguments, **options):
        if helpers.filter_pattern in name:
            print({NEXT_ROW!r}, flush=True)
            if not sys.stdin.readline():
                sys.exit("nobody is left to say whose turn it is")
        return timeit(name, *arguments, **options)
    return measured

def with_own_port(function):
    return lambda host, _, **options: function(host, port, **options)

helpers.timeit = in_turn(helpers.timeit)
clients.build_address = with_own_port(clients.build_address)
clients.ray_client_server.serve = with_own_port(clients.ray_client_server.serve)
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
        self.failure = ""
        self._left = minutes * 60
        self._reason = ""
        self._last: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-c", COMMAND, "microbenchmark", str(free_ports(1)[0]), str(pause)],
            # A cluster of its own, whatever address another one has left behind.
            env={**environment, **({"TESTS_TO_RUN": rows} if rows else {}), "RAY_ADDRESS": "local"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._is_first = True

    @property
    def is_over(self) -> bool:
        return self._process.returncode is not None

    def turn(self) -> list[tuple[str, float]]:
        """Runs until its next row could begin, or its end; gives the rows that it has printed meanwhile.

        `failure` then says why it ended before it was done, with what it printed last.
        """
        if not self._is_first:
            signal_all(self._process.pid, signal.SIGCONT)
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write("\n")
                self._process.stdin.flush()
        self._is_first = False
        start = time.monotonic()
        limit = _Limit(self._left, self._stop)
        found = []
        for line in self._process.stdout:
            limit.heard()
            if line.strip() == NEXT_ROW:
                limit.end()
                self._left -= time.monotonic() - start
                signal_all(self._process.pid, signal.SIGSTOP)
                return found
            row = ROW.match(line.strip())
            if row:
                found.append((row["row"], float(row["mean"])))
            else:
                self._last = [*self._last[-30:], line]
        code = self._process.wait()
        limit.end()
        if self._reason:
            self.failure = f"ray microbenchmark on {self.core} was stopped: {self._reason}"
        elif code != 0:
            self.failure = f"ray microbenchmark on {self.core} ended with {code}:\n{''.join(self._last)}"
        return found

    def end(self) -> None:
        """Ends it, whether it is its turn or not."""
        if not self.is_over:
            signal_all(self._process.pid, signal.SIGCONT)
            self._stop("nobody waits for it any more")
            self._process.communicate()

    def _stop(self, reason: str) -> None:
        self._reason = reason
        # As by Ctrl-C: Ray's own cluster ends with its driver.
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()


class _Limit:
    """Calls `stop` with the reason when nothing was heard for too long, or all took longer than `seconds`."""

    def __init__(self, seconds: float, stop) -> None:
        self._end = time.monotonic() + seconds
        self._last = time.monotonic()
        self._is_over = threading.Event()
        self._stop = stop
        threading.Thread(target=self._watch, daemon=True).start()

    def heard(self) -> None:
        self._last = time.monotonic()

    def end(self) -> None:
        self._is_over.set()

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
