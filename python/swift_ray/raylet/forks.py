"""Processes that were forked from one with a runtime, as by `multiprocessing`: of that they touch nothing.

What is given back there without a call (references, memory of the store) is left alone in C (`core.h`, `is_forked`). The
zygote's children are none of these: it opens no runtime.
"""

import atexit
import functools
import os
import signal
from typing import Any, NoReturn

from swift_ray import _core
from swift_ray._core import CoreError
from swift_ray.raylet.context import ray_worker
from swift_ray.raylet.core_error import SYSTEM_ERROR
from swift_ray.services import shutdown_at_exit

ADVICE = (
    "this process was forked from one that uses Ray, and cannot use Ray itself: make the call in the process that called "
    'ray.init(), or start this one by multiprocessing.get_context("spawn") or as a Ray task'
)


@functools.cache
def watch() -> None:
    """Has children that are forked from here on leave the runtime alone."""
    os.register_at_fork(after_in_child=leave)


def leave() -> None:
    """Makes every call of the runtime an error, and the end of the process nobody's end but its own."""
    if not _core.was_forked():
        return
    atexit.unregister(shutdown_at_exit)
    for name, function in vars(_core).copy().items():
        if callable(function) and not isinstance(function, type) and name != _core.was_forked.__name__:
            setattr(_core, name, refuse)
    _core.Connection.__init__ = _core.Connection.request = refuse
    # Its processes are the other's children.
    import ray._private.worker

    ray._private.worker._global_node = None
    if ray_worker().mode == ray._private.worker.WORKER_MODE:
        # It would ask the runtime which task is cancelled.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def refuse(*arguments: Any) -> NoReturn:
    raise CoreError(SYSTEM_ERROR, ADVICE)
