"""Where in the program references were made, if the setting `record_ref_creation_sites` is on.

Each new reference is looked at once (`object_ref.c`): the lines that made it are kept with it, for errors of lost
objects, and are told to the core, for `ray memory`.
"""

import os
import sys
from typing import Any

import swift_ray
from swift_ray._core import CoreError
from swift_ray._native import ObjectRef, set_call_site_function
from swift_ray.raylet import context

# This is imported while Ray's package is.
RAYS = os.path.dirname(sys.modules["ray"].__file__ or "") + os.sep
OURS = os.path.dirname(swift_ray.__file__) + os.sep
# Lines of the program that are kept, what was done to make the reference among them.
LINES_MAX = 4
DELIMITER = " | "
# What was done, by the file of Ray's, or the function of ours, that did it: the outermost one counts.
FILES = {
    "remote_function.py": "(task call) ",
    "actor.py": "(actor call) ",
}
PUT = os.path.join("_private", "worker.py")
PRIVATE = "_private" + os.sep
TRACING = os.path.join("util", "tracing") + os.sep
DESERIALIZER = "_object_ref_deserializer"
ARGUMENTS = "recover"
_is_recorded = False


def call_site() -> str:
    """The lines of the program that are being run, the innermost first, and before them what they have Ray do."""
    lines: list[str] = []
    frame: Any = sys._getframe(1)
    while frame is not None and len(lines) < LINES_MAX:
        code = frame.f_code
        file, name = code.co_filename, code.co_name
        if file.startswith(OURS):
            if name == DESERIALIZER:
                lines = ["(deserialize task arg) "]
            elif name == ARGUMENTS:
                return argument_site()
        elif file.startswith(RAYS):
            inside = file.removeprefix(RAYS)
            if inside in FILES:
                lines = [FILES[inside]]
            elif inside == PUT and name == "put":
                lines = ["(put object) "]
            elif not inside.startswith((PRIVATE, TRACING)):
                lines.append(f"{file}:{name}:{frame.f_lineno}")
        else:
            lines.append(f"{file}:{name}:{frame.f_lineno}")
        frame = frame.f_back
    return DELIMITER.join(lines)


def argument_site() -> str:
    """A reference inside an argument of the task that runs here."""
    task = context.current()
    kind = "task" if task is None or task.actor_id is None else "actor task"
    return f"(deserialize {kind} arg) {'' if task is None else task.function_name}"


def record(core_worker: Any, is_wanted: bool) -> None:
    """Begins to record, or ends it."""
    global _is_recorded
    _is_recorded = is_wanted
    if not is_wanted:
        set_call_site_function(None)
        return
    core_worker.control("record_call_sites")

    def site_of(reference: ObjectRef) -> str:
        site = call_site()
        note(core_worker, reference.binary(), site)
        return site

    set_call_site_function(site_of)


def note(core_worker: Any, object_id: bytes, site: str) -> None:
    # Who shuts the runtime down meanwhile wants no lists any more.
    try:
        core_worker.control("note_call_site", object=object_id, site=site)
    except CoreError:
        set_call_site_function(None)


def note_actor(core_worker: Any, actor_id: bytes) -> None:
    """The object that stands for the handles of an actor was made by its creation."""
    if _is_recorded:
        note(core_worker, b"\xff" * 8 + actor_id + (1).to_bytes(4, "little"), call_site())
