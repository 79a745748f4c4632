"""Metrics add up, by name and tags."""

import math
import subprocess
import sys
import threading

import pytest
import ray._raylet as raylet

from swift_ray.raylet import metrics


def recorded(name):
    return next(family for family in metrics.snapshot() if family.name == name)


def test_gauge_count_and_sum():
    gauge, count, total = (
        kind(f"some_{kind.__name__}", "text", ["a", "b"]) for kind in (raylet.Gauge, raylet.Count, raylet.Sum)
    )
    for metric in (gauge, count, total):
        for value in (1, 2.5, 4):
            metric.record(value, {"a": "x"})
        metric.record(7, {"a": "x", "b": "y", "unknown": "z"})
        metric.record(8)
    assert gauge.get_name() == b"some_Gauge"
    assert recorded("some_Gauge").values == {("x", ""): 4, ("x", "y"): 7, ("", ""): 8}
    assert recorded("some_Count").values == {("x", ""): 7.5, ("x", "y"): 7, ("", ""): 8}
    assert recorded("some_Sum").kind == "sum" and recorded("some_Sum").tag_keys == ("a", "b")


def test_histogram():
    histogram = raylet.Histogram("some_histogram", "text", [1.0, 2.0], ["a"])
    for value in (0.5, 1, 1.5, 2, 3, math.inf):
        histogram.record(value, {"a": "x"})
    seen = recorded("some_histogram").values[("x",)]
    assert (seen.counts, seen.count, seen.total) == ([2, 2, 2], 6, math.inf)
    histogram.record(5, {"a": "x"})
    assert seen.count == 6, "a snapshot does not change"


def test_handles_of_one_name_share_their_values():
    for _ in range(2):
        raylet.Count("shared_count", "text", ["a"]).record(1, {"a": "x"})
    assert recorded("shared_count").values == {("x",): 2}
    with pytest.raises(ValueError, match="shared_count"):
        raylet.Gauge("shared_count", "text", ["a"])


def test_what_is_refused():
    for name in ("with.dot", "", "1a", "a-b", 3, b"bytes"):
        with pytest.raises(ValueError):
            raylet.Gauge(name, "text", [])
    gauge = raylet.Gauge("refusing", "text", ["a"])
    for arguments in (("x",), (None,)):
        with pytest.raises(TypeError):
            gauge.record(*arguments)
    with pytest.raises(AttributeError):
        gauge.record(1, {"a": 3})
    with pytest.raises(TypeError):
        raylet.Metric([], "", [])


def test_numbers_of_numpy_and_many_threads():
    import numpy as np

    count = raylet.Count("threaded", "text", [])
    threads = [
        threading.Thread(target=lambda: [count.record(np.float32(1)) for _ in range(1000)]) for _ in range(4)
    ]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert recorded("threaded").values == {(): 4000}


DESTRUCTORS = """
import ray._raylet
from swift_ray.raylet import metrics

class Counted:
    def __init__(self):
        self.itself = self
        self.count = metrics.Count("destroyed", "text", ["a"])

    def __del__(self):
        self.count.record(1, {"a": "x"})

for number in range(8_000):
    Counted()
    metrics.Histogram(f"histogram_{number}", "text", [1.0], []).record(number)
metrics.snapshot()
print("done")
"""


def test_destructors_may_record_wherever_garbage_is_collected():
    program = [sys.executable, "-c", "import swift_ray; swift_ray.install()" + DESTRUCTORS]
    assert subprocess.run(program, capture_output=True, text=True, timeout=60).stdout == "done\n"
