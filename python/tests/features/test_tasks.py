"""Tasks, values and references."""

import hashlib
import os
import re
import signal
import time

import numpy as np
import pytest
import ray
from heads import is_own_core
from ray.exceptions import RayTaskError, WorkerCrashedError

pytestmark = pytest.mark.usefixtures("cluster")


@ray.remote
def add(a, b=1):
    return a + b


@ray.remote
def sleep(seconds):
    time.sleep(seconds)
    return seconds


def test_values_come_back():
    for value in (None, 1, 2**70, "text", b"bytes", [1, {"a": (1, 2)}], {1, 2}, 1.5, lambda: 7):
        result = ray.get(ray.put(value))
        assert result() == 7 if callable(value) else result == value


def test_arrays_are_read_only_and_shared():
    array = np.arange(1 << 20)
    result = ray.get(ray.put(array))
    assert (result == array).all()
    assert not result.flags.writeable


def test_arguments_by_value_reference_and_name():
    assert ray.get(add.remote(1)) == 2
    assert ray.get(add.remote(1, b=5)) == 6
    assert ray.get(add.remote(add.remote(1), b=add.remote(2))) == 5
    big = np.ones(1 << 18)
    assert ray.get(add.remote(big)).sum() == 2 * big.size


def test_thousand_tasks():
    assert ray.get([add.remote(i) for i in range(1000)]) == list(range(1, 1001))


def test_multiple_returns():
    @ray.remote(num_returns=3)
    def three():
        return 1, 2, 3

    assert ray.get(three.remote()) == [1, 2, 3]


def test_wrong_number_of_returns():
    @ray.remote(num_returns=2)
    def three():
        return 1, 2, 3

    with pytest.raises(ValueError, match="num_returns=2"):
        ray.get(three.remote()[0])


def test_errors_keep_their_type():
    class Mine(Exception):
        pass

    @ray.remote
    def fail():
        raise Mine("why")

    reference = fail.remote()
    with pytest.raises(Mine, match="why"):
        ray.get(reference)
    with pytest.raises(ray.exceptions.RayTaskError):
        ray.get(reference)
    with pytest.raises(Mine):
        ray.get(add.remote(reference))


def test_errors_that_are_no_exceptions_keep_their_type():
    class Odd(BaseException):
        pass

    @ray.remote
    def plain():
        raise Odd("plain")

    @ray.remote
    def items():
        yield 1
        raise Odd("items")

    @ray.remote(num_cpus=0)
    class Actor:
        def call(self):
            raise Odd("actor")

        async def wait(self):
            raise Odd("coroutine")

    with pytest.raises(Odd, match="plain"):
        ray.get(plain.remote())
    generator = items.remote()
    assert ray.get(next(generator)) == 1
    with pytest.raises(Odd, match="items"):
        ray.get(next(generator))
    actor = Actor.remote()
    with pytest.raises(Odd, match="coroutine"):
        ray.get(actor.wait.remote())
    with pytest.raises(Odd, match="actor"):
        ray.get(actor.call.remote())


def test_nested_tasks_and_references_in_values():
    @ray.remote
    def outer(references):
        return ray.get(add.remote(references[0])) + ray.get(references[1]["deep"])

    assert ray.get(outer.remote([ray.put(10), {"deep": ray.put(5)}])) == 16


def test_a_reference_returned_in_a_value_stays_alive():
    @ray.remote
    def make():
        return [ray.put(np.ones(1 << 18))]

    inner = ray.get(make.remote())[0]
    time.sleep(0.2)
    assert ray.get(inner).sum() == 1 << 18


def test_wait():
    fast, slow = sleep.remote(0.01), sleep.remote(5)
    ready, rest = ray.wait([slow, fast], num_returns=1, timeout=4)
    assert ready == [fast] and rest == [slow]
    assert ray.wait([slow], timeout=0)[0] == []
    ray.cancel(slow, force=True)


def test_get_times_out():
    reference = sleep.remote(5)
    with pytest.raises(ray.exceptions.GetTimeoutError):
        ray.get(reference, timeout=0.1)
    ray.cancel(reference, force=True)


def test_retries_of_exceptions(tmp_path):
    path = str(tmp_path / "tries")

    @ray.remote(max_retries=2, retry_exceptions=[ValueError])
    def flaky():
        with open(path, "a") as file:
            file.write("x")
        if os.path.getsize(path) < 3:
            raise ValueError("again")
        return os.path.getsize(path)

    assert ray.get(flaky.remote()) == 3


def test_a_crash_is_told(tmp_path):
    @ray.remote(max_retries=0)
    def crash():
        os._exit(3)

    with pytest.raises(ray.exceptions.WorkerCrashedError):
        ray.get(crash.remote())


def test_a_generator_with_declared_results():
    @ray.remote
    def count(to):
        yield from range(to)

    assert ray.get(count.options(num_returns=1).remote(1)) == 0
    assert ray.get(count.options(num_returns=2).remote(3)) == [0, 1]
    with pytest.raises(ValueError):
        ray.get(count.options(num_returns=1).remote(0))


def test_generators():
    @ray.remote
    def count(n):
        for number in range(n):
            yield number

    assert [ray.get(reference) for reference in count.remote(5)] == list(range(5))


def test_a_lost_argument_is_an_error_of_the_task():
    @ray.remote(max_retries=0)
    def crash():
        os._exit(1)

    result = add.remote(crash.remote())
    with pytest.raises(ray.exceptions.RayTaskError) as error:
        ray.get(result, timeout=60)
    assert isinstance(error.value, ray.exceptions.WorkerCrashedError)
    assert isinstance(error.value.cause, ray.exceptions.WorkerCrashedError)


def test_dynamic_returns():
    @ray.remote(num_returns="dynamic")
    def count(n):
        for number in range(n):
            yield number

    assert [ray.get(reference) for reference in ray.get(count.remote(4))] == [0, 1, 2, 3]


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_dynamic_returns_belong_to_the_caller(size):
    @ray.remote(num_returns="dynamic", max_retries=0)
    def make(n):
        for number in range(n):
            yield os.getpid(), np.full(size, number)

    references = list(ray.get(make.remote(3)))
    pid, first = ray.get(references[0])
    os.kill(pid, signal.SIGKILL)
    while os.path.exists(f"/proc/{pid}"):
        time.sleep(0.05)
    assert first[-1] == 0
    assert [ray.get(reference, timeout=60)[1][-1] for reference in references] == [0, 1, 2]


def test_dynamic_returns_with_an_error():
    @ray.remote(num_returns="dynamic", max_retries=0)
    def make(n):
        yield from range(n)
        raise KeyError("no")

    one, other = ray.get(make.remote(1))
    assert ray.get(one) == 0
    with pytest.raises(KeyError):
        ray.get(other)


def test_dynamic_returns_of_a_method_as_arguments():
    @ray.remote(num_cpus=0)
    class Maker:
        def make(self, n):
            yield from range(n)

    @ray.remote
    def total(references):
        return sum(ray.get(list(references)))

    maker = Maker.remote()
    result = maker.make.options(num_returns="dynamic").remote(5)
    assert ray.get(total.remote(result), timeout=60) == 10
    assert ray.get(total.remote(ray.get(result)), timeout=60) == 10
    assert len(ray.get(maker.make.options(num_returns="dynamic").remote(0))) == 0


def test_runtime_context():
    @ray.remote
    def where():
        context = ray.get_runtime_context()
        return context.get_job_id(), context.get_node_id(), context.get_task_id()

    job, node, task = ray.get(where.remote())
    assert job == ray.get_runtime_context().get_job_id()
    assert node == ray.get_runtime_context().get_node_id()
    assert task and len(task) == 48


def test_cluster_resources():
    assert ray.cluster_resources()["CPU"] == 4
    assert len([node for node in ray.nodes() if node["Alive"]]) == 1


def test_get_does_not_wait_behind_an_error():
    @ray.remote(num_cpus=0)
    def fail():
        raise KeyError("on purpose")

    @ray.remote(num_cpus=0)
    def sleep():
        time.sleep(60)

    slow, bad = sleep.remote(), fail.remote()
    began = time.monotonic()
    with pytest.raises(KeyError):
        ray.get([slow, bad])
    with pytest.raises(KeyError):
        ray.get([slow, bad], timeout=30)
    assert time.monotonic() - began < 30
    with pytest.raises(ray.exceptions.GetTimeoutError):
        ray.get([slow], timeout=0.1)
    ray.cancel(slow, force=True)


def test_each_of_many_tasks_knows_its_own_name():
    @ray.remote(num_cpus=0)
    def name():
        return ray.get_runtime_context().get_task_name()

    # More names than a worker remembers, and each of them again when it has been forgotten.
    names = [f"task-{number}" for number in range(1100)] * 2
    assert ray.get([name.options(name=one).remote() for one in names], timeout=60) == names


def test_tracebacks_show_the_program_alone():
    def deep(number):
        raise ValueError(number)

    @ray.remote
    def fails():
        return deep(7)

    @ray.remote
    def waits():
        return ray.get(fails.remote())

    @ray.remote
    class Fails:
        def __init__(self, number):
            if number:
                deep(number)

        def method(self):
            return deep(8)

    def lines(reference):
        with pytest.raises(ray.exceptions.RayError) as error:
            ray.get(reference)
        text = re.sub("\x1b[^m]*m", "", str(error.value))
        # Where an error was raised, and whose traceback it is.
        shown = [line.strip() for line in text.splitlines()]
        return [
            re.sub(r" \(pid.*|.*, in ", "", line)
            for line in shown
            if line.startswith("File ") or "ray::" in line
        ]

    assert lines(fails.remote()) == ["ray::fails()", "fails", "deep"]
    assert [re.sub(".*: ray", "ray", line) for line in lines(waits.remote())] == [
        "ray::waits()",
        "waits",
        "ray::fails()",
        "fails",
        "deep",
    ]
    actor = Fails.remote(0)
    assert lines(actor.method.remote()) == ["ray::Fails.method()", "method", "deep"]
    with pytest.raises(ValueError, match="repr=<.* object at "):
        ray.get(actor.method.remote())
    broken = lines(Fails.remote(9).method.remote())
    assert broken[0].endswith("ray::Fails.__init__()") and broken[1:] == ["__init__", "deep"]


def test_where_objects_are():
    node = ray.get_runtime_context().get_node_id()
    references = [ray.put("small"), ray.put(b"x" * (1 << 20))]
    found = ray.experimental.get_object_locations(references)
    assert [found[reference]["node_ids"] for reference in references] == [[node], [node]]
    assert found[references[1]]["object_size"] >= 1 << 20


def said(error) -> list[str]:
    """What an error says, without colours, places and marks."""
    lines = re.sub("\x1b\\[[0-9;]*m| \\(pid=.*", "", str(error)).splitlines()
    return [line for line in lines if line.strip(" ^") and not line.startswith('  File "')]


def test_an_error_of_an_argument_says_whose_it_was():
    @ray.remote
    def fails():
        raise ValueError("no")

    @ray.remote
    def middle(value): ...

    @ray.remote(max_retries=0)
    def dies():
        os._exit(1)

    @ray.remote
    class Uses:
        def use(self, value): ...

    uses = Uses.remote()
    hint = "  At least one of the input arguments for this task could not be computed:"
    end = ["ray.exceptions.RayTaskError: ray::fails()", '    raise ValueError("no")', "ValueError: no"]
    through_middle = ["ray.exceptions.RayTaskError: ray::middle()", hint, *end]
    for call, lines in [
        (middle.remote(fails.remote()), ["ray::middle()", hint, *end]),
        (middle.remote(middle.remote(fails.remote())), ["ray::middle()", hint, *through_middle]),
        (uses.use.remote(middle.remote(fails.remote())), ["ray::Uses.use()", hint, *through_middle]),
    ]:
        with pytest.raises(ValueError) as caught:
            ray.get(call, timeout=60)
        assert isinstance(caught.value, RayTaskError) and said(caught.value) == lines
    with pytest.raises(WorkerCrashedError) as caught:
        ray.get(middle.remote(middle.remote(dies.remote())), timeout=60)
    lines = said(caught.value)
    assert lines[:4] == ["ray::middle()", hint, "ray.exceptions.RayTaskError: ray::middle()", hint]
    assert lines[4].startswith("ray.exceptions.WorkerCrashedError: ")


@pytest.mark.parametrize("kind", ["unsayable", "unsendable", "wordless"])
def test_an_error_that_cannot_be_said_is_an_error_like_others(kind):
    if kind == "unsendable" and is_own_core:
        pytest.skip("on Ray's own core the worker ends")

    class Unsayable(Exception):
        """An error whose own code fails, however it is shown."""

        def __str__(self):
            raise RuntimeError("no words")

        __repr__ = __str__

        def __reduce__(self):
            raise self

    def make():
        if kind == "unsayable":
            return Unsayable()
        if kind == "unsendable":
            return OSError("a\udce9b")
        return type("Own", (Exception,), {"__str__": lambda self: None})()

    @ray.remote(max_retries=0)
    def fail():
        raise make()

    @ray.remote
    class Plain:
        def __init__(self):
            self.calls = 0

        def fail(self):
            self.calls += 1
            raise make()

        def count(self):
            return self.calls

    @ray.remote
    class Coroutines:
        async def fail(self):
            raise make()

    plain, coroutines = Plain.remote(), Coroutines.remote()
    for reference in (fail.remote(), plain.fail.remote(), coroutines.fail.remote()):
        with pytest.raises(RayTaskError):
            ray.get(reference, timeout=60)
    assert ray.get(plain.count.remote(), timeout=60) == 1


def test_a_result_that_nobody_wants_is_no_error(tmp_path):
    path = tmp_path / "calls"

    @ray.remote(num_returns=0, max_retries=2, retry_exceptions=True)
    def note(value):
        with open(path, "a") as file:
            file.write("x")
        return value

    for value in ([1], 7, None):
        assert note.options(num_cpus=4).remote(value) is None
    # One after the other, and a third try would come before this.
    assert ray.get(add.options(num_cpus=4).remote(1), timeout=60) == 2
    time.sleep(1)
    assert path.read_text() == "xxx"


def test_functions_and_classes_of_many_megabytes():
    data = os.urandom(40 << 20)

    @ray.remote
    def digest():
        return hashlib.sha256(data).hexdigest()

    @ray.remote
    class Holder:
        def digest(self):
            return hashlib.sha256(data).hexdigest()

    wanted = hashlib.sha256(data).hexdigest()
    assert ray.get(digest.remote(), timeout=120) == wanted
    assert ray.get(Holder.remote().digest.remote(), timeout=120) == wanted


def test_an_error_without_a_traceback_says_whose_it_is():
    @ray.remote(num_returns=3)
    def two():
        return 1, 2

    with pytest.raises(ValueError, match="returned 2 objects, but num_returns=3") as raised:
        ray.get(two.remote(), timeout=60)
    assert "ray::two()" in str(raised.value)


def test_a_task_that_leaves_the_cluster_takes_its_worker_along():
    @ray.remote(max_retries=3)
    def leave():
        ray.shutdown()

    @ray.remote(max_retries=3)
    def one():
        return 1

    @ray.remote(max_retries=3)
    def nested():
        return ray.get(one.remote())

    # As many as there are workers, so that one of those comes next.
    ray.get([leave.remote() for _ in range(4)], timeout=60)
    assert ray.get([nested.remote() for _ in range(20)], timeout=60) == [1] * 20
