"""Checks of ids that Ray's Python calls."""

from swift_ray._native import BaseID, ObjectRef, TaskID


def check_id(b: bytes, size: int = 28) -> None:
    """TypeError or ValueError unless it is bytes of that length."""
    if not isinstance(b, bytes):
        raise TypeError(f"Unsupported type: {type(b)}, expected bytes")
    if len(b) != size:
        raise ValueError(f"ID string needs to have length {size}, got {len(b)}")


def check_nil(id_obj: BaseID) -> None:
    """ValueError if the id is nil."""
    if id_obj.is_nil():
        raise ValueError(f"{type(id_obj).__name__} is nil")


def compute_task_id(object_ref: ObjectRef) -> TaskID:
    """The task that made the object."""
    if not isinstance(object_ref, ObjectRef):
        kind = type(object_ref).__name__
        raise TypeError(f"Argument 'object_ref' has incorrect type (expected ray.ObjectRef, got {kind})")
    return TaskID(object_ref.binary()[: TaskID.size()])
