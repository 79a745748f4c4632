"""Actors: creation, calls, and handles that travel."""

import contextlib
import re
import time
from typing import Any, NoReturn

import msgpack

from swift_ray import _core
from swift_ray._core import CoreError
from swift_ray._native import ActorID, ObjectRef, TaskID
from swift_ray.raylet import call_sites
from swift_ray.raylet.by_name import CROSS_LANGUAGE, class_named
from swift_ray.raylet.calls import (
    RETRYABLE,
    STREAMING_RETURNS,
    amounts,
    default_name,
    extras_argument,
    extras_of,
    function_fields,
    items_fields,
)
from swift_ray.raylet.context import parent
from swift_ray.raylet.core_error import NOT_FOUND, ray_exception
from swift_ray.raylet.descriptors import PythonFunctionDescriptor
from swift_ray.raylet.language import SWIFT, Language
from swift_ray.raylet.strategies import strategy_fields

ACTOR_NAMESPACE = "swift_ray_actors"
# How long a creator may take to say what is to be known of its actor, which can be found a moment before.
KNOWN_SECONDS = 1
# The namespace of a job that has named none.
ANONYMOUS = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def handle_object(actor_id: bytes) -> bytes:
    """The object by which references to an actor are counted."""
    return TaskID.for_actor_creation_task(ActorID(actor_id)).binary() + b"\x01\x00\x00\x00"


def wire_argument(argument: Any) -> Any:
    """An argument of `create_actor`: a value with the references inside, or an object's id."""
    if isinstance(argument, ObjectRef):
        return argument.binary()
    inside = [ref.binary() for ref in argument.contained_object_refs]
    return [_core.pack(argument), argument.metadata, inside]


class ActorCalls:
    """The part of `CoreWorker` that is about actors."""

    _address: bytes
    # What this process knows of actors, by id: the fields of `known_actor`.
    _actors: dict[bytes, dict]

    def create_actor(
        self,
        language: Any,
        function_descriptor: Any,
        args: list,
        max_restarts: int,
        max_task_retries: int,
        resources: dict[str, float],
        placement_resources: dict[str, float],
        max_concurrency: int,
        is_detached: bool | None,
        name: str,
        ray_namespace: str,
        is_asyncio: bool,
        extension_data: str = "",
        serialized_runtime_env_info: str = "{}",
        concurrency_groups_dict: dict | None = None,
        max_pending_calls: int = -1,
        scheduling_strategy: Any = "DEFAULT",
        enable_task_events: bool = True,
        labels: dict | None = None,
        label_selector: dict | None = None,
        allow_out_of_order_execution: bool = False,
        enable_tensor_transport: bool | None = False,
        fallback_strategy: list | None = None,
        actor_generator_backpressure_num_objects: int = -1,
    ) -> ActorID:
        """The id, at once; what goes wrong is the result of calls on it."""
        declared = (concurrency_groups_dict or {}).values()
        groups = {group["name"]: group["max_concurrency"] for group in declared}
        function = function_fields(function_descriptor, language)
        known = {
            "function": function,
            "max_task_retries": max_task_retries,
            "enable_task_events": enable_task_events,
            "extension_data": extension_data,
            "out_of_order": bool(allow_out_of_order_execution),
            "job": self._job,
            "creator": self._address,
            "name": name or "",
        }
        if actor_generator_backpressure_num_objects > 0:
            known["items_max"] = actor_generator_backpressure_num_objects
        methods = {
            method.function_name: group["name"]
            for group in declared
            for method in group["function_descriptors"]
        }
        if methods:
            known["groups"] = methods
        held = amounts(resources)
        extras = {
            # The actor can give its own handle away.
            "known": known,
            "asyncio": is_asyncio,
            "max_concurrency": max_concurrency,
            "groups": groups,
            "name": name or "",
            "held": held,
        }
        arguments = self.arguments(args, {}, function_descriptor, language)
        if language == Language.PYTHON:
            arguments.insert(0, extras_argument(extras))
        environment, _ = self.environment_of_call(serialized_runtime_env_info, language, function_descriptor)
        creation = default_name(function_descriptor) if language == Language.PYTHON else ""
        payload = {
            "function": function,
            # As in Ray with the actor's own.
            "name": f"{name}:{creation}" if name and creation else creation,
            "returns": 1,
            "resources": amounts(placement_resources or resources),
            "held": held,
            "strategy": strategy_fields(scheduling_strategy, label_selector, fallback_strategy),
            "environment": environment(),
            "traced": enable_task_events,
            "max_retries": 0,
            "arguments": [wire_argument(argument) for argument in arguments],
            "actor_name": name or "",
            "namespace": ray_namespace or "",
            "detached": self._detaches_actors() if is_detached is None else is_detached,
            "max_restarts": max_restarts,
            "max_task_retries": max_task_retries,
            "max_concurrency": max_concurrency,
            "max_pending_calls": max_pending_calls,
            "concurrency_groups": groups,
            "unordered": bool(allow_out_of_order_execution),
            "task": parent(),
        }
        try:
            actor = self.control_packed("create_actor", payload)
        except CoreError as error:
            raise ray_exception(error) from None
        self._actors[actor] = known
        call_sites.note_actor(self, actor)
        if name:
            # Whoever looks the actor up by its name needs these, too.
            try:
                self.put_key(ACTOR_NAMESPACE, actor, msgpack.packb(known))
            except CoreError as error:
                self.remove_actor_handle_reference(ActorID(actor))
                raise ray_exception(error) from None
            self._check_name(actor, name, ray_namespace)
        if is_detached:
            self._warn_of_anonymous(ray_namespace or self.get_job_config().ray_namespace)
        return ActorID(actor)

    def _warn_of_anonymous(self, namespace: str) -> None:
        """Tells the driver that a detached actor will hardly be found again."""
        if ANONYMOUS.fullmatch(namespace):
            from ray._private.ray_constants import DETACHED_ACTOR_ANONYMOUS_NAMESPACE_ERROR

            text = (
                "It looks like you're creating a detached actor in an anonymous namespace. In order to access this "
                "actor in the future, you will need to explicitly connect to this namespace with "
                f'ray.init(namespace="{namespace}", ...)'
            )
            self.push_error(self._job_id, DETACHED_ACTOR_ANONYMOUS_NAMESPACE_ERROR, text, time.time())

    def _check_name(self, actor: bytes, name: str, ray_namespace: str) -> None:
        """ActorAlreadyExistsError: somebody else has created an actor of this name at the same time.

        `get_if_exists` then takes that one.
        """
        try:
            found = self.control("named_actor", name=name, namespace=ray_namespace or "")["actor"]
        except CoreError:
            # Its creation waits for arguments, or it has ended already: its calls tell what is wrong.
            return
        if found != actor:
            import ray.exceptions

            self.remove_actor_handle_reference(ActorID(actor))
            raise ray.exceptions.ActorAlreadyExistsError(
                f"The name {name} (namespace={ray_namespace}) is already taken. Please use a different name or get the "
                f"existing actor using ray.get_actor('{name}', namespace='{ray_namespace}')"
            )

    def submit_actor_task(
        self,
        language: Any,
        actor_id: ActorID,
        function_descriptor: Any,
        args: list,
        name: str,
        num_returns: int,
        max_retries: int,
        retry_exceptions: bool,
        retry_exception_allowlist: tuple | None,
        num_method_cpus: float,
        concurrency_group_name: bytes | str,
        generator_backpressure_num_objects: int,
        num_objects_per_yield: int,
        enable_task_events: bool,
        tensor_transport: str | None = None,
        labels: dict | None = None,
    ) -> list[ObjectRef]:
        """The references of the results, at once, in the order of these calls."""
        actor = actor_id.binary()
        known = self._actors.get(actor) or self._refuse_unknown(actor_id)
        group = ""
        if concurrency_group_name or "groups" in known:
            group = self._group_of_call(known, function_descriptor, concurrency_group_name)
        items_max = known.get("items_max", 0)
        extras = None
        # Most calls have none.
        if retry_exceptions or num_returns < 0 or num_objects_per_yield > 1:
            extras = extras_of(
                retry_exception_allowlist, num_returns, num_objects_per_yield, retry_exceptions
            )
        key = (
            function_descriptor,
            name,
            num_returns,
            max_retries,
            bool(retry_exceptions),
            group,
            generator_backpressure_num_objects,
            items_max,
            enable_task_events,
        )
        try:
            call, count = self._templates.get(key) or self.new_template(
                key,
                {
                    "function": function_fields(function_descriptor, language),
                    "name": name or default_name(function_descriptor),
                    "returns": max(1, num_returns) if num_returns < 0 else num_returns,
                    "max_retries": max_retries,
                    "retry_exceptions": [RETRYABLE] if retry_exceptions else None,
                    "concurrency_group": group,
                    "traced": enable_task_events,
                    **items_fields(num_returns, generator_backpressure_num_objects, items_max),
                },
            )
            arguments = []
            if args or extras:
                arguments = self.arguments(args, extras or {}, function_descriptor, language)
            references = _core.submit(call, actor, parent(), arguments, self._address, count)
            if num_returns == STREAMING_RETURNS:
                self.limit_stream(references, max(generator_backpressure_num_objects, items_max))
            return references
        except CoreError as error:
            raise ray_exception(error) from None

    def _detaches_actors(self) -> bool:
        """Whether the job's actors are detached unless they say otherwise (`JobConfig.default_actor_lifetime`)."""
        config = self.get_job_config()
        # One that was never written, as that of a job in Swift, says nothing.
        return config.ByteSize() > 0 and config.default_actor_lifetime == config.DETACHED

    @staticmethod
    def _refuse_unknown(actor_id: ActorID) -> NoReturn:
        """RuntimeError: the handle was not made in this session."""
        raise RuntimeError(
            f"Failed to submit a call to actor {actor_id.hex()}: nothing is known of it since ray.init(). It might be "
            "dead or it's from a different cluster; create it again, or look it up by its name"
        )

    @staticmethod
    def _group_of_call(known: dict, method: Any, given: bytes | str | None) -> str:
        """The concurrency group of a call: its own, the method's, or the default one."""
        if given:
            return given.decode() if isinstance(given, bytes) else given
        return known.get("groups", {}).get(method.function_name, "")

    def kill_actor(self, actor_id: ActorID, no_restart: bool) -> None:
        try:
            self.control("kill_actor", actor=actor_id.binary(), no_restart=no_restart)
        except CoreError as error:
            if error.args[0] == NOT_FOUND:
                import ray.exceptions

                raise ray.exceptions.ActorHandleNotFoundError(error.args[1]) from None
            raise ray_exception(error) from None

    # Handles

    def remove_actor_handle_reference(self, actor_id: ActorID) -> None:
        # A runtime that is gone counts nothing.
        with contextlib.suppress(CoreError):
            self.control("release_actor", actor=actor_id.binary())

    def serialize_actor_handle(self, actor_id: ActorID) -> tuple[bytes, ObjectRef]:
        """The handle as bytes, and the object by which it is counted wherever it goes."""
        known = {"actor": actor_id.binary(), **self._actors[actor_id.binary()]}
        handle = ObjectRef(handle_object(actor_id.binary()), known["creator"])
        return msgpack.packb(known), handle

    def deserialize_and_register_actor_handle(
        self, serialized: bytes, outer_object_ref: ObjectRef | None, weak_ref: bool
    ) -> Any:
        known = msgpack.unpackb(serialized)
        actor = known.pop("actor")
        self._actors[actor] = known
        if not weak_ref:
            self.control("retain_actor", actor=actor, creator=known["creator"])
        return self._make_handle(actor, weak_ref)

    def get_actor_handle(self, actor_id: ActorID) -> Any:
        """ValueError: this process knows no such actor."""
        if actor_id.binary() not in self._actors:
            raise ValueError(f"this process has no handle of the actor {actor_id.hex()}")
        return self._make_handle(actor_id.binary(), weak_ref=True)

    def get_named_actor_handle(self, name: str, ray_namespace: str) -> Any:
        """ValueError: there is no such actor."""
        try:
            found = self.control("named_actor", name=name, namespace=ray_namespace)
            actor = found["actor"]
            known = self._actors.get(actor) or self._known_of_named(found, name)
        except CoreError as error:
            if error.args[0] != NOT_FOUND:
                raise ray_exception(error) from None
            known = None
        if known is None:
            raise ValueError(
                f"Failed to look up actor with name '{name}'. This could because 1. You are trying to look up a "
                "named actor you didn't create. 2. The named actor died. 3. You did not use a namespace matching "
                "the namespace of the actor."
            )
        self._actors[actor] = known
        return self._make_handle(actor, weak_ref=True)

    def _known_of_named(self, found: dict, name: str) -> dict | None:
        """What is to be known of an actor that was found by its name; None if its creator has not said so in time."""
        function = found["function"]
        deadline = time.monotonic() + KNOWN_SECONDS
        while (known := self.get_key(ACTOR_NAMESPACE, found["actor"])) is None:
            if language_of(function) == SWIFT or function[3] == CROSS_LANGUAGE:
                # Swift has created it, and says nothing else.
                return self.known_of(function, found["creator"], name)
            if time.monotonic() >= deadline:
                return None
            time.sleep(0.01)
        return msgpack.unpackb(known)

    def known_actor(self, actor: bytes) -> dict | None:
        """What this process knows of an actor: the fields of `create_actor`'s `known`."""
        return self._actors.get(actor)

    def known_of(self, function: list, creator: bytes, name: str, max_task_retries: int = 0) -> dict:
        """What is to be known of an actor that Swift has created."""
        if language_of(function) == SWIFT:
            # As Python names them: the module is a part of what is around a declaration.
            around = ".".join(part for part in function[:2] if part)
            function = ["", around, "init", CROSS_LANGUAGE, *function[4:]]
        return {
            "function": function,
            "max_task_retries": max_task_retries,
            "enable_task_events": True,
            "extension_data": "",
            "out_of_order": False,
            "job": self._job,
            "creator": creator,
            "name": name,
        }

    def _make_handle(self, actor: bytes, weak_ref: bool) -> Any:
        import ray
        from ray._private.worker import global_worker

        known = self._actors[actor]
        language = language_of(known["function"])
        descriptor = PythonFunctionDescriptor(*fields_in_order(known["function"]))
        if language == SWIFT:
            cls = None
        elif descriptor.function_hash == CROSS_LANGUAGE:
            cls = class_named(descriptor.module_name, descriptor.class_name)
        else:
            cls = global_worker.function_actor_manager.load_actor_class(ray.JobID(known["job"]), descriptor)
        methods = ray.actor._ActorClassMethodMetadata.create(cls, descriptor)
        return ray.actor.ActorHandle(
            language,
            ActorID(actor),
            known["max_task_retries"],
            known["enable_task_events"],
            methods.method_is_generator,
            methods.decorators,
            methods.signatures,
            methods.num_returns,
            methods.max_task_retries,
            methods.retry_exceptions,
            methods.generator_backpressure_num_objects,
            methods.num_objects_per_yield,
            methods.enable_task_events,
            False,
            methods.method_name_to_tensor_transport,
            int(known["extension_data"] or 0),
            descriptor,
            global_worker.current_cluster_and_job,
            weak_ref=weak_ref,
            allow_out_of_order_execution=known["out_of_order"],
            actor_generator_backpressure_num_objects=known.get("items_max", -1),
        )


def fields_in_order(function: list) -> tuple[str, str, str, str]:
    """The core's order of a descriptor's fields as the constructor takes them: module, function, class, hash."""
    module, cls, name, digest = function[:4]
    return module, name, cls, digest


def language_of(function: list) -> Language:
    """The language of a descriptor's fields."""
    return Language(function[4]) if len(function) > 4 else Language.PYTHON
