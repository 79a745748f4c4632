"""Waiting for what comes about by itself."""

import time
from collections.abc import Callable
from typing import Any


def eventually(condition: Callable[[], Any]) -> bool:
    """Whether something comes true within half a minute."""
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return bool(condition())
