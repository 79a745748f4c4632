"""Runs `ray microbenchmark`, as Ray ships it, on our core and on Ray's own, and prints them side by side.

    python benchmarks/microbenchmark.py [--rows TEXT] [--minutes N] [--pause SECONDS] [--output FILE]

Each row of `ray microbenchmark` is a rate. Added are the time from the interpreter's start to the first result, the memory of
an idle cluster with one worker, and what a notebook does by ray:// (`notebook.py`). A ratio over 1 means that ours is better.

Ray's program measures a row for 9 seconds, and rests for 10 before it, which `--pause` shortens; nothing else is changed. A
core that says nothing for SILENCE_SECONDS, or takes longer than its minutes, is stopped: the rows that it has not come to
are left open.
"""

import argparse
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import notebook

HERE = os.path.dirname(os.path.abspath(__file__))
ROW = re.compile(r"^(?P<row>.+?) per second (?P<mean>[\d.]+) \+- [\d.]+$")
# The command `ray`, with our core where the environment does not say otherwise, and with another rest between the rows.
COMMAND = """
import sys
import swift_ray
swift_ray.install()
from ray._private import ray_microbenchmark_helpers as helpers
multiplier, rest = helpers.timeit.__defaults__
helpers.timeit.__defaults__ = multiplier, float(sys.argv.pop())
sys.argv[0] = "ray"
from ray.scripts.scripts import main
main()
"""
SILENCE_SECONDS = 180
# A program that was interrupted takes its cluster down in so long, or is killed.
END_SECONDS = 30
START = """
import time
start = time.perf_counter()
import swift_ray
swift_ray.install()
import ray
ray.init(address="local", num_cpus=1, logging_level="error", log_to_driver=False)
f = ray.remote(lambda: 1)
assert ray.get(f.remote()) == 1
print("seconds", time.perf_counter() - start, flush=True)
input()
"""
OURS, RAY = "ours", "ray"
NOTEBOOK = "notebook:"


def environment(core: str) -> dict[str, str]:
    result = dict(os.environ)
    if importlib.util.find_spec("swift_ray") is None:
        # Not installed: the checkout.
        paths = [os.path.dirname(HERE), os.environ.get("PYTHONPATH", "")]
        result["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    result.pop("SWIFT_RAY", None)
    if core == RAY:
        result["SWIFT_RAY"] = "0"
    return result


class Limit:
    """Stops a process that is silent for too long, or takes too long in all; `reason` says so afterwards."""

    def __init__(self, process: subprocess.Popen, seconds: float) -> None:
        self.process = process
        self.end = time.monotonic() + seconds
        self.last = time.monotonic()
        self.reason = ""
        threading.Thread(target=self._watch, daemon=True).start()

    def heard(self) -> None:
        self.last = time.monotonic()

    def _watch(self) -> None:
        while self.process.poll() is None:
            now = time.monotonic()
            if now > self.end:
                self.reason = "it took too long"
            elif now > self.last + SILENCE_SECONDS:
                self.reason = f"it was silent for {SILENCE_SECONDS} s"
            if self.reason:
                # As by Ctrl-C: Ray's own cluster ends with its driver.
                self.process.send_signal(signal.SIGINT)
                try:
                    self.process.wait(END_SECONDS)
                except subprocess.TimeoutExpired:
                    self.process.kill()
                return
            time.sleep(0.5)


def rates(core: str, options: argparse.Namespace) -> Iterator[tuple[str, float]]:
    """The rows of `ray microbenchmark`, as they come.

    RuntimeError: the command failed or was stopped; what it printed last is in the text.
    """
    command = [sys.executable, "-u", "-c", COMMAND, "microbenchmark", str(options.pause)]
    filter = {"TESTS_TO_RUN": options.rows} if options.rows else {}
    process = subprocess.Popen(
        command,
        # A cluster of its own, whatever address another one has left behind.
        env={**environment(core), **filter, "RAY_ADDRESS": "local"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    limit = Limit(process, options.minutes * 60)
    last: list[str] = []
    for line in process.stdout:
        limit.heard()
        found = ROW.match(line.strip())
        if found:
            yield found["row"], float(found["mean"])
        else:
            last = [*last[-30:], line]
    code = process.wait()
    if limit.reason:
        raise RuntimeError(f"ray microbenchmark on {core} was stopped: {limit.reason}")
    if code != 0:
        raise RuntimeError(f"ray microbenchmark on {core} ended with {code}:\n{''.join(last)}")


def all_rates(core: str, options: argparse.Namespace) -> Iterator[tuple[str, float]]:
    """The rows of `ray microbenchmark` and those of a notebook, of those that are wanted."""
    if not options.rows.startswith(NOTEBOOK):
        yield from rates(core, options)
    if not options.rows or options.rows.startswith(NOTEBOOK):
        yield from (found for found in notebook.rates(environment(core)) if options.rows in found[0])


def start(core: str) -> tuple[float, float]:
    """Seconds from `import ray` to the first result, and the MB that the cluster's processes then hold."""
    process = subprocess.Popen(
        [sys.executable, "-c", START],
        env=environment(core),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    last: list[str] = []
    try:
        for line in process.stdout:
            if line.startswith("seconds "):
                time.sleep(3)
                return float(line.split()[1]), resident(process.pid) / 1e6
            last = [*last[-30:], line]
        raise RuntimeError(f"a cluster on {core} did not start:\n{''.join(last)}")
    finally:
        process.communicate("\n", timeout=60)


def resident(pid: int) -> float:
    """Bytes that all children of a process hold, their children included; shared pages are counted by parts."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(name))
    total, waiting = 0, list(children.get(pid, []))
    while waiting:
        child = waiting.pop()
        waiting.extend(children.get(child, []))
        try:
            with open(f"/proc/{child}/smaps_rollup") as file:
                total += next(int(line.split()[1]) for line in file if line.startswith("Pss:")) * 1024
        except (OSError, StopIteration):
            continue
    return total


def key(row: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", row.lower()).strip("_")


def unit(row: str) -> str:
    return "GB/s" if "gigabytes" in row else "/s"


class Table:
    """Rows with what both cores did, printed as soon as both are known."""

    def __init__(self, output: str) -> None:
        self.output = output
        self.entries: list[dict] = []
        print(f"{'':52} {'ours':>12} {'Ray':>12} {'':6} {'ratio':>7}", flush=True)

    def add(self, row: str, unit: str, ours: float | None, ray: float | None, is_lower_better: bool) -> None:
        ratio = None
        if ours and ray:
            ratio = round(ray / ours if is_lower_better else ours / ray, 2)
        self.entries.append(
            {"key": key(row), "row": row, "unit": unit, "ours": ours, "ray": ray, "ratio": ratio}
        )
        shown = [f"{value:12.2f}" if value is not None else f"{'-':>12}" for value in (ours, ray)]
        print(f"{row:52} {shown[0]} {shown[1]} {unit:6} {ratio or '-':>7}", flush=True)
        os.makedirs(os.path.dirname(os.path.abspath(self.output)), exist_ok=True)
        with open(self.output, "w") as file:
            json.dump(self.entries, file, indent=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", default="", help='only rows whose name contains this ("notebook:" for those)'
    )
    parser.add_argument("--minutes", type=float, default=15, help="for each core at most")
    parser.add_argument("--pause", type=float, default=1, help="seconds before each row; Ray has 10")
    parser.add_argument("--output", default="build/bench-python.json")
    options = parser.parse_args()
    table = Table(options.output)
    if not options.rows:
        (our_seconds, our_memory), (ray_seconds, ray_memory) = start(OURS), start(RAY)
        table.add("import, init and first task", "s", our_seconds, ray_seconds, True)
        table.add("idle cluster with one worker", "MB", our_memory, ray_memory, True)
    # What one core could not do is left open; the other core's rows are shown all the same.
    failures: list[str] = []
    results: dict[str, dict[str, float]] = {}
    for core in (RAY, OURS):
        try:
            for row, rate in all_rates(core, options):
                results.setdefault(row, {})[core] = rate
                if core == OURS:
                    table.add(row, unit(row), rate, results[row].get(RAY), False)
        except RuntimeError as error:
            failures.append(str(error))
    for row, rate in results.items():
        if OURS not in rate:
            table.add(row, unit(row), None, rate[RAY], False)
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main()
