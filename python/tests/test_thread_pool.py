"""The threads of an actor's calls."""

import gc
import threading
import weakref

import pytest
import ray  # noqa: F401

from swift_ray.raylet.thread_pool import ThreadPool

WAIT_S = 20


def test_so_many_run_at_once_and_no_more():
    pool, together = ThreadPool(3), threading.Barrier(4)
    running, most, lock, ended = 0, 0, threading.Lock(), threading.Semaphore(0)

    def call():
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(WAIT_S)
        with lock:
            running -= 1
        ended.release()

    for _ in range(9):
        pool.submit(call)
    for _ in range(3):
        together.wait(WAIT_S)
    for _ in range(9):
        assert ended.acquire(timeout=WAIT_S)
    assert most == 3


def test_one_that_takes_long_holds_up_no_other():
    pool, first, second = ThreadPool(2), threading.Event(), threading.Event()
    pool.submit(first.wait, WAIT_S)
    for number in range(100):
        pool.submit(second.set if number == 99 else int)
    assert second.wait(WAIT_S)
    first.set()


def test_the_first_calls_have_a_thread_each():
    pool, seen = ThreadPool(3), []
    for _ in range(9):
        ended = threading.Event()

        def call(ended=ended):
            seen.append(threading.get_ident())
            ended.set()

        pool.submit(call)
        assert ended.wait(WAIT_S)
    assert len(set(seen[:3])) == 3 and len(set(seen)) == 3


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_an_error_costs_no_thread(error, capsys):
    pool, ended = ThreadPool(1), threading.Event()

    def fail():
        raise error("on purpose")

    for _ in range(3):
        pool.submit(fail)
    pool.submit(ended.set)
    assert ended.wait(WAIT_S)
    assert capsys.readouterr().err.count("on purpose") >= 3


def test_nothing_is_kept_of_a_call_that_has_ended():
    class Value:
        pass

    pool, ended, value = ThreadPool(2), threading.Event(), Value()
    gone = threading.Event()
    weak = weakref.ref(value, lambda _: gone.set())
    pool.submit(lambda one: ended.set(), value)
    del value
    assert ended.wait(WAIT_S)
    gc.collect()
    assert gone.wait(WAIT_S) and weak() is None
