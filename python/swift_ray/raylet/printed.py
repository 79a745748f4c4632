"""What user code has printed and Python has not sent yet."""

import sys


def flush_printed() -> None:
    """Sends the beginnings of lines that a task has printed and not ended: as in Ray they come before its result."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:
        # They are what user code has put there.
        return
