"""What the task loop and Ray's Python share: the current coroutine's task, exits, warnings and retry lists."""

import contextvars
import sys
from dataclasses import dataclass
from typing import Any, NoReturn

# Set inside a coroutine of an actor; `get_current_task_*` look here first. A TaskID, and two strings.
async_task_id: contextvars.ContextVar[Any] = contextvars.ContextVar("async_task_id", default=None)
async_task_name: contextvars.ContextVar[Any] = contextvars.ContextVar("async_task_name", default=None)
async_task_function_name: contextvars.ContextVar[Any] = contextvars.ContextVar(
    "async_task_function_name", default=None
)


class NumReturnsWarning(UserWarning):
    """A task with num_returns=0 returned something."""


@dataclass(frozen=True)
class StreamingGeneratorStats:
    """Sent into a streaming generator after each of its items: the seconds that storing the item took."""

    object_creation_dur_s: float


def raise_sys_exit_with_custom_error_message(ray_terminate_msg: str, exit_code: int = 0) -> NoReturn:
    """Raises SystemExit with the message in `ray_terminate_msg`, where the task loop finds it."""
    exit = SystemExit(exit_code)
    exit.ray_terminate_msg = ray_terminate_msg
    raise exit


def serialize_retry_exception_allowlist(
    retry_exception_allowlist: tuple | None, function_descriptor: Any
) -> bytes:
    """The exceptions to retry on, pickled. TypeError names the function whose list cannot be."""
    import ray.cloudpickle as pickle

    try:
        return pickle.dumps(retry_exception_allowlist)
    except TypeError as error:
        raise TypeError(
            f"Could not serialize the retry exception allowlist {retry_exception_allowlist!r} "
            f"for task {function_descriptor.repr}: {error}"
        ).with_traceback(sys.exc_info()[2]) from error
