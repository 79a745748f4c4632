"""References are counted exactly once each way, and can be waited for in every way that Ray's can."""

import asyncio
import concurrent.futures
import gc
import threading

import native_api
import pytest
import ray
import ray._raylet as raylet

from swift_ray import _native


class Counts:
    """Counting functions that remember."""

    def __init__(self):
        self.added, self.removed = [], []
        self.add = native_api.ADD(self._add)
        self.remove = native_api.REMOVE(lambda pointer: self.removed.append(bytes(pointer.contents)))

    def _add(self, pointer, owner, owner_size):
        self.added.append(bytes(pointer.contents))
        return 1


@pytest.fixture
def counts():
    made = Counts()
    _native.set_reference_functions(native_api.capsule(made.add), native_api.capsule(made.remove))
    yield made
    _native.set_reference_functions(None, None)


def one_id(number):
    return number.to_bytes(28, "little")


def test_one_call_each_way(counts):
    ref = raylet.ObjectRef(one_id(1))
    assert counts.added == [one_id(1)] and counts.removed == []
    same = ref
    del ref
    assert counts.removed == []
    del same
    assert counts.removed == [one_id(1)]


def test_a_reference_that_is_counted_already_is_only_removed(counts):
    ref = raylet.ObjectRef(one_id(2), b"owner", "", skip_adding_local_ref=True)
    assert counts.added == []
    del ref
    assert counts.removed == [one_id(2)]


def test_nil_and_failed_references_are_not_counted(counts):
    raylet.ObjectRef.nil()
    for arguments in ((b"short",), (one_id(3), 5), (one_id(3), b"", None)):
        with pytest.raises((ValueError, TypeError)):
            raylet.ObjectRef(*arguments)
    assert counts.added == counts.removed


def test_copies_by_pickle_and_list_are_counted(counts):
    import copy

    refs = [raylet.ObjectRef(one_id(number)) for number in range(1, 4)]
    refs += [copy.copy(refs[0]), copy.deepcopy(refs[1])]
    assert len(counts.added) == 5
    refs.clear()
    assert sorted(counts.added) == sorted(counts.removed)


def test_setting_another_id_moves_the_count(counts):
    ref = raylet.ObjectRef(one_id(1))
    ref._set_id(one_id(2))
    assert (counts.added, counts.removed) == ([one_id(1), one_id(2)], [one_id(1)])
    ref.__init__(one_id(3))
    del ref
    assert counts.removed == [one_id(1), one_id(2), one_id(3)] == counts.added


def test_references_outlive_the_core_that_counted_them(counts):
    ref = raylet.ObjectRef(one_id(1))
    late = raylet.ObjectRef(one_id(2))
    _native.set_reference_functions(None, None)
    del ref
    other = Counts()
    _native.set_reference_functions(native_api.capsule(other.add), native_api.capsule(other.remove))
    del late
    assert counts.removed == [] and other.removed == []


def test_counting_from_many_threads(counts):
    def work():
        for number in range(1, 2000):
            raylet.ObjectRef(one_id(number))

    threads = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(counts.added) == len(counts.removed) == 4 * 1999


def test_subclass_without_init_is_not_counted(counts):
    class Later(raylet.ObjectRef):
        def __init__(self):
            pass

    later = Later()
    later._set_id(one_id(1))
    del later
    assert counts.added == counts.removed == []


def test_functions_are_set_together():
    made = Counts()
    with pytest.raises(ValueError):
        _native.set_reference_functions(native_api.capsule(made.add), None)
    with pytest.raises(TypeError):
        _native.set_reference_functions(3, 4)


def test_references_made_through_the_c_interface(counts):
    ref = native_api.interface.object_ref_new(one_id(7), b"owner", 5, 1)
    assert isinstance(ref, ray.ObjectRef) and ref.owner_address() == b"owner" and counts.added == []
    other = native_api.interface.object_ref_new(one_id(8), None, 0, 0)
    assert counts.added == [one_id(8)] and other.owner_address() == b""
    del ref, other
    assert counts.removed == [one_id(7), one_id(8)]


class CoreWorker:
    """Completes callbacks on a thread of its own, as the core does."""

    def __init__(self):
        self.callbacks, self.cancelled = [], []

    def set_get_async_callback(self, ref, callback):
        self.callbacks.append(callback)

    set_wait_async_callback = set_get_async_callback

    def cancel_wait_async(self, handle):
        self.cancelled.append(handle)

    def complete(self, *values):
        thread = threading.Thread(target=lambda: [callback(*values) for callback in self.callbacks])
        thread.start()
        thread.join()


@pytest.fixture
def core_worker():
    worker = ray._private.worker.global_worker
    before = getattr(worker, "core_worker", None)
    worker.core_worker = CoreWorker()
    yield worker.core_worker
    del worker.core_worker
    if before is not None:
        worker.core_worker = before


def test_future_gets_values_and_errors(core_worker):
    ref = raylet.ObjectRef(one_id(1))
    future = ref.future()
    assert isinstance(future, concurrent.futures.Future) and future.object_ref is ref and not future.done()
    core_worker.complete(5)
    assert future.result(0) == 5
    for given, wanted in (
        (ray.exceptions.RayTaskError("f", "trace", ValueError("x")), ValueError),
        (ray.exceptions.ActorDiedError(), ray.exceptions.ActorDiedError),
    ):
        core_worker.callbacks.clear()
        future = ref.future()
        core_worker.complete(given)
        with pytest.raises(wanted):
            future.result(0)
    raylet._set_future_helper(6, py_future=future)  # done already: nothing happens


def test_await_and_ready(core_worker):
    ref = raylet.ObjectRef(one_id(1))

    async def run():
        loop = asyncio.get_running_loop()
        loop.call_later(0.01, core_worker.complete, "value")
        first = await ref
        core_worker.callbacks.clear()
        loop.call_later(0.01, core_worker.complete, None)
        second = await ref._ready()
        core_worker.callbacks.clear()
        loop.call_later(0.01, core_worker.complete, RuntimeError("no"))
        with pytest.raises(RuntimeError):
            await ref._ready()
        core_worker.callbacks.clear()
        loop.call_later(0.01, core_worker.complete, "gathered")
        third = await asyncio.gather(ref, ref.as_future(_internal=True))
        return first, second, third

    assert asyncio.run(run()) == ("value", ref, ["gathered", "gathered"])
    assert len(core_worker.cancelled) == 2
    cancel = ref._on_ready(print)
    cancel()
    assert len(core_worker.cancelled) == 3


def test_without_a_core_worker_waiting_is_an_attribute_error(core_worker, monkeypatch):
    monkeypatch.delattr(ray._private.worker.global_worker, "core_worker")
    ref = raylet.ObjectRef(one_id(1))
    for call in (
        ref.future,
        lambda: ref.__await__(),
        lambda: ref._on_completed(print),
        lambda: ref._on_ready(print),
    ):
        with pytest.raises(AttributeError, match="core_worker"):
            call()


def test_references_are_no_load_for_the_collector():
    assert not gc.is_tracked(raylet.ObjectRef.nil())


def test_what_is_ready_is_divided_from_the_rest():
    from swift_ray import _core

    refs = [raylet.ObjectRef.from_random() for _ in range(4)]
    assert _core.divide(refs, bytes([1, 0, 1, 1]), 2) == ([refs[0], refs[2]], [refs[1], refs[3]])
    assert _core.divide([], b"", 1) == ([], [])
