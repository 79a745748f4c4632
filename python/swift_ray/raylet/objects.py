"""Objects: `put`, `get`, `wait`, and references inside values."""

from collections.abc import Iterable
from typing import Any

import msgpack

from swift_ray import _core
from swift_ray._core import CoreError
from swift_ray._native import Buffer, ObjectRef
from swift_ray.raylet import context
from swift_ray.raylet.context import ray_worker
from swift_ray.raylet.core_error import GET_TIMEOUT, INVALID_ARGUMENT, ray_exception
from swift_ray.raylet.errors import error_object
from swift_ray.raylet.failure_words import end_of, of_death
from swift_ray.raylet.language import SWIFT
from swift_ray.raylet.serialization import SerializedRayObject, deserialize, serialize
from swift_ray.services import WORKER_DIED

# Numbers of Ray's ErrorType.
ACTOR_DIED = 1
TASK_EXECUTION = 3
ACTOR_CREATION_FAILED = 6
RUNTIME_ENV_SETUP_FAILED = 7
ACTOR_GROUP_REMOVED = 17
ACTOR_UNAVAILABLE = 25


class FetchedReferences(list):
    """References whose objects have been fetched."""

    __slots__ = ("objects",)

    def __init__(self, references: list[ObjectRef], objects: list[SerializedRayObject]) -> None:
        super().__init__(references)
        self.objects = objects


def task_id() -> bytes | None:
    """The task on whose behalf the caller acts."""
    task = context.current()
    return None if task is None else task.task_id


def failed(object_ref: ObjectRef | None, details: dict) -> SerializedRayObject:
    """An error of the core as an object that Ray's deserialisation knows."""
    if details["type"] == GET_TIMEOUT:
        # Ray's value for what was not waited for, since another object of the same get is an error.
        return SerializedRayObject(None, None, None)
    failure = own_failure(object_ref, details)
    if details["type"] == ACTOR_CREATION_FAILED:
        return failure
    for function in details.get("dependents", ()):
        payload = argument_error(function, deserialize([tuple(failure)])[0])
        failure = SerializedRayObject(Buffer.copy_of(payload), b"3", None)
    return failure


def own_failure(object_ref: ObjectRef | None, details: dict) -> SerializedRayObject:
    """An error of the core without the tasks that had it in the place of an argument."""
    # The core says it in Swift's words.
    message = details["message"].replace("exitActor()", "exit_actor()")
    if details["type"] == TASK_EXECUTION and details["language"] == SWIFT.value() and details["type_name"]:
        return SerializedRayObject(Buffer.copy_of(swift_failure(details)), b"3", None)
    if details["type"] == TASK_EXECUTION:
        # The worker's own words, a RayTaskError as it serialised it; or what the core says of a task.
        payload = details["payload"] or task_error(details["function"], ValueError(message))
        return SerializedRayObject(Buffer.copy_of(payload), b"3", None)
    # An actor whose constructor failed, or whose placement group was removed, is dead.
    number = (
        ACTOR_DIED if details["type"] in (ACTOR_CREATION_FAILED, ACTOR_GROUP_REMOVED) else details["type"]
    )
    if number == ACTOR_DIED:
        message = of_death(message)
    if number == RUNTIME_ENV_SETUP_FAILED:
        message = f"[Node {details['host'] or 'unknown'}] {message}"
    known = actor_facts(object_ref, details) if number in (ACTOR_DIED, ACTOR_UNAVAILABLE) else {}
    metadata, content = error_object(number, message, known)
    if metadata == WORKER_DIED:
        # Ray stores nothing: who reads it here is told why (`patch_serialization`).
        content = message.encode()
    return SerializedRayObject(None if content is None else Buffer.copy_of(content), metadata, None)


def actor_facts(object_ref: ObjectRef, details: dict) -> dict[str, Any]:
    """What an error says of the actor whose call makes the object, for `errors.py`."""
    # The id of a result of an actor's call contains the actor's.
    actor = object_ref.binary()[8:24]
    known = ray_worker().core_worker.known_actor(actor)
    facts = {
        "actor_id": actor,
        "class_name": known["function"][1] if known else "",
        "name": known["name"] if known else "",
        "pid": details["pid"],
        "node_ip_address": details["host"],
        **end_of(details["type_name"] if details["type"] == ACTOR_DIED else ""),
    }
    if details["type"] == ACTOR_CREATION_FAILED and details["payload"]:
        facts["task_error"] = constructor_error(details["payload"], details.get("dependents", ()))
    return facts


def constructor_error(payload: bytes, dependents: Iterable[str]) -> bytes:
    """What the constructor raised, a RayTaskError as its worker serialised it, as the actor's death, pickled.

    `dependents`: those that did not run for it, if it is an argument's, with the constructor last.
    """
    import ray.cloudpickle as pickle
    from ray.exceptions import ActorDiedError, RayTaskError

    error = deserialize([(Buffer.copy_of(payload), b"3", None)])[0]
    for function in dependents:
        error = deserialize([(Buffer.copy_of(argument_error(function, error)), b"3", None)])[0]
    if not isinstance(error, RayTaskError):
        # It cannot be read here; this says why.
        error = RayTaskError("__init__", str(error), error)
    return pickle.dumps(ActorDiedError.from_task_error(error))


def task_error(function: str, cause: Exception) -> bytes:
    """A RayTaskError, serialised, for what the core says of a task."""
    from ray.exceptions import RayTaskError

    text = f"{type(cause).__name__}: {cause}"
    return _core.pack(serialize(RayTaskError(function, text, cause)))


def argument_error(function: str, error: Exception) -> bytes:
    """A RayTaskError, serialised, for a task that did not run since an argument of it is an error."""
    from ray.exceptions import RayTaskError

    # As in Ray that of the first task that failed, however many depended on it one by one.
    cause = error.cause if isinstance(error, RayTaskError) else error

    # The first line is what RayTaskError puts the name of the task in the place of.
    lines = [
        "Traceback (most recent call last):",
        "  At least one of the input arguments for this task could not be computed:",
        f"{type(error).__module__}.{type(error).__name__}: {error}",
    ]
    return _core.pack(
        serialize(RayTaskError(function, "\n".join(lines), cause, proctitle=f"ray::{function}"))
    )


def swift_failure(details: dict) -> bytes:
    """What a function in Swift threw, as Ray stores an error of user code."""
    from ray.exceptions import RayTaskError

    from swift_ray.swift import SwiftError

    cause = SwiftError(details["type_name"], details["message"])
    function = details["function"] or "a function"
    lines = [f"{function} threw, in Swift: {cause}"]
    lines += [f"because of {text}" for text in details["causes"]]
    error = RayTaskError(
        function,
        "\n".join(lines),
        cause,
        proctitle=function,
        pid=details["pid"],
        ip=details["host"] or "unknown",
    )
    return _core.pack(serialize(error))


def waited_for(items: list) -> list[ObjectRef]:
    """The references that stand for what `wait` was given: a generator's is that of its next item.

    TypeError: something else is among them.
    """
    from ray._raylet import ObjectRefGenerator

    peek = ray_worker().core_worker.peek_object_ref_stream
    refs = [peek(item._generator_ref)[0] if isinstance(item, ObjectRefGenerator) else item for item in items]
    for ref in refs:
        if not isinstance(ref, ObjectRef):
            raise TypeError(
                f"wait() expected a list of ray.ObjectRef or ObjectRefGenerator, got list containing {type(ref)}"
            )
    return refs


class ObjectCalls:
    """The part of `CoreWorker` that stores and fetches."""

    # A serialized Address of this process, as owner of what it makes.
    _address: bytes

    def put_object(
        self,
        serialized_object: Any,
        *,
        pin_object: bool = True,
        inline_small_object: bool = True,
        _is_experimental_channel: bool = False,
        tensor_transport: str | None = None,
    ) -> ObjectRef:
        """Stores a value; waits while the store is full."""
        try:
            return _core.put(serialized_object, task_id(), self._address)
        except CoreError as error:
            raise ray_exception(error) from None

    def get_objects(self, object_refs: list[ObjectRef], timeout_ms: int = -1) -> list[SerializedRayObject]:
        """The objects in order. GetTimeoutError after `timeout_ms` (negative: never).

        If one of them is an error, it does not wait for the others: what is not there then is none.
        """
        if type(object_refs) is FetchedReferences:
            return object_refs.objects
        return self._get(object_refs, timeout_ms, False)[1]

    def get_values(self, object_refs: list[ObjectRef], timeout_ms: int) -> "list | FetchedReferences":
        """The values in order, if all are plain; else the references, of which `get_objects` has the objects.

        TypeError: one is no reference. GetTimeoutError, and errors, as `get_objects`.
        """
        values, objects = self._get(object_refs, timeout_ms, True)
        return FetchedReferences(object_refs, objects) if values is None else values

    def _get(
        self, object_refs: list[ObjectRef], timeout_ms: int, wants_values: bool
    ) -> tuple[list | None, list[SerializedRayObject] | None]:
        """The values, if these are wanted and all are plain, or the objects."""
        try:
            found = _core.get_now(object_refs, SerializedRayObject, wants_values) or _core.get(
                list(object_refs), timeout_ms, task_id(), SerializedRayObject, wants_values
            )
        except CoreError as error:
            raise ray_exception(error) from None
        values, objects, has_errors = found
        if not has_errors:
            # That one has no error means also that its tensors are not elsewhere.
            return values, objects
        kinds = {msgpack.unpackb(error)["type"] for _, _, error in objects if error is not None}
        if kinds == {GET_TIMEOUT}:
            import ray.exceptions

            raise ray.exceptions.GetTimeoutError("Get timed out: some object(s) not ready.")
        return None, [
            object if object[2] is None else failed(ref, msgpack.unpackb(object[2]))
            for ref, object in zip(object_refs, objects)
        ]

    def get_if_local(self, object_refs: list[ObjectRef]) -> list[SerializedRayObject]:
        """ValueError: one of them is not at hand."""
        if not all(_core.wait(list(object_refs), len(object_refs), 0, task_id(), True)):
            raise ValueError("an object is not in this node's store")
        return self.get_objects(object_refs)

    def object_exists(self, object_ref: ObjectRef, memory_store_only: bool = False) -> bool:
        """Whether the object is there; one that nobody knows is not."""
        try:
            return _core.wait([object_ref], 1, 0, task_id(), False) == b"\x01"
        except CoreError as error:
            if error.args[0] == INVALID_ARGUMENT:
                return False
            raise ray_exception(error) from None

    def wait(
        self, object_refs_or_generators: list, num_returns: int, timeout_ms: int, fetch_local: bool
    ) -> tuple[list, list]:
        """Those that are ready, at most `num_returns`, and the others, both in the given order.

        With `fetch_local` objects are brought to this node, and are ready when they are there.
        """
        try:
            if (divided := _core.wait_now(object_refs_or_generators, num_returns, fetch_local)) is not None:
                return divided
        except TypeError:
            # Something is not an ObjectRef.
            pass
        given = list(object_refs_or_generators)
        limit = timeout_ms if 0 <= timeout_ms < 10**9 else -1
        try:
            try:
                flags = _core.wait(given, num_returns, limit, task_id(), fetch_local)
            except TypeError:
                flags = _core.wait(waited_for(given), num_returns, limit, task_id(), fetch_local)
        except CoreError as error:
            raise ray_exception(error) from None
        return _core.divide(given, flags, num_returns)

    # References

    def add_object_ref_reference(self, object_ref: ObjectRef) -> None:
        """Counts one more reference of this process, for instance of a closure that holds one for ever."""
        _core.add_reference(object_ref)

    def remove_object_ref_reference(self, object_ref: ObjectRef) -> None:
        _core.remove_reference(object_ref)

    def get_owner_address(self, object_ref: ObjectRef) -> bytes:
        """ValueError: nobody in this process knows the object."""
        try:
            return self.control("owner", object=object_ref.binary())
        except CoreError as error:
            raise ray_exception(error) from None

    def serialize_object_ref(self, object_ref: ObjectRef) -> tuple[ObjectRef, bytes, bytes]:
        return object_ref, self.get_owner_address(object_ref), b""

    def get_memory_store_size(self) -> int:
        """Objects are counted by the core; `ray memory` shows them."""
        return 0
