"""Ray Client with values and calls of all kinds, of which our core answers the plain ones without an interpreter."""

import collections
import functools
import http
import time

import numpy as np
import pytest
import ray
from heads import client_server, needs_command
from ray.exceptions import GetTimeoutError, RayActorError


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """This process is a client."""
    with client_server(tmp_path_factory.mktemp("head")) as address:
        ray.init(f"ray://{address}", namespace="tests")
        yield
        ray.shutdown()


pytestmark = [needs_command, pytest.mark.usefixtures("client")]
# Of these the plain ones never see an interpreter on our core.
NUMBERS = [0, -1, 127, 128, -129, 1 << 31, 1 << 32, -(1 << 63), (1 << 64) - 1, 1 << 64, 1.5, -0.0]
NUMBERS += [float("inf"), float("nan"), 1j, http.HTTPStatus.OK]
TEXTS = ["", "text", "ä€\U0001f600", "x" * 300, b"", b"bytes", b"y" * 70_000]
LISTS = [[], [1, [2.0, [b"3"]]], list(range(1500)), ["same"] * 3, [[]] * 2, ["x" * 60_000] * 17, [(1,)]]
LISTS += [functools.reduce(lambda inner, _: [inner], range(100), 1), (), (1, "a")]
MAPS = [
    {},
    {"a": 1, 2: b"x", None: [{}]},
    {n: str(n) for n in range(300)},
    {True: 1, 2: 2, 2.5: 3},
    {(1, 2): 3},
]
OTHERS = [
    None,
    True,
    False,
    collections.OrderedDict(a=1),
    {1},
    frozenset({2}),
    range(3),
    slice(1),
    ValueError,
]
VALUES = NUMBERS + TEXTS + LISTS + MAPS + OTHERS


@pytest.mark.parametrize("value", VALUES, ids=[str(index) for index in range(len(VALUES))])
def test_come_back_as_they_were(value):
    def is_same(other):
        return type(other) is type(value) and repr(other) == repr(value)

    @ray.remote
    class Keeper:
        def keep(self, value):
            return repr(value), value

    @ray.remote
    def look(value, other=None):
        return value

    keeper = Keeper.remote()
    for _ in range(2):
        text, back = ray.get(keeper.keep.remote(value))
        assert text == repr(value) and is_same(back)
        assert is_same(ray.get(look.remote(value))) and is_same(ray.get(look.remote(ray.put(value), other=1)))
        assert all(map(is_same, ray.get([ray.put(value), look.remote(value), look.remote(value, value)])))


def read_only(array):
    array.flags.writeable = False
    return array


# Of these, those of numbers that lie in one piece never see an interpreter on our core when they are put.
ARRAYS = [
    np.arange(6).astype(name) for name in ("?", "i1", "u2", "<i4", ">u8", "e", "f", ">f8", "g", "F", "D", "G")
]
ARRAYS += [np.arange(5).astype(name) for name in ("M8[s]", "m8[ms]", "U3", "S2", "V4", "O", "i4,f8")]
ARRAYS += [np.array(3.5), np.array(7, ">i2"), np.zeros(0), np.zeros((3, 0, 2)), np.zeros((1, 1, 1, 1, 5))]
SQUARE = np.arange(250_000.0).reshape(500, 500)
ARRAYS += [
    SQUARE,
    SQUARE.T,
    SQUARE[::2],
    SQUARE[:, 1],
    SQUARE[::-1],
    np.arange(24).reshape(2, 3, 4).transpose(1, 0, 2),
]
ARRAYS += [
    np.arange(1_700_000),
    np.zeros((1_300, 1_000), "f8", "F"),
    np.zeros(1_000_000, "i4,f8"),
    np.zeros(3_000_000, "M8[s]"),
]
ARRAYS += [read_only(np.arange(9)), read_only(np.ones((700, 1_000))), np.frombuffer(b"x" * 70_000, "u1")]
ARRAYS += [np.matrix([[1, 2], [3, 4]]), np.ma.masked_array([1, 2], [True, False]), np.rec.array([(1, 2.0)])]


@pytest.mark.parametrize("index", range(len(ARRAYS)))
def test_arrays_come_back_as_they_were(index):
    value = ARRAYS[index]

    @ray.remote
    def look(value, inside):
        value = value if inside is None else inside[0]
        flags = value.flags
        shown = (
            type(value).__name__,
            value.dtype.str,
            value.shape,
            value.strides,
            flags.writeable,
            flags.aligned,
        )
        return shown, value.dtype, flags.f_contiguous, value.tolist() if value.size < 100 else value.tobytes()

    reference = ray.put(value)
    content = value.tolist() if value.size < 100 else value.tobytes()
    is_whole = type(value) is np.ndarray and (value.flags.c_contiguous or value.flags.f_contiguous)
    for shown, dtype, is_fortran, seen in ray.get([look.remote(reference, None), look.remote(None, [value])]):
        name, code, shape, strides, is_writeable, is_aligned = shown
        assert (name, code, shape, dtype) == (type(value).__name__, value.dtype.str, value.shape, value.dtype)
        assert is_aligned and seen == content
        if is_whole and value.size > 0:
            assert strides == value.strides and is_fortran == value.flags.f_contiguous
            # What the store has is not written.
            assert not is_writeable or value.dtype.kind in "MmO"
    back = ray.get(reference)
    assert (type(back), back.dtype, back.shape) == (type(value), value.dtype, value.shape)
    assert (back.tolist() if value.size < 100 else back.tobytes()) == content


@pytest.mark.parametrize("size", [1, 60_000, 70_000, 200_000, 11_000_000])
@pytest.mark.parametrize("kind", [bytes, str, tuple])
def test_long_values_come_back_as_they_were(kind, size):
    @ray.remote
    def look(value):
        return type(value), len(value), value

    value = {bytes: b"x" * size, str: "ä" * size, tuple: (b"x" * size,)}[kind]
    assert ray.get(look.remote(ray.put(value))) == (type(value), len(value), value)


def test_calls_of_all_kinds_keep_their_order():
    @ray.remote
    class Journal:
        def __init__(self):
            self.lines = []

        def write(self, line, *more, by=None):
            self.lines.append((line, *more, by))
            return len(self.lines)

        def read(self):
            return self.lines

    journal = Journal.remote()
    counts, lines = [], []
    for number in range(60):
        plain, other = number, (number,)
        counts.append(journal.write.remote(plain))
        counts.append(journal.write.remote(other))
        counts.append(journal.write.remote(plain, other))
        counts.append(journal.write.remote(plain, "more", by=number))
        counts.append(journal.write.remote(ray.put(plain), "more", "and more"))
        lines += [
            *((plain, None), (other, None), (plain, other, None), (plain, "more", number)),
            (plain, "more", "and more", None),
        ]
    assert ray.get(journal.read.remote()) == lines
    assert ray.get(counts) == list(range(1, len(lines) + 1))


def test_what_differs_in_its_options_is_called_so():
    @ray.remote
    class Pair:
        def both(self, first, second):
            return [first, second]

    @ray.remote(num_returns=2)
    def swap(first, second):
        return second, first

    pair = Pair.remote()
    for _ in range(3):
        assert ray.get(pair.both.remote(1, 2)) == [1, 2]
        assert ray.get(pair.both.options(num_returns=2).remote(1, 2)) == [1, 2]
        assert ray.get(swap.remote(1, 2)) == [2, 1]
        assert ray.get(swap.options(num_returns=1).remote(1, 2)) == (2, 1)
        assert swap.options(num_returns=0).remote(1, 2) is None
        for wrong in (pair.both, swap):
            with pytest.raises(TypeError):
                ray.get(wrong.remote(1))


def new_counter():
    @ray.remote
    class Counter:
        def __init__(self):
            self.count = 0

        def increase(self):
            self.count += 1
            return self.count

    return Counter.remote()


def test_calls_of_an_actor_that_is_killed_fail():
    counter = new_counter()
    assert ray.get([counter.increase.remote() for _ in range(3)]) == [1, 2, 3]
    ray.kill(counter)
    for _ in range(2):
        with pytest.raises(RayActorError):
            ray.get(counter.increase.remote())


def test_many_at_a_time():
    counter = new_counter()
    numbers = ray.get([counter.increase.remote() for _ in range(3000)])
    assert numbers == list(range(1, 3001))
    same = ray.remote(lambda number: number)
    ready, rest = ray.wait([same.remote(number) for number in range(50)], num_returns=50, timeout=60)
    assert sorted(ray.get(ready)) == list(range(50)) and rest == []


def test_the_time_of_a_get_is_kept():
    @ray.remote(num_cpus=0)
    def sleep(seconds):
        time.sleep(seconds)
        return seconds

    # Longer than a client asks at a time.
    long = sleep.remote(5)
    begin = time.monotonic()
    with pytest.raises(GetTimeoutError):
        ray.get(long, timeout=0.5)
    assert 0.4 < time.monotonic() - begin < 3
    assert ray.get(long) == 5
