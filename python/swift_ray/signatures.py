"""Whether arguments fit a function, which Ray's Python asks `inspect` before each call.

`inspect.Signature` is made and bound anew each time, which takes longer than all that the core does for the call. What it has
said once of a function's parameters holds for all calls whose arguments plainly fit: as many as it takes, and keywords that it
knows, none of them twice. All others go Ray's way, which says what is wrong.
"""

import functools
import math
import operator
from collections.abc import Callable
from inspect import Parameter
from typing import Any

# Lists of parameters that are remembered, and with them their defaults; with one more all are forgotten.
REMEMBERED_MAX = 250

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


class Shape:
    """What arguments plainly fit a list of parameters that `inspect` has accepted."""

    __slots__ = ("_list", "_parameters", "least", "most", "_positions", "_required")

    def __init__(self, parameters: list[Parameter]) -> None:
        # Held, so that no other list gets its address.
        self._list = parameters
        # As they were: a list can be changed.
        self._parameters = tuple(parameters)
        positional = [one for one in parameters if one.kind in _POSITIONAL]
        by_name_alone = [one for one in parameters if one.kind is Parameter.KEYWORD_ONLY]
        takes_any = any(one.kind is Parameter.VAR_POSITIONAL for one in parameters)
        # The place of each that may be given by its name; those that are given by it alone come after all places.
        self._positions: dict[str, float] = {
            one.name: place
            for place, one in enumerate(positional)
            if one.kind is not Parameter.POSITIONAL_ONLY
        }
        self._positions |= {one.name: math.inf for one in by_name_alone}
        # What must be given by name after so many arguments without one.
        keywords = {one.name for one in by_name_alone if one.default is Parameter.empty}
        self._required = [
            keywords | {one.name for one in positional[count:] if one.default is Parameter.empty}
            for count in range(len(positional) + 1)
        ]
        # How many arguments without a name it takes, and wants if none has one.
        self.most = math.inf if takes_any else len(positional)
        self.least = next((count for count, names in enumerate(self._required) if not names), math.inf)

    def is_of(self, parameters: list[Parameter]) -> bool:
        """Whether these are the parameters still."""
        # Their defaults may be arrays, which cannot be compared.
        return len(parameters) == len(self._parameters) and not any(
            map(operator.is_not, parameters, self._parameters)
        )

    def fits(self, count: int, kwargs: dict[str, Any]) -> bool:
        """Whether so many arguments and these with names plainly fit; if not, they may all the same."""
        required = self._required[min(count, len(self._required) - 1)]
        positions = self._positions
        return (
            count <= self.most
            and required <= kwargs.keys()
            and all(positions.get(name, -1) >= count for name in kwargs)
        )


def flattening(flatten: Callable[..., list], dummy: bytes) -> Callable[..., list]:
    """Ray's `flatten_args`, which asks `inspect` only of what does not plainly fit."""
    # By the lists' addresses. Nothing is kept of one that was seen once: some are made for one call.
    shapes: dict[int, Shape | None] = {}

    def remember(parameters: list[Parameter]) -> None:
        if id(parameters) in shapes:
            shapes[id(parameters)] = Shape(parameters)
        else:
            if len(shapes) >= REMEMBERED_MAX:
                shapes.clear()
            shapes[id(parameters)] = None

    @functools.wraps(flatten)
    def flatten_args(signature_parameters: list[Parameter], args: Any, kwargs: dict[str, Any]) -> list:
        shape = shapes.get(id(signature_parameters))
        if shape is None or not shape.is_of(signature_parameters):
            # TypeError, ValueError: they do not fit, or such parameters cannot be.
            flattened = flatten(signature_parameters, args, kwargs)
            remember(signature_parameters)
            return flattened
        if not (shape.fits(len(args), kwargs) if kwargs else shape.least <= len(args) <= shape.most):
            return flatten(signature_parameters, args, kwargs)
        flattened = []
        for argument in args:
            flattened += (dummy, argument)
        for pair in kwargs.items():
            flattened += pair
        return flattened

    return flatten_args
