"""`ray.wait` on more references than our core looks at in one step (64), or without a wait at all (1,024).

Which of those that are ready it gives is left open in Ray.
"""

import threading

import pytest
import ray

pytestmark = pytest.mark.usefixtures("cluster")

PENDING = 1_500


@pytest.fixture
def pending():
    """References of results that are never made."""

    @ray.remote(num_cpus=0)
    class Closed:
        def wait(self):
            threading.Event().wait()

    closed = Closed.remote()
    yield [closed.wait.remote() for _ in range(PENDING)]
    ray.kill(closed)


def divided(given, chosen):
    """Those of a list that were chosen, and the others."""
    return [one for one in given if one in chosen], [one for one in given if one not in chosen]


@pytest.mark.parametrize("ahead", (0, 1, 63, 64, 100, 1_000, 1_023, 1_024, PENDING))
def test_ready_ones_are_found_wherever_they_are(pending, ahead):
    there = [ray.put(number) for number in range(130)]
    given = pending[:ahead] + there[:65] + pending[ahead:] + there[65:]
    for wanted in (1, 2, 64, 66, 130):
        # What is to be brought here, too, is asked for at once.
        ready, others = ray.wait(given, num_returns=wanted, timeout=30, fetch_local=False)
        assert len(ready) == wanted and set(ready) <= set(there)
        assert divided(given, set(ready)) == (ready, others)
    assert ray.wait(given, num_returns=131, timeout=0.2)[0] == there


def test_one_after_the_other_is_taken_from_many(pending):
    there = [ray.put(number) for number in range(200)]
    rest, taken = [one for pair in zip(pending, there) for one in pair], []
    while len(taken) < 200:
        ready, rest = ray.wait(rest, timeout=30, fetch_local=False)
        taken += ready
    assert set(taken) == set(there)
    assert rest == pending[:200]
    assert ray.wait(rest, num_returns=200, timeout=0) == ([], rest)


def test_large_and_failed_ones_are_ready(pending):
    @ray.remote(num_cpus=0, max_retries=0)
    def fail():
        raise ValueError("no")

    failed = [fail.remote() for _ in range(3)]
    large = [ray.put(bytes(1 << 20)) for _ in range(3)]
    given = pending[:80] + failed + pending[80:160] + large
    for fetch in (True, False):
        ready, others = ray.wait(given, num_returns=6, timeout=30, fetch_local=fetch)
        assert (ready, others) == (failed + large, pending[:160])
    assert ray.get(large) == [bytes(1 << 20)] * 3
    with pytest.raises(ValueError, match="no"):
        ray.get(large + failed)


def test_the_list_stays_what_it_was(pending):
    there = [ray.put(number) for number in range(3)]
    given = there + pending[:100]
    before = list(given)
    ready, others = ray.wait(given)
    assert len(ready) == 1 and divided(given, set(ready)) == (ready, others)
    ready.append(None), others.clear()
    assert given == before
    assert ray.get(there) == [0, 1, 2]
    assert ray.get([]) == []


def test_gets_of_some_that_are_there_wait_for_the_rest(pending):
    there = [ray.put(number) for number in range(20)]
    assert ray.get(there) == list(range(20))
    with pytest.raises(ray.exceptions.GetTimeoutError):
        ray.get([*there, pending[0]], timeout=0.2)
