"""Metrics of this process: kept here, by name and tags, until `snapshot` is asked for them."""

import bisect
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")

# Where something is allocated garbage may be collected, and a destructor may record a metric on the same thread.
_lock = threading.RLock()
_registry: dict[str, "Family"] = {}

TagValues = tuple[str, ...]


@dataclass
class Distribution:
    """What a histogram has seen: `counts[i]` values up to `boundaries[i]` and above the boundary before, then the rest."""

    counts: list[int]
    total: float = 0.0
    count: int = 0


@dataclass
class Family:
    """All values of one metric. A value is a number, or a `Distribution` for histograms."""

    name: str
    description: str
    kind: str
    tag_keys: tuple[str, ...]
    boundaries: tuple[float, ...] = ()
    values: dict[TagValues, Any] = field(default_factory=dict)


def snapshot() -> list[Family]:
    """A copy of everything that has been recorded, for an exporter."""
    with _lock:
        return [
            Family(one.name, one.description, one.kind, one.tag_keys, one.boundaries, _copy(one.values))
            for one in _registry.values()
        ]


def _copy(values: dict[TagValues, Any]) -> dict[TagValues, Any]:
    return {
        tags: (
            Distribution(list(value.counts), value.total, value.count)
            if isinstance(value, Distribution)
            else value
        )
        for tags, value in values.items()
    }


class Metric:
    """A handle on a family. Handles of one name share it, with the tags and boundaries of the first of them.

    ValueError: a name that is not [a-zA-Z_:][a-zA-Z0-9_:]*. Ray's own ends the process for that.
    """

    kind = ""

    def __init__(
        self, name: str, description: str, tag_keys: Iterable[str], boundaries: Iterable[float] = ()
    ) -> None:
        if not self.kind:
            raise TypeError("Metric is abstract: use Gauge, Count, Sum or Histogram")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(
                f"a metric cannot be called {name!r}: letters, digits, '_' and ':' only, no digit first"
            )
        family = Family(name, description, self.kind, tuple(tag_keys), tuple(boundaries))
        with _lock:
            self._family = _registry.setdefault(name, family)
        if self._family.kind != self.kind:
            raise ValueError(f"the metric {name!r} is a {self._family.kind} already")

    def get_name(self) -> bytes:
        return self._family.name.encode()

    def record(self, value: float, tags: dict[str, str] | None = None) -> None:
        """Adds a value under these tags; tags that the metric does not have are left out.

        TypeError: a value that is no number. AttributeError: a tag's value that is no text (as in Ray).
        """
        number = float(value) if isinstance(value, (int, float)) else self._refuse(value)
        given = tags or {}
        for tag in given.values():
            if not isinstance(tag, str):
                raise AttributeError(f"{type(tag).__name__!r} object has no attribute 'encode'")
        key = tuple(given.get(name, "") for name in self._family.tag_keys)
        with _lock:
            self._update(self._family.values, key, number)

    @staticmethod
    def _refuse(value: Any) -> float:
        if hasattr(type(value), "__float__"):
            return float(value)  # numpy's numbers
        raise TypeError(f"must be real number, not {type(value).__name__}")

    def _update(self, values: dict[TagValues, Any], key: TagValues, number: float) -> None:
        values[key] = values.get(key, 0.0) + number


class Gauge(Metric):
    """The last value."""

    kind = "gauge"

    def _update(self, values: dict[TagValues, Any], key: TagValues, number: float) -> None:
        values[key] = number


class Count(Metric):
    """The sum of all values, which only grows."""

    kind = "count"


class Sum(Metric):
    """The sum of all values."""

    kind = "sum"


class Histogram(Metric):
    """How many values fell between which boundaries."""

    kind = "histogram"

    def __init__(
        self, name: str, description: str, boundaries: Iterable[float], tag_keys: Iterable[str]
    ) -> None:
        super().__init__(name, description, tag_keys, boundaries)

    def _update(self, values: dict[TagValues, Any], key: TagValues, number: float) -> None:
        boundaries = self._family.boundaries
        seen = values.setdefault(key, Distribution([0] * (len(boundaries) + 1)))
        seen.counts[bisect.bisect_left(boundaries, number)] += 1
        seen.total += number
        seen.count += 1
