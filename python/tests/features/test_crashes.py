"""Calls that end their process, and what becomes of those before and behind them."""

import ctypes
import os
import signal
import sys

import pytest
import ray
from heads import is_own_core
from ray import cloudpickle
from ray.exceptions import RayActorError, WorkerCrashedError

pytestmark = pytest.mark.usefixtures("cluster")
# Workers cannot import this file.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def end(how):
    """Ends this process."""
    if how == "os._exit":
        os._exit(1)
    if how == "sys.exit":
        sys.exit(1)
    if how == "fault":
        ctypes.string_at(0)
    if how == "abort":
        os.abort()
    os.kill(os.getpid(), signal.SIGKILL)


def note(folder, number):
    with open(os.path.join(folder, str(number)), "a") as file:
        file.write("x")


@ray.remote(max_restarts=0)
class Actor:
    def call(self, number, how=None):
        if how is not None:
            end(how)
        return number

    def end(self, how):
        end(how)


@pytest.mark.parametrize("how", ["os._exit", "sys.exit", "fault", "abort", "kill"])
def test_of_tasks_that_stand_behind_each_other_only_the_crash_fails(tmp_path, how):
    folder = str(tmp_path)

    # One worker for all of them.
    @ray.remote(num_cpus=4, max_retries=0)
    def call(number):
        note(folder, number)
        if number == 20:
            end(how)
        return number

    calls = [call.remote(number) for number in range(40)]
    failed = []
    for number, reference in enumerate(calls):
        try:
            assert ray.get(reference, timeout=60) == number
        except WorkerCrashedError:
            failed.append(number)
    assert failed == [20]
    assert all((tmp_path / str(number)).read_text() == "x" for number in range(40))


# There the thread that sends them may be late.
needs_our_core = pytest.mark.skipif(is_own_core, reason="on Ray's own core some are lost")


def results_before(calls):
    """How many calls have ended well; the others failed with the actor."""
    count = 0
    for number, reference in enumerate(calls):
        try:
            assert ray.get(reference, timeout=60) == number
        except RayActorError:
            continue
        count += 1
    return count


@needs_our_core
@pytest.mark.parametrize("how", ["os._exit", "fault", "abort"])
def test_calls_of_an_actor_before_one_that_crashes_keep_their_results(how):
    actor = Actor.remote()
    assert ray.get(actor.call.remote(0), timeout=60) == 0
    assert results_before([actor.call.remote(n, how if n == 20 else None) for n in range(40)]) == 20


@needs_our_core
def test_calls_of_an_actor_before_one_that_is_killed_keep_their_results():
    actor = Actor.remote()
    assert ray.get(actor.call.remote(0), timeout=60) == 0
    calls = [actor.call.remote(n) for n in range(20)]
    assert results_before([*calls, actor.end.remote("kill")]) == 20


def test_a_process_that_was_forked_ends_by_itself():
    @ray.remote
    def fork():
        child = os.fork()
        if child == 0:
            os._exit(7)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    assert ray.get(fork.remote(), timeout=60) == 7
