"""What user code has printed and Python has not sent yet."""

import sys
from collections.abc import Callable
from typing import Any

# The streams as they were last, and what flushes them: to look that up anew for each call takes longer than to flush.
_streams: tuple[Any, Any] = (None, None)
_flushes: tuple[Callable, ...] = ()


def flush_printed() -> None:
    """Sends the beginnings of lines that a task has printed and not ended: as in Ray they come before its result."""
    global _streams, _flushes
    try:
        if _streams[0] is not sys.stdout or _streams[1] is not sys.stderr:
            _streams = sys.stdout, sys.stderr
            _flushes = tuple(stream.flush for stream in _streams if hasattr(stream, "flush"))
        for flush in _flushes:
            flush()
    except Exception:
        # They are what user code has put there.
        return
