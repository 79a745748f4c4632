"""Ray's debugger goes from a task into the next that it calls, and back to who gets its result.

(Pdb) remote     the next call carries the breakpoint's id, and its task stops before it begins
(Pdb) get        the task's results carry it, and who gets one stops there
"""

import os
from collections.abc import Callable
from typing import Any

from swift_ray.raylet.context import ray_worker

# What a call with a breakpoint carries it as, for the loop.
BREAKPOINT = "breakpoint"


def run(function: Callable, args: list, kwargs: dict, breakpoint_uuid: bytes | None) -> Any:
    """Calls the function, after a stop if one is wanted. What it raises is shown by the debugger, if that is wanted."""
    worker = ray_worker()
    try:
        if breakpoint_uuid:
            from ray.util import rpdb

            rpdb.set_trace(breakpoint_uuid=breakpoint_uuid)
        return function(*args, **kwargs)
    except Exception:
        if is_post_mortem():
            from ray.util import rpdb

            rpdb._post_mortem()
        raise
    finally:
        if worker.debugger_breakpoint:
            leave(worker)


def is_post_mortem() -> bool:
    """As `ray.util.rpdb` has it, which need not be imported for this."""
    return os.environ.get("RAY_DEBUG_POST_MORTEM", "0") == "1"


def leave(worker: Any) -> None:
    """`remote` was said, but the task has made no further call: the debugger, which waits for one, ends."""
    from ray._private.ray_constants import KV_NAMESPACE_PDB
    from ray.experimental.internal_kv import _internal_kv_del, _internal_kv_put

    name = worker.debugger_breakpoint
    worker.debugger_breakpoint = b""
    name = name.decode() if isinstance(name, bytes) else name
    _internal_kv_put(f"RAY_PDB_{name}", '{"exit_debugger": true}', namespace=KV_NAMESPACE_PDB)
    _internal_kv_del(f"RAY_PDB_CONTINUE_{name}", namespace=KV_NAMESPACE_PDB)


def is_marking() -> bool:
    """Whether `get` was said in this task."""
    return bool(ray_worker().debugger_get_breakpoint)


def mark(results: list) -> None:
    """Marks the results if `get` was said in this task."""
    worker = ray_worker()
    name = worker.debugger_get_breakpoint
    if not name:
        return
    from ray._private.ray_constants import OBJECT_METADATA_DEBUG_PREFIX

    worker.debugger_get_breakpoint = b""
    for result in results:
        result.metadata += (
            b"," + OBJECT_METADATA_DEBUG_PREFIX + (name if isinstance(name, bytes) else name.encode())
        )
