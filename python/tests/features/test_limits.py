"""What holds callers and functions back."""

import os
import signal
import time

import pytest
import ray
from waiting import eventually

pytestmark = pytest.mark.usefixtures("cluster")


@ray.remote(num_cpus=0)
class Tally:
    def __init__(self):
        self.begun = 0

    def begin(self):
        self.begun += 1

    def count(self):
        return self.begun


@ray.remote(num_cpus=0)
def numbers(tally, count):
    for number in range(count):
        ray.get(tally.begin.remote())
        yield number


def stays(tally, count):
    """Whether so many items are begun, and no more of them a moment later."""
    if not eventually(lambda: ray.get(tally.count.remote()) == count):
        return False
    time.sleep(0.5)
    return ray.get(tally.count.remote()) == count


@pytest.mark.parametrize("limit", [1, 2])
def test_a_generator_waits_until_its_items_are_taken(limit):
    tally = Tally.remote()
    items = numbers.options(_generator_backpressure_num_objects=limit).remote(tally, 8)
    assert stays(tally, limit)
    # To look is not to take.
    assert ray.wait([items], timeout=30)[0] == [items]
    assert stays(tally, limit)
    for number in range(3):
        assert ray.get(next(items)) == number
    assert stays(tally, 3 + limit)


def test_a_generator_that_nobody_reads_any_more_goes_on():
    tally = Tally.remote()
    items = numbers.options(_generator_backpressure_num_objects=1).remote(tally, 8)
    assert ray.get(next(items)) == 0
    assert stays(tally, 2)
    del items
    assert stays(tally, 8)


@ray.remote(num_cpus=0, max_concurrency=4)
class Source:
    def plain(self, value=None):
        return value

    def numbers(self, tally, count):
        for number in range(count):
            ray.get(tally.begin.remote())
            yield number

    @ray.method(_generator_backpressure_num_objects=1)
    def few(self, tally, count):
        yield from self.numbers(tally, count)

    @ray.method(max_task_retries=1, retry_exceptions=True)
    def failing(self, tally, count):
        tries = self.tries = getattr(self, "tries", 0) + 1
        yield from self.numbers(tally, 2)
        if tries == 1:
            raise ValueError("the first try")
        for number in range(2, count):
            yield number

    @ray.method(_num_objects_per_yield=2)
    def pairs(self, tally, count):
        for number in self.numbers(tally, count):
            yield number, -number


def limited(limit, **options):
    return Source.options(_actor_generator_backpressure_num_objects=limit, **options).remote()


def test_all_generators_of_an_actor_have_one_limit():
    tally, source = Tally.remote(), limited(3)
    items = [source.numbers.remote(tally, 8) for _ in range(2)]
    assert stays(tally, 3)
    for taken in range(1, 4):
        ready, _ = ray.wait(items, timeout=30)
        ray.get(next(ready[0]))
        assert stays(tally, 3 + taken)


def test_other_calls_on_an_actor_with_a_limit_are_no_generators():
    source = limited(1)
    assert source.plain.options(num_returns=0).remote() is None
    assert ray.get([source.plain.remote(number) for number in range(5)], timeout=30) == list(range(5))
    first, second = source.plain.options(num_returns=2).remote((1, 2))
    assert ray.get([first, second], timeout=30) == [1, 2]


def test_a_generator_heeds_its_own_limit_and_that_of_its_actor():
    tally, source = Tally.remote(), limited(3)
    first, second = (source.few.remote(tally, 8) for _ in range(2))
    assert stays(tally, 2)
    third = source.few.options(_generator_backpressure_num_objects=2).remote(tally, 8)
    assert stays(tally, 3)
    assert ray.get(next(first)) == 0
    assert stays(tally, 4)
    assert ray.get(next(second)) == 0
    assert stays(tally, 5)
    assert ray.get(next(third)) == 0


def test_items_that_are_yielded_together_are_counted_one_by_one():
    tally, source = Tally.remote(), limited(3)
    items = source.pairs.remote(tally, 4)
    assert stays(tally, 2)
    assert ray.get(next(items)) == 0
    assert stays(tally, 2)
    assert ray.get(next(items)) == 0
    assert stays(tally, 3)
    assert [ray.get(item) for item in items] == [1, -1, 2, -2, 3, -3]


def test_unread_items_count_also_when_their_call_has_ended():
    tally, source = Tally.remote(), limited(3)
    first = source.numbers.remote(tally, 2)
    assert ray.wait([first._generator_ref], timeout=30)[0]
    second = source.numbers.remote(tally, 8)
    assert stays(tally, 3)
    assert ray.get(next(first)) == 0
    assert stays(tally, 4)
    assert ray.get(next(second)) == 0
    assert stays(tally, 5)


def test_items_that_nobody_reads_any_more_do_not_count():
    tally, source = Tally.remote(), limited(2)
    first = source.numbers.remote(tally, 8)
    assert stays(tally, 2)
    second = source.numbers.remote(tally, 8)
    assert stays(tally, 2)
    del first
    assert stays(tally, 8 + 2)
    assert ray.get(next(second)) == 0
    assert stays(tally, 8 + 3)


def test_whoever_has_an_actor_has_its_limit():
    @ray.remote(num_cpus=0)
    def first_three(source, tally):
        items = source.numbers.remote(tally, 8)
        end = time.monotonic() + 30
        while ray.get(tally.count.remote()) < 2 and time.monotonic() < end:
            time.sleep(0.02)
        # Without a limit it would begin all meanwhile.
        time.sleep(0.5)
        return ray.get(tally.count.remote()), [ray.get(next(items)) for _ in range(3)]

    tally, source = Tally.remote(), limited(2, name="limited")
    assert ray.get(first_three.remote(source, tally), timeout=60) == (2, [0, 1, 2])
    # Its reader is gone: it has gone on to its end.
    assert stays(tally, 8)
    items = ray.get_actor("limited").numbers.remote(tally, 8)
    assert stays(tally, 8 + 2)
    assert ray.get(next(items)) == 0


def test_a_generator_that_is_cancelled_and_let_go_keeps_no_other_waiting():
    tally, other, source = Tally.remote(), Tally.remote(), limited(2)
    first = source.numbers.remote(tally, 8)
    assert stays(tally, 2)
    second = source.numbers.remote(other, 8)
    assert stays(other, 0)
    ray.cancel(first)
    del first
    assert stays(other, 2)
    assert [ray.get(item) for item in second] == list(range(8))


def test_a_try_that_failed_does_not_keep_the_next_one_waiting():
    tally, source = Tally.remote(), limited(2, max_concurrency=1)
    items = source.failing.remote(tally, 4)
    assert [ray.get(item) for item in items] == [0, 1, 2, 3]
    assert [ray.get(item) for item in source.numbers.remote(tally, 4)] == [0, 1, 2, 3]


@ray.remote(num_cpus=0)
class Loop:
    async def numbers(self, tally, count):
        for number in range(count):
            await tally.begin.remote()
            yield number


@pytest.mark.parametrize("own", [True, False])
def test_generators_of_asyncio_have_limits(own):
    limit = -1 if own else 2
    tally, source = Tally.remote(), Loop.options(_actor_generator_backpressure_num_objects=limit).remote()
    items = source.numbers.options(_generator_backpressure_num_objects=2 if own else -1).remote(tally, 4)
    assert stays(tally, 2)
    assert ray.get(next(items)) == 0
    assert stays(tally, 3)
    assert [ray.get(item) for item in items] == [1, 2, 3]


def test_generators_of_asyncio_that_wait_keep_no_other_from_going_on():
    tally, source = Tally.remote(), Loop.remote()
    method = source.numbers.options(_generator_backpressure_num_objects=1)
    items = [method.remote(tally, 3) for _ in range(20)]
    assert stays(tally, 20)
    assert [ray.get(item, timeout=60) for item in items[-1]] == [0, 1, 2]


def test_a_generator_that_waits_hears_signals():
    @ray.remote(num_cpus=0, max_retries=0, _generator_backpressure_num_objects=1)
    def processes():
        while True:
            yield os.getpid()

    items = processes.remote()
    process = ray.get(next(items))
    time.sleep(0.5)
    os.kill(process, signal.SIGTERM)
    with pytest.raises(ray.exceptions.WorkerCrashedError):
        ray.get(items._generator_ref, timeout=60)


def test_a_call_beyond_the_limit_is_refused_where_it_is_made():
    @ray.remote(num_cpus=0, max_concurrency=4)
    class Slow:
        def wait(self, path):
            while not os.path.exists(path):
                time.sleep(0.01)

        def call(self):
            return 1

    path = f"/tmp/limits-{os.getpid()}-{time.time_ns()}"
    slow = Slow.options(max_pending_calls=2).remote()
    assert ray.get(slow.call.remote()) == 1
    waiting = [slow.wait.remote(path), slow.wait.remote(path)]
    with pytest.raises(ray.exceptions.PendingCallsLimitExceeded):
        slow.call.remote()
    with open(path, "w"):
        ray.get(waiting)
    os.unlink(path)
    assert ray.get(slow.call.remote()) == 1


@pytest.mark.parametrize("name", ["TPU", "neuron_cores"])
def test_devices_are_whole_or_less_than_one(name):
    @ray.remote
    def use():
        pass

    @ray.remote
    class User:
        pass

    with pytest.raises(ValueError):
        use.options(resources={name: 2.5}).remote()
    with pytest.raises(ValueError):
        User.options(resources={name: 1.5}).remote()


def test_what_waits_for_resources_is_known():
    from ray._private.state import state
    from ray.core.generated import gcs_pb2

    accessor = state._connect_and_get_accessor()

    def waiting():
        usage = accessor.get_all_resource_usage()
        demands = gcs_pb2.ResourceUsageBatchData.FromString(usage).resource_load_by_shape.resource_demands
        return [
            (dict(demand.shape), demand.num_infeasible_requests_queued)
            for demand in demands
            if "CPU" in demand.shape
        ]

    @ray.remote(num_cpus=80)
    class Large:
        pass

    assert eventually(lambda: waiting() == [])
    large = Large.remote()
    assert eventually(lambda: waiting() == [({"CPU": 80.0}, 1)])
    ray.kill(large)
    assert eventually(lambda: waiting() == [])
