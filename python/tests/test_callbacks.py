"""The thread that calls back when objects are there: nothing that user code does ends it."""

import itertools
import queue
import sys
import threading

import pytest
from ray._raylet import ObjectRef
from ray.exceptions import RaySystemError

from swift_ray import _core
from swift_ray.raylet import callbacks


class Process(callbacks.Callbacks):
    """A core worker in which every object is there at once, and reading one does what `read` does."""

    def __init__(self, read):
        self.get_objects = read
        self._waiting, self._numbers = {}, itertools.count(1)
        self._callback_thread, self._callback_lock = None, threading.Lock()
        self._is_driver = False


@pytest.fixture
def process(monkeypatch):
    events = queue.Queue()
    monkeypatch.setattr(_core, "notify", lambda ref, is_value, number: events.put(number))
    monkeypatch.setattr(_core, "next_event", lambda milliseconds: events.get())

    def leave(refs):
        sys.exit("while a value was read")

    yield Process(leave)
    events.put(callbacks.CLOSED)


def is_called_back(process) -> bool:
    called = threading.Event()
    process.set_wait_async_callback(ObjectRef.from_random(), lambda error: called.set())
    return called.wait(10)


def test_callback_may_raise_anything(process):
    process.set_wait_async_callback(ObjectRef.from_random(), lambda error: sys.exit())
    assert is_called_back(process)


def test_reading_a_value_may_raise_anything(process):
    values = queue.Queue()
    process.set_get_async_callback(ObjectRef.from_random(), values.put)
    error = values.get(timeout=10)
    assert isinstance(error, RaySystemError) and "while a value was read" in str(error)
    assert is_called_back(process)


def test_a_callback_that_outlives_its_runtime_takes_nothing_of_the_next(process, monkeypatch):
    monkeypatch.setattr(callbacks, "END_SECONDS", 0)
    began, goes_on = threading.Event(), threading.Event()
    process.set_wait_async_callback(ObjectRef.from_random(), lambda error: (began.set(), goes_on.wait(10)))
    assert began.wait(10)
    process.end_callbacks()
    goes_on.set()
    process._callback_thread.join(5)
    assert not process._callback_thread.is_alive()
