"""A driver in Python calls functions and actors in Swift."""

import os

import numpy as np
import pytest
import ray

import swift_ray

pytestmark = pytest.mark.usefixtures("cluster")
SHAPE = {"name": "square", "lengths": [2.0, 2.5]}


def test_functions_are_found_by_their_names():
    area = swift_ray.function("area")
    assert ray.get(area.remote(3.0, 4.0)) == 12
    # Of several with one name the number of arguments says which; a dict is a struct there.
    assert ray.get(area.remote(SHAPE)) == 5
    assert ray.get(swift_ray.function("together.area(width:height:)").remote(3, 4)) == 12


def test_values_of_all_kinds_come_back():
    found = ray.get(swift_ray.function("describe").remote({"name": "ä€", "lengths": (1, 2)}))
    assert found == {"name": "ä€", "sides": 2, "unit": "cm"}
    assert ray.get(swift_ray.function("reversed").remote(b"abc")) == b"cba"


@pytest.mark.parametrize("count", [0, 1, 3, 1 << 20])
def test_arrays_are_read_where_they_lie(count):
    numbers = np.arange(count, dtype=np.float32)
    result = ray.get(swift_ray.function("scaled").remote(numbers, 2.0))
    assert result.dtype == np.float32
    assert (result == 2 * numbers).all()
    assert not result.flags.writeable


def test_references_are_arguments_whoever_made_them():
    scaled = swift_ray.function("scaled")
    once = scaled.remote(swift_ray.put(np.ones(1000, np.float32)), 3)

    @ray.remote
    def more(numbers):
        return float(numbers.sum())

    assert ray.get(more.remote(once)) == 3000
    assert (
        ray.get(swift_ray.function("area").remote(more.remote(once), more.remote(scaled.remote(once, 2))))
        == 18e6
    )
    with pytest.raises(ray.exceptions.RaySystemError, match="swift_ray.put"):
        ray.get(scaled.remote(ray.put(np.ones(10)), 1))


def test_actors_keep_their_state_and_are_found_by_name():
    counter_class = swift_ray.actor_class("Counter")
    counter = counter_class.options(name="swift counter").remote(40)
    assert ray.get([counter.increment.remote(1) for _ in range(3)]) == [41, 42, 43]
    assert ray.get(ray.get_actor("swift counter").increment.remote(7)) == 50

    @ray.remote
    def add(handle):
        return ray.get(handle.increment.remote(50))

    assert ray.get(add.remote(counter)) == 100
    ray.kill(counter)
    with pytest.raises(ray.exceptions.RayActorError):
        ray.get(counter.increment.remote(1))


def test_generators_give_their_items():
    numbers = swift_ray.function("countDown", generator=True).remote(3)
    assert [ray.get(item) for item in numbers] == [3, 2, 1]
    with pytest.raises(ray.exceptions.RaySystemError, match="generator=True"):
        ray.get(swift_ray.function("countDown").remote(3))


def test_swift_calls_the_python_that_called_it():
    assert ray.get(swift_ray.function("areaInPython").remote(5.0, 6.0)) == 30


def test_tasks_in_python_call_swift():
    area = swift_ray.function("area")

    @ray.remote
    def inside():
        return ray.get(area.remote(2, 2))

    assert ray.get(inside.remote()) == 4


def test_what_swift_throws_is_an_error_of_its_own():
    reference = swift_ray.function("refuse").remote("too late")
    with pytest.raises(swift_ray.SwiftError, match="refused: too late") as caught:
        ray.get(reference)
    assert isinstance(caught.value, ray.exceptions.RayTaskError)
    assert caught.value.cause.type_name == "together.Refusal"
    counter = swift_ray.actor_class("Counter").remote(0)
    with pytest.raises(swift_ray.SwiftError, match="as asked"):
        ray.get(counter.fail.remote())

    @ray.remote
    def after(value):
        return value

    with pytest.raises(ray.exceptions.RayTaskError, match="too late"):
        ray.get(after.remote(reference))


@pytest.mark.parametrize(
    "name, arguments, said",
    [
        ("volume", [1], "'volume' is not among the remote declarations.*together.area"),
        ("area", [1, 2, 3], "was given 3 arguments"),
        ("area", ["wide", 2], "argument 1 of together.area.*expected Double, found a string"),
        ("describe", [{"name": "x"}], "field 'lengths' is missing"),
    ],
)
def test_wrong_calls_say_what_is_wrong(name, arguments, said):
    with pytest.raises(ray.exceptions.RaySystemError, match=said):
        ray.get(swift_ray.function(name).remote(*arguments))


@pytest.mark.parametrize(
    "value, said",
    [
        (object(), "type object"),
        ({(1, 2): 3}, "key .1, 2."),
        (1 << 70, "64 bits"),
        (np.ones((2, 2)), "2 dimensions"),
        (np.ones(2, np.complex64), "complex64"),
    ],
)
def test_what_swift_does_not_know_is_refused_at_the_call(value, said):
    with pytest.raises(TypeError, match=said):
        swift_ray.function("area").remote(value)


def test_labels_and_programs_are_checked():
    with pytest.raises(TypeError, match="does not support kwargs"):
        swift_ray.function("area").remote(1, height=2)
    with pytest.raises(ValueError, match="no program that can be run"):
        swift_ray.program(os.path.join(os.path.dirname(__file__), "nothing"))
