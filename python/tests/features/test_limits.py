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


@ray.remote(num_cpus=0)
class Loop:
    async def numbers(self, tally, count):
        for number in range(count):
            await tally.begin.remote()
            yield number


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
