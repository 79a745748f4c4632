"""Errors of the core as Ray's Python has them: stored in the place of an object, or raised by a call.

An error of the core is a number (Ray's `ErrorType` below 1000, ours above), a sentence, and details by name:

    task_error           bytes    3: the pickled RayTaskError; 1: the pickled ActorDiedError.from_task_error(...)
    task_error_text      str      3, 1: its text, for other languages
    actor_id             bytes    1, 25
    class_name name ray_namespace node_ip_address owner_ip_address    str      1
    owner_id             bytes    1
    pid                  int      1
    never_started        bool     1: the actor was dead before its first task
    reason               str      1: WORKER_DIED OWNER_DIED NODE_DIED RAY_KILL OUT_OF_SCOPE REF_DELETED
    preempted            bool     1: its node was taken away
    rpc_code             int      1004: a status code of gRPC
"""

from collections.abc import Callable, Mapping
from typing import Any

from swift_ray._native import MessagePackSerializedObject, pack

# Numbers that Ray's Python does not know, or has no text for, by the one that says the same with our sentence.
_SAID_BY = {2: 8, 6: 33, 11: 33, 26: 33}
_OUR_FIRST = 1000
_WITH_SENTENCE = {5, 7, 18, 19, 22, 23, 25, 33, 34}
_ACTOR_FIELDS = (
    *(
        "owner_id",
        "owner_ip_address",
        "node_ip_address",
        "pid",
        "name",
        "ray_namespace",
        "class_name",
        "actor_id",
    ),
    "never_started",
)


def _task_exception(details: Mapping[str, Any]) -> Any:
    from ray.core.generated.common_pb2 import PYTHON, RayException

    return RayException(
        language=PYTHON,
        serialized_exception=details["task_error"],
        formatted_exception_string=details.get("task_error_text", ""),
    )


def _actor_death(message: str, details: Mapping[str, Any]) -> Any:
    from ray.core.generated.common_pb2 import ActorDeathCause, ActorDiedErrorContext, NodeDeathInfo

    if "task_error" in details:
        return ActorDeathCause(creation_task_failure_context=_task_exception(details))
    context = ActorDiedErrorContext(error_message=message)
    for name in _ACTOR_FIELDS:
        if name in details:
            setattr(context, name, details[name])
    if "reason" in details:
        context.reason = ActorDiedErrorContext.Reason.Value(details["reason"])
    if details.get("preempted"):
        context.node_death_info.reason = NodeDeathInfo.AUTOSCALER_DRAIN_PREEMPTED
    return ActorDeathCause(actor_died_error_context=context)


def _error_info(number: int, message: str, details: Mapping[str, Any]) -> bytes:
    from ray.core.generated.common_pb2 import RayErrorInfo

    info = RayErrorInfo(error_type=number, error_message=message)
    if number == 1:
        info.actor_died_error.CopyFrom(_actor_death(message, details))
    elif number == 7:
        info.runtime_env_setup_failed_error.error_message = message
    elif number == 25 and "actor_id" in details:
        info.actor_unavailable_error.actor_id = details["actor_id"]
    return info.SerializeToString()


def error_object(
    number: int, message: str, details: Mapping[str, Any] | None = None
) -> tuple[bytes, bytes | None]:
    """Metadata and data of the object that holds the error; data is None where Ray has none.

    The data has no out-of-band buffers, so it may lie at any address. ValueError: 4, which is no error.
    """
    details = details or {}
    number = 33 if number >= _OUR_FIRST else _SAID_BY.get(number, number)
    if number == 4:
        raise ValueError("OBJECT_IN_PLASMA (4) says where an object is and cannot be stored as an error")
    if number == 3:
        data = _task_exception(details).SerializeToString()
    elif number == 1 or number in _WITH_SENTENCE:
        data = _error_info(number, message, details)
    else:
        data = None
    metadata = str(number).encode()
    return metadata, (
        None if data is None else MessagePackSerializedObject(metadata, pack(data, None), []).to_bytes()
    )


# For calls that raise: the status by Ray's name for it -> the exception's class in ray.exceptions, or a built-in one.
STATUS_EXCEPTIONS: dict[str, str | type[BaseException]] = {
    "ObjectStoreFull": "ObjectStoreFullError",
    "OutOfDisk": "OutOfDiskError",
    "InvalidArgument": ValueError,
    "AlreadyExists": "ActorAlreadyExistsError",
    "NotFound": ValueError,
    "ObjectNotFound": ValueError,
    "ObjectUnknownOwner": ValueError,
    "ObjectRefEndOfStream": "ObjectRefStreamEndOfStreamError",
    "Interrupted": KeyboardInterrupt,
    "TimedOut": "GetTimeoutError",
    "IOError": OSError,
    "RpcError": "RpcError",
    "Unauthenticated": "AuthenticationError",
    "IntentionalSystemExit": SystemExit,
    "UnexpectedSystemExit": SystemExit,
    "ChannelError": "RayChannelError",
    "ChannelTimeoutError": "RayChannelTimeoutError",
    "OutOfResource": "PendingCallsLimitExceeded",
}

# Our numbers -> the status that says the same.
STATUSES = {
    1000: "TimedOut",
    1001: "ObjectStoreFull",
    1002: "InvalidArgument",
    1003: "UnknownError",
    1004: "RpcError",
    1005: "Unauthenticated",
    1006: "AlreadyExists",
    1007: "NotFound",
    1020: "OutOfResource",
    20: "OutOfDisk",
    24: "ObjectRefEndOfStream",
}

UNAVAILABLE = 14


def status_exception(status: str, message: str, rpc_code: int = UNAVAILABLE) -> BaseException:
    """The exception for a status, RaySystemError for one that is not in the table."""
    import ray.exceptions

    kind = STATUS_EXCEPTIONS.get(status, "RaySystemError")
    make: Callable[..., BaseException] = getattr(ray.exceptions, kind) if isinstance(kind, str) else kind
    if status == "RpcError":
        return make(message, rpc_code)
    if status in ("IntentionalSystemExit", "UnexpectedSystemExit"):
        exit = make(0 if status == "IntentionalSystemExit" else 1)
        exit.ray_terminate_msg = message
        return exit
    return make(message)


def exception(number: int, message: str, details: Mapping[str, Any] | None = None) -> BaseException:
    """The exception for an error of the core that a call raises."""
    details = details or {}
    if number in STATUSES:
        return status_exception(STATUSES[number], message, details.get("rpc_code", UNAVAILABLE))
    if number >= _OUR_FIRST:
        return status_exception("UnknownError", message)
    return stored_exception(number, message, details)


def stored_exception(
    number: int, message: str, details: Mapping[str, Any], object_ref: Any = None
) -> BaseException:
    """What `ray.get` makes of the error in the place of `object_ref`: a RayError, for user code's the RayTaskError."""
    import ray

    from swift_ray.raylet import Buffer, ObjectRef, SerializedRayObject

    metadata, data = error_object(number, message, details)
    stored = SerializedRayObject(None if data is None else Buffer.copy_of(data), metadata, None)
    context = ray._private.worker.global_worker.get_serialization_context()
    return context.deserialize_objects([stored], [object_ref or ObjectRef.nil()], {})[0]
