"""`ray.get` of values of all kinds in one list, of errors among them, and of what is no reference."""

import threading
import time

import numpy as np
import pytest
import ray

pytestmark = pytest.mark.usefixtures("cluster")

# What is read without Python's pickle, and what is not.
PLAIN = [
    0,
    -1,
    2**63,
    None,
    True,
    1.5,
    "",
    "ä\N{SNOWMAN}",
    b"",
    b"x" * 200_000,
    [],
    [1, [2]],
    {},
    {"a": [b"b"]},
]
OTHER = [(1, 2), {1, 2}, 2**70, {1: 2}, ValueError("a value"), "\ud800", 1j, [(1,)]]


def is_same(one, other):
    if isinstance(other, Exception):
        return type(one) is type(other) and one.args == other.args
    return type(one) is type(other) and one == other


@pytest.mark.parametrize("kinds", (PLAIN, OTHER, PLAIN + OTHER), ids=("plain", "pickled", "both"))
def test_values_come_back_in_order_and_of_their_types(kinds):
    references = [ray.put(value) for value in kinds]
    for found in (ray.get(references), [ray.get(one) for one in references], ray.get(references, timeout=0)):
        assert all(map(is_same, found, kinds)) and len(found) == len(kinds)
    assert ray.get([]) == []


def test_what_is_waited_for_comes_back_like_what_is_there():
    @ray.remote(num_cpus=0)
    def later(value):
        time.sleep(0.2)
        return value

    for kinds in (PLAIN, OTHER):
        given = [later.remote([value]) for value in kinds] + [ray.put([value]) for value in kinds]
        found = ray.get(given, timeout=60)
        assert all(map(is_same, [one for (one,) in found], kinds * 2)) and len(found) == 2 * len(kinds)


def test_each_get_gives_objects_of_its_own():
    reference = ray.put({"list": [1]})
    one, other = ray.get([reference, reference])
    one["list"].append(2)
    assert other == ray.get(reference) == {"list": [1]}


def test_arrays_are_read_where_they_lie_also_among_plain_values():
    array = np.arange(100_000)
    references = [ray.put(1), ray.put(array), ray.put("text")]
    number, found, text = ray.get(references)
    assert (number, text) == (1, "text") and (found == array).all() and not found.flags.writeable


def test_the_first_error_is_raised_and_nothing_else_is_waited_for():
    @ray.remote(num_cpus=0, max_retries=0)
    def fail(text):
        raise KeyError(text)

    @ray.remote(num_cpus=0)
    class Closed:
        def wait(self):
            threading.Event().wait()

    closed = Closed.remote()
    for before in ([], [ray.put(1)], [ray.put((1,))]):
        with pytest.raises(KeyError, match="first"):
            ray.get([*before, fail.remote("first"), ray.put(2)], timeout=60)
        with pytest.raises(KeyError, match="only"):
            ray.get([*before, closed.wait.remote(), fail.remote("only")], timeout=60)
    ray.kill(closed)


def test_time_limits():
    @ray.remote(num_cpus=0)
    class Gate:
        def __init__(self):
            self.opened = threading.Event()

        def pass_through(self):
            return self.opened.wait()

        def open(self):
            self.opened.set()

    gate = Gate.options(max_concurrency=2).remote()
    waiting = gate.pass_through.remote()
    for limit in (0, 0.3, 1):
        start = time.monotonic()
        with pytest.raises(ray.exceptions.GetTimeoutError, match="not ready"):
            ray.get([ray.put(1), waiting], timeout=limit)
        assert time.monotonic() - start >= limit
    ray.get(gate.open.remote())
    assert ray.get([ray.put(1), waiting], timeout=60) == [1, True]
    assert ray.get(waiting, timeout=None) is ray.get(waiting, timeout=-1) is True


def test_what_is_no_reference_is_refused_by_name():
    reference = ray.put(1)
    for wrong in ([reference, 1], [None], [reference, (1,)]):
        with pytest.raises(TypeError, match="Attempting to call `get` on the value"):
            ray.get(wrong)
    for wrong in (1, None, (reference,), {reference}):
        with pytest.raises(ValueError, match="'object_refs' must either be"):
            ray.get(wrong)
    with pytest.raises(ValueError, match="invalid literal"):
        ray.get(reference, timeout="soon")
