"""The tracebacks of user code."""

import os
import traceback
from collections.abc import Callable
from types import TracebackType

HEAD = "Traceback (most recent call last):\n"
# Where this package is, as tracebacks have it.
OWN_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def user_traceback(error: BaseException) -> TracebackType | None:
    """An error's traceback from where this package has called somebody else's code; None if it never did."""
    found = error.__traceback__
    while found is not None and found.tb_frame.f_code.co_filename.startswith(OWN_FOLDER):
        found = found.tb_next
    return found


def printable(text: str) -> str:
    """A text without what cannot be sent: halves of characters, as in names of files that are no UTF-8."""
    return text.encode(errors="backslashreplace").decode()


def said(show: Callable[[BaseException], str], error: BaseException) -> str:
    """What an exception says of itself by `str` or `repr`, which are code of whoever wrote its class."""
    try:
        return printable(show(error))
    except BaseException:
        return f"<{type(error).__name__} that cannot be shown>"


def lines_of(error: BaseException) -> list[str]:
    """An error as Python prints it, without what this package did before, or in between."""
    shown = traceback.TracebackException(type(error), error, user_traceback(error), compact=True)
    waiting = [shown]
    while waiting:
        one = waiting.pop()
        one.stack = traceback.StackSummary.from_list(
            [frame for frame in one.stack if not frame.filename.startswith(OWN_FOLDER)]
        )
        waiting += [other for other in (one.__cause__, one.__context__, *(one.exceptions or ())) if other]
    lines = list(shown.format())
    # Python leaves it out where no frame is left. RayTaskError says in its place which task it was.
    return lines if lines[:1] == [HEAD] else [HEAD, *lines]
