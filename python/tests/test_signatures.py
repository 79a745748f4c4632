"""Arguments are checked as `inspect` checks them, whose answers are remembered."""

import inspect
import itertools

import numpy as np
import pytest
from ray._common import signature
from ray._common.signature import DUMMY_TYPE as DUMMY

from swift_ray import signatures

FUNCTIONS = (
    lambda: 0,
    lambda a: 0,
    lambda a, b=1: 0,
    lambda a=0, b=1: 0,
    lambda a, /, b=1: 0,
    lambda a, b, /: 0,
    lambda a=1, /, *, b: 0,
    lambda *, a: 0,
    lambda *, a=None: 0,
    lambda a, *, b=None: 0,
    lambda a, *rest: 0,
    lambda a, b=2, *rest, c=1: 0,
    lambda a, **others: 0,
    lambda a, /, **others: 0,
    lambda *rest, **others: 0,
    lambda a, b=2, *rest, c, **others: 0,
)
KEYWORDS = [
    {},
    *({name: 7} for name in "abcd"),
    {"a": 1, "b": 2},
    {"b": 2, "c": 3},
    {"a": 1, "b": 2, "c": 3},
    {1: 1},
]


def outcome(flatten, parameters, args, kwargs):
    try:
        return flatten(parameters, args, kwargs)
    except (TypeError, ValueError) as error:
        return type(error), str(error)


# Ray's own.
ask_inspect = signature.flatten_args.__wrapped__


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda one: str(inspect.signature(one)))
def test_what_fits_is_what_inspect_says(function):
    parameters = signature.extract_signature(function)
    flatten = signatures.flattening(ask_inspect, DUMMY)
    accepted = 0
    # The same question is asked while nothing is known of the function, while its list has been seen, and of its shape.
    for _ in range(3):
        for count, kwargs in itertools.product(range(5), KEYWORDS):
            expected = outcome(ask_inspect, parameters, [5] * count, kwargs)
            assert outcome(flatten, parameters, [5] * count, kwargs) == expected, (count, kwargs)
            accepted += isinstance(expected, list)
    assert accepted > 0


def test_inspect_is_asked_twice_of_what_plainly_fits():
    asked = []

    def ask(parameters, args, kwargs):
        asked.append(args)
        return ask_inspect(parameters, args, kwargs)

    flatten = signatures.flattening(ask, DUMMY)
    parameters = signature.extract_signature(lambda a, b=1: 0)
    for number in range(10):
        assert flatten(parameters, [number], {"b": 2}) == [DUMMY, number, "b", 2]
    assert asked == [[0], [1]]
    with pytest.raises(TypeError, match="too many positional arguments"):
        flatten(parameters, [1, 2, 3], {})


def test_a_list_that_was_changed_is_another_one():
    parameters = signature.extract_signature(lambda a: 0)
    flatten = signatures.flattening(ask_inspect, DUMMY)
    for _ in range(3):
        assert flatten(parameters, [1], {}) == [DUMMY, 1]
    parameters += signature.extract_signature(lambda b: 0)
    with pytest.raises(TypeError, match="missing a required argument: 'b'"):
        flatten(parameters, [1], {})
    parameters.pop()
    assert flatten(parameters, [1], {}) == [DUMMY, 1]


def test_defaults_that_cannot_be_compared():
    parameters = signature.extract_signature(lambda a=np.zeros(2): 0)
    flatten = signatures.flattening(ask_inspect, DUMMY)
    for _ in range(3):
        assert flatten(parameters, [1], {}) == [DUMMY, 1]
    parameters[0] = parameters[0].replace(default=np.ones(2))
    assert flatten(parameters, [], {}) == []


def test_parameters_that_cannot_be_are_refused_each_time():
    parameters = [
        one for function in (lambda a=1: 0, lambda b: 0) for one in signature.extract_signature(function)
    ]
    flatten = signatures.flattening(ask_inspect, DUMMY)
    for _ in range(3):
        with pytest.raises(ValueError, match="non-default argument follows default argument"):
            flatten(parameters, [1, 2], {})


def test_lists_that_are_made_for_one_call_are_forgotten(monkeypatch):
    monkeypatch.setattr(signatures, "REMEMBERED_MAX", 3)
    flatten = signatures.flattening(ask_inspect, DUMMY)
    kept = signature.extract_signature(lambda a: 0)
    for number in range(20):
        assert flatten(signature.extract_signature(lambda a: 0), [number], {}) == [DUMMY, number]
        assert flatten(kept, [number], {}) == [DUMMY, number]
    (shapes,) = [cell.cell_contents for cell in flatten.__closure__ if isinstance(cell.cell_contents, dict)]
    assert len(shapes) <= 3


def test_it_is_in_the_place_of_rays_own():
    assert ask_inspect.__module__ == signature.__name__ and ask_inspect is not signature.flatten_args
    assert signature.flatten_args(signature.extract_signature(lambda a: 0), [1], {}) == [
        DUMMY,
        1,
    ]
