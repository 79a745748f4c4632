"""Concurrency groups of actors."""

import threading
import time

import pytest
import ray

pytestmark = pytest.mark.usefixtures("cluster")


@ray.remote
def later(value, seconds=3):
    time.sleep(seconds)
    return value


@ray.remote(concurrency_groups={"io": 1, "wide": 2})
class Grouped:
    def __init__(self):
        self.gate = threading.Event()

    @ray.method(concurrency_group="io")
    def wait(self):
        return self.gate.wait(30)

    @ray.method(concurrency_group="io")
    def thread(self, *values):
        return threading.get_ident()

    @ray.method(concurrency_group="wide")
    def open(self):
        self.gate.set()
        return threading.get_ident()

    def plain(self):
        return threading.get_ident()


def test_a_group_of_methods_holds_up_no_other():
    actor = Grouped.remote()
    waiting = actor.wait.remote()
    assert ray.get(actor.plain.remote(), timeout=30)
    ray.get(actor.open.remote(), timeout=30)
    assert ray.get(waiting, timeout=30)


def test_groups_have_threads_of_their_own():
    actor = Grouped.remote()
    threads = [ray.get(actor.thread.remote()) for _ in range(3)]
    assert len(set(threads)) == 1
    assert ray.get(actor.plain.remote()) not in threads
    assert ray.get(actor.plain.options(concurrency_group="io").remote()) in threads


def test_a_call_waits_for_arguments_in_its_group():
    actor = Grouped.remote()
    references = [actor.thread.remote(later.remote(1)), actor.open.remote(), actor.thread.remote()]
    assert len(ray.get(references, timeout=30)) == 3


def test_a_handle_that_travels_knows_the_groups():
    @ray.remote
    def use(actor):
        waiting = actor.wait.remote()
        ray.get(actor.open.remote())
        return ray.get(waiting)

    assert ray.get(use.remote(Grouped.remote()), timeout=30)


def test_the_group_for_the_system():
    @ray.remote
    class Plain:
        def __init__(self):
            self.gate = threading.Event()

        def wait(self):
            return self.gate.wait(30)

        def open(self):
            self.gate.set()

    actor = Plain.remote()
    waiting = actor.wait.options(concurrency_group="_ray_system").remote()
    ray.get(actor.open.remote(), timeout=30)
    assert ray.get(waiting, timeout=30)


@pytest.mark.parametrize("is_asyncio", [True, False])
def test_unordered_actors_do_not_wait_for_arguments_of_others(is_asyncio):
    @ray.remote
    class Threads:
        def echo(self, value):
            return value

    @ray.remote
    class Coroutines:
        async def echo(self, value):
            return value

    actor = (Coroutines if is_asyncio else Threads.options(max_concurrency=2)).remote()
    ray.get(actor.echo.remote(0))
    begin = time.monotonic()
    first = actor.echo.remote(later.remote(1))
    assert ray.get(actor.echo.remote(2), timeout=30) == 2
    assert time.monotonic() - begin < 2.5
    assert ray.get(first, timeout=30) == 1
