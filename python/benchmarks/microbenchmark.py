"""Runs `ray microbenchmark`, as Ray ships it, on our core and on Ray's own, in turns, and prints them side by side.

    python benchmarks/microbenchmark.py [--rows TEXT] [--minutes N] [--pause SECONDS] [--output FILE]

Each row of `ray microbenchmark` is a rate. Added are the time from the interpreter's start to the first result, the memory of
an idle cluster with one worker, and what a notebook does by ray:// (`notebook.py`). A ratio over 1 means that ours is better.

Ray's program measures a row for 9 seconds, and rests for 10 before it, which `--pause` shortens. Before each row it waits
for its turn (`turns.py`), so that both cores' figures of a row are of the same half minute, and a client's server has
a port of its own. A core that says nothing for three minutes, or takes longer than its minutes, is stopped: the rows that
it has not come to are left open.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import notebook
import turns

HERE = os.path.dirname(os.path.abspath(__file__))
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
    """The same for both cores, but for which it is. Ray's does not start now and then if gRPC looks after forks."""
    result = {**os.environ, "GRPC_ENABLE_FORK_SUPPORT": "0"}
    if importlib.util.find_spec("swift_ray") is None:
        # Not installed: the checkout.
        paths = [os.path.dirname(HERE), os.environ.get("PYTHONPATH", "")]
        result["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    result.pop("SWIFT_RAY", None)
    if core == RAY:
        result["SWIFT_RAY"] = "0"
    return result


def rows_in_turns(options: argparse.Namespace, failures: list[str]) -> Iterator[tuple[str, str, float]]:
    """The rows of `ray microbenchmark`, each with its core, as they come; the cores take turns in being the first.

    What one core could not do is added to `failures`; the other goes on.
    """
    programs: list[turns.Program] = []
    with contextlib.ExitStack() as ends:
        for core in (RAY, OURS):
            programs.append(
                turns.Program(core, environment(core), options.rows, options.pause, options.minutes)
            )
            ends.callback(programs[-1].end)
            # The cluster is started, up to before the first row.
            programs[-1].turn()
        while not all(program.is_over for program in programs):
            for program in programs:
                if not program.is_over:
                    for row, rate in program.turn():
                        yield program.core, row, rate
            programs.reverse()
    failures.extend(program.failure for program in programs if program.failure)


def notebook_rows(options: argparse.Namespace, failures: list[str]) -> Iterator[tuple[str, str, float]]:
    """The rows of a notebook, on one core after the other."""
    for core in (RAY, OURS):
        try:
            for row, rate in notebook.rates(environment(core)):
                if options.rows in row:
                    yield core, row, rate
        except RuntimeError as error:
            failures.append(str(error))


def all_rows(options: argparse.Namespace, failures: list[str]) -> Iterator[tuple[str, str, float]]:
    if not options.rows.startswith(NOTEBOOK):
        yield from rows_in_turns(options, failures)
    if not options.rows or options.rows.startswith(NOTEBOOK):
        yield from notebook_rows(options, failures)


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
    total = 0
    for child in turns.descendants(pid):
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
    # Also by `timeout` or CI the programs are ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("the benchmark was ended (SIGTERM)"))
    with contextlib.closing(all_rows(options, failures)) as rows:
        for core, row, rate in rows:
            found = results.setdefault(row, {})
            found[core] = rate
            if len(found) == 2:
                table.add(row, unit(row), found[OURS], found[RAY], False)
    for row, found in results.items():
        if len(found) == 1:
            table.add(row, unit(row), found.get(OURS), found.get(RAY), False)
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main()
