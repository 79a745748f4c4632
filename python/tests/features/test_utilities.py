"""What Ray's Python builds on tasks and actors: queues, pools, processes that end themselves."""

import collections
import gc
import os
import queue
import time
import weakref

import pytest
import ray
from ray._private.internal_api import global_gc
from ray.exceptions import RayActorError
from ray.util import ActorPool
from ray.util.queue import Empty, Full, Queue

pytestmark = pytest.mark.usefixtures("cluster")


def test_queue():
    queue = Queue(maxsize=2, actor_options={"num_cpus": 0})
    queue.put(1)
    queue.put(2)
    assert queue.full() and queue.size() == 2
    with pytest.raises(Full):
        queue.put_nowait(3)
    with pytest.raises(Full):
        queue.put(3, timeout=0.1)
    assert [queue.get(), queue.get_nowait()] == [1, 2]
    with pytest.raises(Empty):
        queue.get(timeout=0.1)
    queue.put_nowait_batch([4, 5])
    assert queue.get_nowait_batch(2) == [4, 5]
    queue.shutdown()


def test_queue_between_tasks():
    queue = Queue(actor_options={"num_cpus": 0})

    @ray.remote
    def produce(queue, count):
        for number in range(count):
            queue.put(number)

    @ray.remote
    def consume(queue, count):
        return [queue.get(timeout=30) for _ in range(count)]

    result = consume.remote(queue, 20)
    ray.get(produce.remote(queue, 20))
    assert ray.get(result, timeout=60) == list(range(20))
    queue.shutdown()


def test_actor_pool():
    @ray.remote(num_cpus=0)
    class Doubler:
        def double(self, number):
            return 2 * number

    pool = ActorPool([Doubler.remote() for _ in range(3)])
    assert list(pool.map(lambda actor, number: actor.double.remote(number), range(20))) == list(
        range(0, 40, 2)
    )
    unordered = pool.map_unordered(lambda actor, number: actor.double.remote(number), range(20))
    assert sorted(unordered) == list(range(0, 40, 2))
    pool.submit(lambda actor, number: actor.double.remote(number), 5)
    assert pool.has_next() and pool.get_next(timeout=30) == 10
    assert not pool.has_next()


def test_multiprocessing_pool():
    from ray.util.multiprocessing import Pool

    def power(base, exponent=2):
        return base**exponent

    with Pool(processes=2) as pool:
        assert pool.map(power, range(10)) == [number**2 for number in range(10)]
        assert pool.starmap(power, [(2, 3), (3, 2)]) == [8, 9]
        assert pool.apply(power, (2, 5)) == 32
        assert pool.apply_async(power, (2,), {"exponent": 4}).get(timeout=60) == 16
        assert sorted(pool.imap_unordered(power, range(4))) == [0, 1, 4, 9]


def test_max_calls_ends_the_process():
    @ray.remote(max_calls=2)
    def process():
        return os.getpid()

    counts = collections.Counter(ray.get(process.remote(), timeout=60) for _ in range(6))
    assert max(counts.values()) <= 2
    deadline = time.monotonic() + 30
    while any(os.path.exists(f"/proc/{pid}") for pid, count in counts.items() if count == 2):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_max_calls_waits_for_what_others_want():
    @ray.remote
    def child():
        time.sleep(0.2)
        return 1

    @ray.remote(max_calls=1, max_retries=0)
    def parent():
        return os.getpid(), child.remote()

    results = ray.get([parent.remote() for _ in range(4)], timeout=60)
    assert len({pid for pid, _ in results}) == 4
    deadline = time.monotonic() + 60
    while results:
        pid, reference = results.pop()
        assert os.path.exists(f"/proc/{pid}")
        assert ray.get(reference, timeout=60) == 1
        del reference
        while os.path.exists(f"/proc/{pid}"):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_max_calls_counts_errors():
    @ray.remote(max_calls=1, max_retries=0)
    def fail():
        raise KeyError(os.getpid())

    for _ in range(2):
        with pytest.raises(KeyError) as error:
            ray.get(fail.remote(), timeout=60)
        deadline = time.monotonic() + 30
        while os.path.exists(f"/proc/{error.value.cause.args[0]}"):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_garbage_of_all_processes():
    @ray.remote(num_cpus=0)
    class Holder:
        def hold(self):
            gc.disable()
            cycle = [ray.put(1)]
            cycle.append(cycle)
            self.object = weakref.ref(Marked(cycle))

        def has_it(self):
            return self.object() is not None

    class Marked:
        def __init__(self, cycle):
            cycle.append(self)
            self.cycle = cycle

    holder = Holder.remote()
    ray.get(holder.hold.remote(), timeout=60)
    assert ray.get(holder.has_it.remote())
    global_gc()
    deadline = time.monotonic() + 30
    while ray.get(holder.has_it.remote()):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_actor_that_exits():
    @ray.remote(num_cpus=0)
    class Actor:
        def ping(self):
            return 1

        def leave(self):
            ray.actor.exit_actor()

    actor = Actor.remote()
    assert ray.get(actor.ping.remote()) == 1
    with pytest.raises(RayActorError):
        ray.get(actor.leave.remote(), timeout=30)
    with pytest.raises(RayActorError):
        ray.get(actor.ping.remote(), timeout=30)


def test_coroutine_actor_that_exits():
    @ray.remote(num_cpus=0)
    class Actor:
        async def leave(self):
            ray.actor.exit_actor()

        async def ping(self):
            return 1

    actor = Actor.remote()
    assert ray.get(actor.ping.remote()) == 1
    with pytest.raises(RayActorError):
        ray.get(actor.leave.remote(), timeout=30)
    with pytest.raises(RayActorError):
        ray.get(actor.ping.remote(), timeout=30)


def test_callback_for_an_object_that_is_gone():
    core_worker = ray._private.worker.global_worker.core_worker
    gone = queue.Queue()
    references = [ray.put(number) for number in range(3)]
    ids = [reference.binary() for reference in references]
    for reference in references:
        assert core_worker.add_object_out_of_scope_callback(reference, gone.put)
    del reference, references[1]
    assert gone.get(timeout=30) == ids[1]
    references.clear()
    assert {gone.get(timeout=30), gone.get(timeout=30)} == {ids[0], ids[2]}
