"""Spans of time for `ray.timeline()`."""

import json
import time
import traceback
from collections.abc import Callable

# Takes the event's type, its start and end in nanoseconds since 1970, and its extra data.
Sink = Callable[[bytes, int, int, bytes], None]


class ProfileEvent:
    """Measures a `with` block and hands it to `sink`. An exception inside becomes the extra data, as JSON, and goes on."""

    __slots__ = ("_sink", "_type", "_extra_data", "_start")

    def __init__(self, sink: Sink, event_type: bytes, extra_data: bytes = b"") -> None:
        self._sink = sink
        self._type = event_type
        self._extra_data = extra_data
        self._start = time.time_ns()

    def set_extra_data(self, extra_data: bytes) -> None:
        self._extra_data = extra_data

    def __enter__(self) -> "ProfileEvent":
        self._start = time.time_ns()
        return self

    def __exit__(self, type: type | None, value: BaseException | None, tb: object) -> bool:
        if type is not None:
            text = "".join(traceback.format_exception(type, value, tb))
            self._extra_data = json.dumps(
                {"type": str(type), "value": str(value), "traceback": text}
            ).encode()
        self._sink(self._type, self._start, time.time_ns(), self._extra_data)
        return False


class EmptyProfileEvent:
    """Measures nothing: profiling is off."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *args: object) -> None:
        pass
