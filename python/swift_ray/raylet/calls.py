"""Calls of remote functions."""

from typing import Any

import msgpack

from swift_ray import _core
from swift_ray._core import CoreError
from swift_ray._native import MessagePackSerializedObject, ObjectRef
from swift_ray.raylet import stepping
from swift_ray.raylet.context import parent
from swift_ray.raylet.core_error import INVALID_ARGUMENT, ray_exception
from swift_ray.raylet.language import SWIFT, Language
from swift_ray.raylet.serialization import serialize
from swift_ray.raylet.strategies import strategy_fields
from swift_ray.raylet.swift_values import serialize_for_swift

# Values over this many bytes go through the object store (`max_direct_call_object_size`).
INLINE_BYTES_MAX = 100 << 10
# Calls may be given a name each; templates of so many are remembered.
TEMPLATES_MAX = 10_000
# Marks an argument that is for the task loop and not for the function.
EXTRAS = b"EXTRAS"
# What the worker names an error that the call may be tried again for.
RETRYABLE = "retryable"
# Resources that come in devices (`predefined_unit_instance_resources`, `custom_unit_instance_resources`).
UNITS = {"GPU", "neuron_cores", "TPU", "NPU", "HPU", "RBLN", "FURIOSA", "TTNPU", "MBLT"}
DYNAMIC_RETURNS = -1
STREAMING_RETURNS = -2


def function_fields(descriptor: Any, language: Any = Language.PYTHON) -> list:
    """A function descriptor as the core carries it. NotImplementedError: the core runs no such language."""
    if language not in (Language.PYTHON, SWIFT):
        raise NotImplementedError(
            f"functions in {language!r} cannot be called: this core runs Python and Swift"
        )
    names = [
        descriptor.module_name,
        descriptor.class_name,
        descriptor.function_name,
        descriptor.function_hash,
    ]
    return names if language == Language.PYTHON else [*names, language.value()]


def default_name(descriptor: Any) -> str:
    """The name of a task that was given none: the function's, or class and method, without what they are nested in."""
    parts = (descriptor.class_name, descriptor.function_name)
    return ".".join(part.rpartition(".")[2] for part in parts if part)


def extras_argument(extras: dict) -> MessagePackSerializedObject:
    return MessagePackSerializedObject(EXTRAS, msgpack.packb(extras), [], None)


def amounts(resources: dict[str, float]) -> dict[str, float]:
    """What is asked for. ValueError: more than one GPU, or of its like, that is not a whole number, in Ray's words."""
    for name, amount in resources.items():
        if amount > 1 and amount != int(amount) and name in UNITS:
            raise ValueError(
                f"{name} resource quantities >1 must",
                f" be whole numbers. The specified quantity {amount} is invalid.",
            )
    return {name: amount for name, amount in resources.items() if amount}


class FunctionCalls:
    """The part of `CoreWorker` that submits tasks."""

    _address: bytes
    _templates: dict[Any, tuple[Any, int]]

    def arguments(self, args: list, extras: dict, descriptor: Any, language: Any = Language.PYTHON) -> list:
        """Each argument as `_core.submit` takes it: references as they are, values serialised, large ones put."""
        if language == SWIFT:
            return [self.argument_for_swift(arg, number, descriptor) for number, arg in enumerate(args, 1)]
        result: list = [extras_argument(extras)] if extras else []
        for arg in args:
            if isinstance(arg, ObjectRef):
                result.append(arg)
                continue
            try:
                serialized = serialize(arg)
            except TypeError as error:
                import io

                from ray.util import inspect_serializability

                sink = io.StringIO()
                inspect_serializability(arg, print_file=sink)
                raise TypeError(
                    f"Could not serialize the argument {arg!r} for a task or actor {descriptor.repr}:\n{sink.getvalue()}"
                ) from error
            if serialized.total_bytes > INLINE_BYTES_MAX:
                serialized = self.put_object(serialized)
            result.append(serialized)
        return result

    def argument_for_swift(self, arg: Any, number: int, descriptor: Any) -> Any:
        """An argument as Swift reads it. TypeError: it cannot be."""
        if isinstance(arg, ObjectRef):
            return arg
        try:
            serialized = serialize_for_swift(arg)
        except TypeError as error:
            raise TypeError(f"argument {number} of {descriptor.function_name}: {error}") from None
        return self.put_object(serialized) if serialized.total_bytes > INLINE_BYTES_MAX else serialized

    def new_template(self, key: Any, description: dict) -> tuple[Any, int]:
        """A template and the number of its results, which are found in `_templates` by the key from now on."""
        if len(self._templates) >= TEMPLATES_MAX:
            self._templates.clear()
        found = _core.template(msgpack.packb(description)), max(1, description["returns"])
        self._templates[key] = found
        return found

    def submit_task(
        self,
        language: Any,
        function_descriptor: Any,
        args: list,
        name: str,
        num_returns: int,
        resources: dict[str, float],
        max_retries: int,
        retry_exceptions: bool,
        retry_exception_allowlist: tuple | None,
        scheduling_strategy: Any,
        debugger_breakpoint: bytes,
        serialized_runtime_env_info: str,
        generator_backpressure_num_objects: int,
        num_objects_per_yield: int,
        enable_task_events: bool,
        labels: dict | None,
        label_selector: dict | None,
        fallback_strategy: list | None,
    ) -> list[ObjectRef]:
        """The references of the results, at once; what goes wrong is their value. A generator has one reference."""
        strategy = strategy_fields(scheduling_strategy, label_selector, fallback_strategy)
        environment, program = self.environment_of_call(
            serialized_runtime_env_info, language, function_descriptor
        )
        extras = extras_of(retry_exception_allowlist, num_returns, num_objects_per_yield, retry_exceptions)
        if debugger_breakpoint:
            # A text if it comes from the debugger itself.
            extras[stepping.BREAKPOINT] = (
                debugger_breakpoint
                if isinstance(debugger_breakpoint, bytes)
                else debugger_breakpoint.encode()
            )
        key = (
            function_descriptor,
            name,
            num_returns,
            frozenset(resources.items()),
            max_retries,
            bool(retry_exceptions),
            generator_backpressure_num_objects,
            None if strategy is None else msgpack.packb(strategy),
            serialized_runtime_env_info,
            program,
            enable_task_events,
        )
        try:
            call, count = self._templates.get(key) or self.new_template(
                key,
                {
                    "function": function_fields(function_descriptor, language),
                    "name": name or default_name(function_descriptor),
                    "returns": max(1, num_returns) if num_returns < 0 else num_returns,
                    "resources": amounts(resources),
                    "max_retries": max_retries,
                    "retry_exceptions": [RETRYABLE] if retry_exceptions else None,
                    "strategy": strategy,
                    "environment": environment(),
                    "traced": enable_task_events,
                    **items_fields(num_returns, generator_backpressure_num_objects),
                },
            )
            arguments = self.arguments(args, extras, function_descriptor, language)
            references = _core.submit(call, None, parent(), arguments, self._address, count)
            return self.limit_stream(references, generator_backpressure_num_objects)
        except CoreError as error:
            raise ray_exception(error) from None

    def cancel_task(self, object_ref: ObjectRef, force_kill: bool, recursive: bool) -> None:
        """Ends the task that makes the object; nothing happens if it has ended."""
        try:
            self.control("cancel", object=object_ref.binary(), force=force_kill, recursive=recursive)
        except CoreError as error:
            if error.args[0] == INVALID_ARGUMENT and force_kill:
                raise ValueError("force=True is not supported for actor tasks.") from None
            raise ray_exception(error) from None


def items_fields(num_returns: int, backpressure: int, actor_backpressure: int = 0) -> dict:
    """How the items of a generator are sent: read one by one, or gathered in its result."""
    if num_returns == STREAMING_RETURNS:
        return {"backpressure": max(0, backpressure), "actor_backpressure": max(0, actor_backpressure)}
    return {"backpressure": 0, "gathered": True} if num_returns == DYNAMIC_RETURNS else {}


def extras_of(
    allowlist: tuple | None, num_returns: int, num_objects_per_yield: int, retry_exceptions: bool
) -> dict:
    """What the worker must know beside the call, if anything."""
    extras: dict = {}
    if allowlist:
        import ray.cloudpickle as pickle

        extras["retry_on"] = pickle.dumps(tuple(allowlist))
    if num_returns == DYNAMIC_RETURNS:
        extras["dynamic"] = True
    if retry_exceptions and num_returns not in (0, 1, STREAMING_RETURNS):
        extras["retry"] = True
    if num_objects_per_yield > 1:
        extras["per_yield"] = num_objects_per_yield
    return extras
