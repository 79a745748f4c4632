"""What clients of Ray Client have of the cluster, so that Swift can answer their plain requests (`Sources/GRPC/RayClient`).

Ray's servicers answer all else, and find here what Swift has made for a client meanwhile.
"""

import functools
import importlib.util
import logging
import os
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ray._common.signature import DUMMY_TYPE
from ray._raylet import ObjectRef

from swift_ray import _core, _grpc
from swift_ray.grpc_server import answered_here

# Where NumPy has the function that its pickles call, in its second version and in its first.
ARRAYS = ("numpy._core.numeric", "numpy.core.numeric")


@functools.cache
def array_module() -> str:
    """That of `ARRAYS` which NumPy itself uses here, if there is NumPy: nothing is imported for that.

    Arrays of a client with another NumPy are made by Ray's servicer, and stored as this one pickles them.
    """
    found = importlib.util.find_spec("numpy")
    folders = found.submodule_search_locations if found else None
    site = os.path.dirname(folders[0]) if folders else ""
    return next(
        (name for name in ARRAYS if site and os.path.exists(f"{site}/{name.replace('.', '/')}.py")), ""
    )


class References(dict):
    """A client's references by their ids; one that Swift has made is an object of Python's only while that uses it."""

    def __init__(self, client: str):
        super().__init__()
        self.session = _grpc.Session(client, array_module())

    def __missing__(self, id: bytes) -> ObjectRef:
        if not self.session.contains(id):
            raise KeyError(id)
        return ObjectRef(id)

    def __contains__(self, id: object) -> bool:
        return super().__contains__(id) or self.session.contains(id)

    def get(self, id: bytes, default: Any = None) -> Any:
        try:
            return self[id]
        except KeyError:
            return default

    def __setitem__(self, id: bytes, reference: ObjectRef) -> None:
        super().__setitem__(id, reference)
        self.session.insert(id)

    def __delitem__(self, id: bytes) -> None:
        held = super().pop(id, None)
        if not self.session.remove(id) and held is None:
            raise KeyError(id)

    def __len__(self) -> int:
        return self.session.count()


class ReferencesOfClients(dict):
    """The references of each client, by its name."""

    def __missing__(self, client: str) -> References:
        return self.setdefault(client, References(client))

    def __delitem__(self, client: str) -> None:
        self[client].session.end()
        super().__delitem__(client)


# The calls that a thread submits, while somebody wants to know.
_submitting = threading.local()


def tell_submissions() -> None:
    """Has `_core.submit` tell who asks what it is given."""
    submit = _core.submit

    @functools.wraps(submit)
    def telling(
        template: Any, actor: bytes | None, task: Any, arguments: list, owner: bytes, count: int
    ) -> list:
        calls = getattr(_submitting, "calls", None)
        if calls is not None:
            calls.append((template, actor, len(arguments), count))
        return submit(template, actor, task, arguments, owner, count)

    _core.submit = telling


def teaching(schedule: Callable) -> Callable:
    """Ray's function that submits calls, which shows Swift how each kind of call is submitted."""

    @functools.wraps(schedule)
    def schedule_and_teach(self: Any, task: Any, args: Any, kwargs: Any, context: Any = None) -> Any:
        call = answered_here()
        if call is None or not call.is_unlearned():
            return schedule(self, task, args, kwargs, context)
        _submitting.calls = calls = []
        try:
            ticket = schedule(self, task, args, kwargs, context)
        finally:
            _submitting.calls = None
        if ticket.valid and len(calls) == 1 and not is_made_anew(self, task):
            template, actor, count, results = calls[0]
            # More arguments would be what this call alone brings along, as the context of a trace.
            if count == 2 * len(args) and results == len(ticket.return_ids):
                call.learn(template, actor, results, DUMMY_TYPE)
        return ticket

    return schedule_and_teach


def is_made_anew(servicer: Any, task: Any) -> bool:
    """Whether something else than its arguments may make a call differ from the last one of its kind."""
    from ray import remote_function
    from ray.util.client.server.server import decode_options

    if task.type == task.FUNCTION:
        called = servicer.function_refs.get(task.payload_id)
    else:
        called = getattr(servicer.actor_refs.get(task.payload_id), task.name, None)
    # Files that a runtime environment names are read for each call.
    has_environment = "runtime_env" in (decode_options(task.options) or {})
    return (
        has_environment
        or remote_function._task_launch_hook is not None
        or called is None
        or getattr(called, "_decorator", None) is not None
    )


def pause_for_details(log: logging.Logger) -> None:
    """Leaves everything to Ray's servicers while somebody wants to see in their log what they do.

    A client may set the level of the server's log (`set_logstream_level`).
    """
    root = logging.getLogger("ray")
    set_level = root.setLevel

    def set_level_and_pause(level: int | str) -> None:
        set_level(level)
        _grpc.Session.pause_all(log.isEnabledFor(logging.DEBUG))

    root.setLevel = set_level_and_pause
    set_level_and_pause(root.level)


def share_references(server: ModuleType) -> None:
    """Has Ray's servicer keep clients' references where Swift does."""
    servicer = server.RayletServicer
    make = servicer.__init__

    @functools.wraps(make)
    def make_sharing(self: Any, *rest: Any, **named: Any) -> None:
        make(self, *rest, **named)
        self.object_refs = ReferencesOfClients()

    servicer.__init__ = make_sharing
    servicer.Schedule = teaching(servicer.Schedule)
    tell_submissions()
    pause_for_details(server.logger)
