"""What user code has printed and Python has not sent yet."""

import sys
from collections.abc import Callable
from typing import Any

# The streams as they were last, and what flushes them: to look that up anew for each call takes longer than to flush.
_known: tuple[Any, Any, list[Callable]] = (None, None, [])


def flush_printed() -> None:
    """Sends the beginnings of lines that a task has printed and not ended: as in Ray they come before its result."""
    global _known
    out, err, flushes = _known
    try:
        if out is not sys.stdout or err is not sys.stderr:
            out, err = sys.stdout, sys.stderr
            flushes = [stream.flush for stream in (out, err) if hasattr(stream, "flush")]
            _known = out, err, flushes
        for flush in flushes:
            flush()
    except Exception:
        # They are what user code has put there.
        return
