"""Which calls are ended of those that were cancelled before the interpreter came to them."""

import pytest
import ray  # noqa: F401

from swift_ray.raylet.cancellation import Cancellation


class Process:
    """A core worker, of an asyncio actor if `loops` is not None, with the cancellations that its core has told of."""

    def __init__(self, loops=None):
        self._loops, self._actor, self.cancelled, self.running = loops, None, [], set()

    def control(self, operation, **payload):
        if operation == "is_cancelled":
            return payload["task"] in self.running
        assert operation == "take_cancelled"
        taken, self.cancelled = self.cancelled, []
        self.running.update(taken)
        return taken


class Loops:
    """Event loops that know the calls of `known`."""

    def __init__(self):
        self.known, self.ended = set(), []

    def cancel(self, task):
        if task in self.known:
            self.ended.append(task)
        return task in self.known


def test_each_of_the_calls_that_wait_for_an_asyncio_actor():
    process = Process(Loops())
    cancellation = Cancellation(process)
    process._loops.known.add(b"running")
    process.cancelled = [b"first", b"running", b"second"]
    cancellation.perform()
    assert process._loops.ended == [b"running"]
    assert not cancellation.take_early(b"another")
    assert cancellation.take_early(b"first") and cancellation.take_early(b"second")
    assert not cancellation.take_early(b"first")


def test_calls_that_have_ended_are_forgotten():
    process = Process(Loops())
    cancellation = Cancellation(process)
    process.cancelled = [b"ended", b"waits"]
    cancellation.perform()
    process.running.remove(b"ended")
    cancellation.forget_ended()
    assert not cancellation.take_early(b"ended")
    assert cancellation.take_early(b"waits")


def test_a_normal_task_that_is_loaded():
    process = Process()
    cancellation = Cancellation(process)
    process.cancelled = [b"ended", b"loaded"]
    cancellation.perform()
    with pytest.raises(KeyboardInterrupt):
        cancellation.begin(b"loaded")
    cancellation.begin(b"ended")
    assert cancellation.interruptible == b"ended"
