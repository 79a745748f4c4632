"""The tracebacks of user code."""

import os
import traceback
from types import TracebackType

# Where this package is, as tracebacks have it.
OWN_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def user_traceback(error: BaseException) -> TracebackType | None:
    """An error's traceback from where this package has called somebody else's code; whole if it never did."""
    found = error.__traceback__
    while found is not None and found.tb_frame.f_code.co_filename.startswith(OWN_FOLDER):
        found = found.tb_next
    return found or error.__traceback__


def lines_of(error: BaseException) -> list[str]:
    """An error as Python prints it, without what this package did before."""
    return traceback.format_exception(type(error), error, user_traceback(error))
