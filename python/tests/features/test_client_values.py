"""Ray Client with values and calls of all kinds, of which our core answers the plain ones without an interpreter."""

import collections
import functools
import http
import time

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
