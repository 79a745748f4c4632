"""`ray.cancel`."""

import asyncio
import os
import sys
import time

import numpy as np
import pytest
import ray
from heads import is_own_core
from ray import cloudpickle
from ray.exceptions import RayTaskError, TaskCancelledError

pytestmark = pytest.mark.usefixtures("cluster")
# Workers cannot import this file.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def sleep(seconds):
    """Sleeps so that Ray can interrupt it, too: between two short sleeps."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.02)


@ray.remote
def leave_marks(folder, name="task"):
    """Says that it began, and that it was interrupted: at once, when others can know that it has begun."""
    try:
        mark(folder, f"{name} began")
        sleep(60)
    except KeyboardInterrupt:
        mark(folder, f"{name} interrupted")
        raise


def mark(folder, text):
    open(os.path.join(folder, text), "w").close()


def until_marked(folder, text, seconds=30):
    deadline = time.monotonic() + seconds
    while not os.path.exists(os.path.join(folder, text)):
        assert time.monotonic() < deadline, f"no mark '{text}'"
        time.sleep(0.02)


def expect_cancelled(ref, seconds=30):
    with pytest.raises(TaskCancelledError):
        ray.get(ref, timeout=seconds)


@ray.remote
def one(*arguments):
    return 1


def test_running_task_gets_an_interrupt(tmp_path):
    task = leave_marks.remote(str(tmp_path))
    until_marked(tmp_path, "task began")
    ray.cancel(task)
    with pytest.raises(TaskCancelledError, match="TaskCancelledError: Task: "):
        ray.get(task, timeout=30)
    until_marked(tmp_path, "task interrupted")
    assert ray.get(one.remote()) == 1


@ray.remote
def answer_an_interrupt(folder, answer):
    """Gives or raises what it is told to, once it is interrupted."""
    try:
        mark(folder, "task began")
        sleep(60)
    except KeyboardInterrupt:
        mark(folder, "task interrupted")
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_what_a_task_makes_of_an_interrupt_is_its_result(tmp_path):
    for number, (count, answer) in enumerate([(1, "part"), (2, (1, 2)), (1, np.ones(1 << 20))]):
        folder = tmp_path / str(number)
        folder.mkdir()
        task = answer_an_interrupt.options(num_returns=count).remote(str(folder), answer)
        until_marked(folder, "task began")
        ray.cancel(task if count == 1 else task[0])
        given = ray.get(task, timeout=30)
        assert np.array_equal(given, answer), given
    assert ray.get(one.remote(), timeout=30) == 1


def test_a_task_that_goes_on_is_interrupted_again(tmp_path):
    @ray.remote
    def stubborn():
        try:
            mark(tmp_path, "task began")
            sleep(60)
        except KeyboardInterrupt:
            pass
        try:
            mark(tmp_path, "task went on")
            sleep(60)
        except KeyboardInterrupt:
            return "at last"

    task = stubborn.remote()
    until_marked(tmp_path, "task began")
    ray.cancel(task)
    until_marked(tmp_path, "task went on")
    ray.cancel(task)
    assert ray.get(task, timeout=30) == "at last"


def test_an_error_after_an_interrupt_is_not_tried_again(tmp_path):
    options = {"max_retries": 3, "retry_exceptions": True}
    task = answer_an_interrupt.options(**options).remote(str(tmp_path), ValueError("own"))
    until_marked(tmp_path, "task began")
    ray.cancel(task)
    with pytest.raises(ValueError, match="own"):
        ray.get(task, timeout=30)


def test_what_waits_for_a_cancelled_task_has_its_result(tmp_path):
    task = answer_an_interrupt.remote(str(tmp_path), 5)
    next_task = one.remote(task)
    until_marked(tmp_path, "task began")
    assert ray.wait([next_task], timeout=0.2)[0] == []
    ray.cancel(task)
    assert ray.get(next_task, timeout=30) == 1


def test_many_in_a_row(tmp_path):
    """The interrupt meets the task that was cancelled and no other."""
    for number in range(10):
        task = leave_marks.remote(str(tmp_path), str(number))
        until_marked(tmp_path, f"{number} began")
        ray.cancel(task)
        others = [one.remote() for _ in range(5)]
        expect_cancelled(task)
        assert ray.get(others, timeout=30) == [1] * 5


def test_waiting_in_get_is_interrupted(tmp_path):
    @ray.remote
    def parent():
        mark(tmp_path, "parent began")
        try:
            ray.get(leave_marks.remote(str(tmp_path), "child"))
        except (KeyboardInterrupt, TaskCancelledError):
            mark(tmp_path, "parent interrupted")
            raise

    task = parent.remote()
    until_marked(tmp_path, "child began")
    ray.cancel(task)
    expect_cancelled(task)
    until_marked(tmp_path, "parent interrupted")
    until_marked(tmp_path, "child interrupted")


class Slow:
    """An argument that takes two seconds to read."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return read_slowly, (self.folder,)


def read_slowly(folder):
    mark(folder, "is read")
    time.sleep(2)


@ray.remote
def leave_marks_with(argument, folder):
    leave_marks._function(folder)


def test_a_task_that_is_cancelled_while_its_arguments_are_read(tmp_path):
    folder = str(tmp_path)
    task = leave_marks_with.remote(Slow(folder), folder)
    until_marked(folder, "is read")
    ray.cancel(task)
    expect_cancelled(task)
    time.sleep(4)
    began, interrupted = (
        os.path.exists(os.path.join(folder, f"task {what}")) for what in ("began", "interrupted")
    )
    assert began == interrupted
    assert ray.get(one.remote(), timeout=30) == 1


def test_children_are_spared(tmp_path):
    @ray.remote
    def parent():
        child = leave_marks.remote(str(tmp_path), "child")
        try:
            mark(tmp_path, "parent began")
            sleep(60)
        finally:
            # The child must outlive its parent's end, or it would be gone with its owner.
            mark(tmp_path, "parent interrupted")
            sleep(2)
            if not os.path.exists(os.path.join(tmp_path, "child interrupted")):
                mark(tmp_path, "child spared")
            ray.cancel(child)

    task = parent.remote()
    until_marked(tmp_path, "parent began")
    until_marked(tmp_path, "child began")
    ray.cancel(task, recursive=False)
    expect_cancelled(task)
    until_marked(tmp_path, "child spared")


def test_queued_tasks(tmp_path):
    running = leave_marks.options(num_cpus=4).remote(str(tmp_path), "first")
    until_marked(tmp_path, "first began")
    queued = leave_marks.options(num_cpus=4).remote(str(tmp_path), "second")
    ray.cancel(queued)
    expect_cancelled(queued)
    waiting = one.remote(running)
    ray.cancel(waiting)
    expect_cancelled(waiting)
    ray.cancel(running)
    expect_cancelled(running)
    assert not os.path.exists(os.path.join(tmp_path, "second began"))


def test_force_ends_the_process(tmp_path):
    @ray.remote
    def stubborn():
        mark(tmp_path, str(os.getpid()))
        mark(tmp_path, "began")
        while True:
            try:
                sleep(60)
            except KeyboardInterrupt:
                pass

    task = stubborn.remote()
    until_marked(tmp_path, "began")
    (process,) = (int(name) for name in os.listdir(tmp_path) if name.isdigit())
    ray.cancel(task, force=True)
    expect_cancelled(task)
    deadline = time.monotonic() + 30
    while os.path.exists(f"/proc/{process}"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # It is not tried again.
    time.sleep(0.5)
    assert len(os.listdir(tmp_path)) == 2


def test_what_has_ended_keeps_its_value():
    task = one.remote()
    ray.get(task)
    ray.cancel(task)
    assert ray.get(task) == 1
    ray.cancel(ray.put(1))
    with pytest.raises(TypeError, match="only supported for object refs"):
        ray.cancel(1)


def test_generators():
    @ray.remote
    def count():
        for number in range(1000):
            yield number
            sleep(0.1)

    items = count.remote()
    assert ray.get(next(items)) == 0
    ray.cancel(items)
    with pytest.raises(TaskCancelledError):
        for item in items:
            ray.get(item)


def test_own_interrupt_is_a_cancellation():
    @ray.remote(max_retries=0)
    def interrupt():
        raise KeyboardInterrupt

    expect_cancelled(interrupt.remote())


@ray.remote(num_cpus=0)
class Plain:
    def ping(self):
        return 1

    def sleep(self, folder, seconds):
        mark(folder, "began")
        sleep(seconds)

    def until_cancelled(self, folder):
        mark(folder, "began")
        while not ray.get_runtime_context().is_canceled():
            time.sleep(0.02)
        mark(folder, "noticed")


def test_a_function_that_raises_what_cancels_coroutines_was_not_cancelled():
    @ray.remote(max_retries=0)
    def own():
        raise asyncio.CancelledError("own")

    with pytest.raises(RayTaskError, match="own") as raised:
        ray.get(own.remote(), timeout=60)
    assert not isinstance(raised.value, TaskCancelledError)


def test_plain_actors(tmp_path):
    actor = Plain.remote()
    running = actor.sleep.remote(str(tmp_path), 1)
    until_marked(tmp_path, "began")
    queued = actor.ping.remote()
    ray.cancel(queued)
    ray.cancel(running)
    expect_cancelled(queued)
    expect_cancelled(running)
    assert ray.get(actor.ping.remote(), timeout=30) == 1
    with pytest.raises(ValueError, match="force=True is not supported for actor tasks"):
        ray.cancel(actor.ping.remote(), force=True)


def test_plain_actors_can_ask(tmp_path):
    actor = Plain.remote()
    running = actor.until_cancelled.remote(str(tmp_path))
    until_marked(tmp_path, "began")
    ray.cancel(running)
    until_marked(tmp_path, "noticed")
    expect_cancelled(running)
    assert ray.get(actor.ping.remote(), timeout=30) == 1


@pytest.mark.parametrize("threads", [1, 3])
def test_a_call_is_over_when_it_is_told_to_be_cancelled(tmp_path, threads):
    @ray.remote(num_cpus=0)
    class Steady:
        def run(self, name, error=None):
            mark(tmp_path, f"{name} began")
            time.sleep(1)
            mark(tmp_path, f"{name} ended")
            if error is not None:
                raise error

    actor = Steady.options(max_concurrency=threads).remote()
    call = actor.run.remote("call")
    until_marked(tmp_path, "call began")
    ray.cancel(call)
    assert ray.wait([call], timeout=0.2)[0] == []
    expect_cancelled(call)
    assert os.path.exists(tmp_path / "call ended")
    failing = actor.run.remote("failing", ValueError("own"))
    until_marked(tmp_path, "failing began")
    ray.cancel(failing)
    with pytest.raises(ValueError, match="own"):
        ray.get(failing, timeout=30)


@ray.remote(num_cpus=0)
class Coroutines:
    def __init__(self):
        self.cancelled = []

    async def leave(self, folder, answer):
        """Takes its time to end, and gives or raises what it is told to."""
        mark(folder, f"{answer} began")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.5)
            self.cancelled.append(answer)
            if answer == "error":
                raise ValueError("own") from None
            return answer

    async def wait(self, folder, name):
        mark(folder, f"{name} began")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise

    async def seen(self):
        return self.cancelled


def test_coroutines(tmp_path):
    actor = Coroutines.remote()
    first, second = (actor.wait.remote(str(tmp_path), name) for name in ("first", "second"))
    until_marked(tmp_path, "first began")
    until_marked(tmp_path, "second began")
    ray.cancel(first)
    expect_cancelled(first)
    assert ray.get(actor.seen.remote(), timeout=30) == ["first"]
    assert ray.wait([second], timeout=0.1)[0] == []
    ray.cancel(second)
    expect_cancelled(second)
    assert ray.get(actor.seen.remote(), timeout=30) == ["first", "second"]


def test_whatever_a_coroutine_makes_of_it_it_was_cancelled_and_is_over(tmp_path):
    actor = Coroutines.remote()
    for answer in ("value", "error"):
        call = actor.leave.remote(str(tmp_path), answer)
        until_marked(tmp_path, f"{answer} began")
        ray.cancel(call)
        expect_cancelled(call)
    assert ray.get(actor.seen.remote(), timeout=30) == ["value", "error"]


def test_coroutines_that_wait_for_their_turn(tmp_path):
    actor = Coroutines.options(max_concurrency=1).remote()
    first = actor.wait.remote(str(tmp_path), "first")
    until_marked(tmp_path, "first began")
    second = actor.wait.remote(str(tmp_path), "second")
    time.sleep(0.2)
    ray.cancel(second)
    ray.cancel(first)
    expect_cancelled(first)
    expect_cancelled(second)
    assert ray.get(actor.seen.remote(), timeout=30) == ["first"]


def test_children_of_coroutines(tmp_path):
    @ray.remote(num_cpus=0)
    class Parent:
        async def run(self):
            await leave_marks.remote(str(tmp_path), "child")

    parent = Parent.remote()
    call = parent.run.remote()
    until_marked(tmp_path, "child began")
    ray.cancel(call)
    expect_cancelled(call)
    until_marked(tmp_path, "child interrupted")


@pytest.mark.skipif(is_own_core, reason="there it runs all the same")
def test_coroutine_that_has_not_begun_since_the_loop_is_busy(tmp_path):
    @ray.remote(num_cpus=0)
    class Busy:
        async def hold(self):
            mark(tmp_path, "held")
            time.sleep(2)

        async def run(self):
            mark(tmp_path, "ran")

    actor = Busy.remote()
    held = actor.hold.remote()
    until_marked(tmp_path, "held")
    call = actor.run.remote()
    time.sleep(0.5)
    ray.cancel(call)
    expect_cancelled(call)
    ray.get(held, timeout=30)
    ray.get(actor.__ray_ready__.remote(), timeout=30)
    assert not os.path.exists(tmp_path / "ran")
