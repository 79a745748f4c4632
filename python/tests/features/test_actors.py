"""Actors."""

import asyncio
import gc
import os
import signal
import threading
import time
import weakref

import pytest
import ray
from waiting import eventually

pytestmark = pytest.mark.usefixtures("cluster")


@ray.remote
class Counter:
    def __init__(self, start=0):
        self.value = start

    def add(self, by=1):
        self.value += by
        return self.value

    def fail(self):
        raise KeyError("no")


def test_calls_keep_their_order():
    counter = Counter.remote(10)
    assert ray.get([counter.add.remote() for _ in range(200)]) == list(range(11, 211))


def test_an_actor_does_not_live_where_its_calls_are_owned():
    @ray.remote
    def make():
        counter = Counter.remote()
        return counter, [counter.add.remote() for _ in range(3)]

    for counter, references in ray.get([make.remote() for _ in range(4)], timeout=60):
        assert ray.get(references, timeout=60) == [1, 2, 3]
        ray.kill(counter)
        assert ray.get(references[0]) == 1


def test_an_error_leaves_the_actor_alive():
    counter = Counter.remote()
    with pytest.raises(KeyError):
        ray.get(counter.fail.remote())
    assert ray.get(counter.add.remote()) == 1


def test_handles_travel():
    @ray.remote
    def use(handle):
        return ray.get(handle.add.remote(5))

    counter = Counter.remote()
    assert ray.get(use.remote(counter)) == 5
    assert ray.get(counter.add.remote()) == 6


def test_an_actor_calls_itself():
    @ray.remote
    class Echo:
        def begin(self, value):
            return ray.get_runtime_context().current_actor.end.remote(value)

        def end(self, value):
            return value

    echo = Echo.remote()
    inner = ray.get(echo.begin.remote("hello"))
    assert ray.get(inner, timeout=30) == "hello"


def test_names_of_functions():
    def name() -> str:
        return ray.get_runtime_context().get_task_function_name()

    @ray.remote
    class Plain:
        def method(self):
            return name()

    @ray.remote
    class Coroutine:
        async def method(self):
            return name()

    @ray.remote
    def function():
        return name()

    assert ray.get(function.remote()) == f"{__name__}.function"
    assert ray.get(Plain.remote().method.remote()) == f"{__name__}.Plain.method"
    nested = f"{__name__}.test_names_of_functions.<locals>.Coroutine.method"
    assert ray.get(Coroutine.remote().method.remote()) == nested


def test_named_actors():
    counter = Counter.options(name="named").remote(3)
    assert ray.get(counter.add.remote()) == 4
    assert ray.get(ray.get_actor("named").add.remote()) == 5
    with pytest.raises(ValueError):
        ray.get_actor("nobody")


def test_a_name_that_many_want_at_the_same_time():
    @ray.remote(num_cpus=0.1)
    def get_or_create(name):
        actor = Counter.options(name=name, lifetime="detached", get_if_exists=True, num_cpus=0).remote()
        return ray.get(actor.add.remote())

    for number in range(5):
        name = f"wanted {number}"
        assert sorted(ray.get([get_or_create.remote(name) for _ in range(6)], timeout=60)) == [
            1,
            2,
            3,
            4,
            5,
            6,
        ]
        ray.kill(ray.get_actor(name))


def test_a_killed_actor_is_dead():
    counter = Counter.remote()
    ray.get(counter.add.remote())
    ray.kill(counter)
    with pytest.raises(ray.exceptions.RayActorError, match="killed by `ray.kill`") as raised:
        # On Ray's own core a call or two may still reach the actor.
        for _ in range(100):
            ray.get(counter.add.remote())
            time.sleep(0.05)
    assert "class_name: Counter" in str(raised.value)


def test_an_error_of_the_constructor():
    @ray.remote
    class Broken:
        def __init__(self):
            raise ValueError("in the constructor")

        def hello(self):
            return 1

    with pytest.raises(ray.exceptions.ActorDiedError, match="in the constructor") as raised:
        ray.get(Broken.remote().hello.remote())
    # Where it was raised, too.
    assert "error raised in its creation task" in str(raised.value)
    assert 'raise ValueError("in the constructor")' in str(raised.value)


def test_an_actor_whose_argument_failed_is_dead():
    @ray.remote
    def broken():
        raise ValueError("an argument")

    @ray.remote
    class Actor:
        def __init__(self, value):
            pass

        def hello(self):
            return 1

    actor = Actor.remote(broken.remote())
    for _ in range(2):
        with pytest.raises(ray.exceptions.ActorDiedError, match="an argument") as raised:
            ray.get(actor.hello.remote(), timeout=60)
        assert "error raised in its creation task" in str(raised.value)


def test_asyncio_actors_run_calls_at_the_same_time():
    @ray.remote
    class Async:
        async def wait(self, seconds):
            await asyncio.sleep(seconds)
            return seconds

    actor = Async.remote()
    ray.get(actor.wait.remote(0))
    began = time.monotonic()
    assert ray.get([actor.wait.remote(0.3) for _ in range(20)]) == [0.3] * 20
    assert time.monotonic() - began < 3


def test_a_reference_that_a_method_of_an_asyncio_actor_gives_is_its_result():
    @ray.remote(num_cpus=0)
    class Async:
        def __init__(self):
            self.ref = ray.put("value")

        def plain(self):
            return self.ref

        async def coroutine(self):
            return self.ref

    actor = Async.remote()
    for method in (actor.plain, actor.coroutine):
        ref = ray.get(method.remote(), timeout=60)
        assert isinstance(ref, ray.ObjectRef)
        assert ray.get(ref) == "value"


def test_threaded_actors_run_calls_at_the_same_time():
    @ray.remote(max_concurrency=4)
    class Threads:
        def wait(self, seconds):
            time.sleep(seconds)
            return seconds

    actor = Threads.remote()
    ray.get(actor.wait.remote(0))
    began = time.monotonic()
    ray.get([actor.wait.remote(0.5) for _ in range(4)])
    assert time.monotonic() - began < 1.5


def test_references_can_be_awaited():
    counter = Counter.remote()

    async def use():
        return await counter.add.remote(2)

    assert asyncio.run(use()) == 2


def test_a_callback_is_held_no_longer_than_it_is_needed():
    class Callback:
        def __init__(self):
            self.called = threading.Event()

        def __call__(self, value):
            self.called.set()

    callback = Callback()
    called, watcher = callback.called, weakref.ref(callback)
    value = ray.put(1)
    value._on_completed(callback)
    del callback
    assert called.wait(30)
    deadline = time.monotonic() + 30
    while watcher() is not None and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.1)
    assert watcher() is None


def test_handles_are_not_counted_as_objects():
    counter = Counter.remote()
    value = ray.put(counter)
    counts = ray._private.worker.global_worker.core_worker.get_all_reference_counts()
    assert counts[value.hex().encode()]["local"] == 1
    assert not any(counter._actor_id.hex().encode() in name for name in counts)


def test_a_restarted_actor_begins_anew():
    @ray.remote(max_restarts=1, max_task_retries=1)
    class Mortal:
        def pid(self):
            import os

            return os.getpid()

        def die(self):
            import os

            os._exit(1)

    actor = Mortal.options(max_task_retries=0).remote()
    first = ray.get(actor.pid.remote())
    with pytest.raises(ray.exceptions.RayActorError):
        ray.get(actor.die.remote())
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            assert ray.get(actor.pid.remote()) != first
            return
        except ray.exceptions.RayActorError:
            time.sleep(0.1)
    raise AssertionError("the actor did not come back")


def test_actor_whose_creator_dies_before_its_arguments_exist():
    @ray.remote
    class Creator:
        def give(self, keeper):
            argument = sleeping.remote()
            ray.get(keeper.keep.remote(Late.remote(argument)))

        def pid(self):
            return os.getpid()

    @ray.remote
    class Late:
        def __init__(self, argument):
            pass

        def call(self):
            pass

    @ray.remote(num_cpus=0)
    def sleeping():
        time.sleep(300)

    @ray.remote(num_cpus=0)
    class Keeper:
        def keep(self, actor):
            self.actor = actor
            self.before = actor.call.remote()

        def results(self):
            found = []
            for reference in (self.before, self.actor.call.remote()):
                try:
                    ray.get(reference)
                except Exception as error:
                    found.append(type(error).__name__)
            return found

    creator, keeper = Creator.remote(), Keeper.remote()
    ray.get(creator.give.remote(keeper))
    os.kill(ray.get(creator.pid.remote()), signal.SIGKILL)
    assert ray.get(keeper.results.remote(), timeout=60) == ["ActorDiedError"] * 2


def test_the_process_of_an_actor_has_its_name():
    @ray.remote(num_cpus=0, concurrency_groups={"io": 1})
    class Titled:
        def name(self) -> str:
            # That of the main thread, which does not run this.
            with open("/proc/self/comm") as file:
                return file.read().strip()

    actor = Titled.remote()
    assert eventually(lambda: ray.get(actor.name.remote()) == "ray::Titled"), ray.get(actor.name.remote())
