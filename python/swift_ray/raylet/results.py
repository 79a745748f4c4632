"""What comes of a task: values, items of generators, errors."""

import asyncio
import inspect
import itertools
import logging
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import msgpack

from swift_ray import _core
from swift_ray._native import ObjectRef, TaskID
from swift_ray.raylet import by_name, stepping
from swift_ray.raylet.calls import RETRYABLE
from swift_ray.raylet.config import value as setting
from swift_ray.raylet.context import ray_worker
from swift_ray.raylet.functions import Functions
from swift_ray.raylet.kinds import ACTOR_CALL, ACTOR_CREATION
from swift_ray.raylet.objects import TASK_EXECUTION
from swift_ray.raylet.printed import flush_printed
from swift_ray.raylet.serialization import serialize
from swift_ray.raylet.swift_values import serialize_for_swift
from swift_ray.raylet.task_context import NumReturnsWarning, StreamingGeneratorStats
from swift_ray.raylet.tracebacks import lines_of, printable, said

logger = logging.getLogger("ray._raylet")


def item_id(task: bytes, index: int) -> bytes:
    """The id of item `index` (from 0) of a generator: behind that of its one result."""
    return task + (index + 2).to_bytes(4, "little")


def refuse_no_generator(kind: str) -> NoReturn:
    """ValueError: a function whose items are wanted has returned something else."""
    raise ValueError(f'Functions with @ray.remote(num_returns="{kind}" must return a generator')


def serializer_of(header: dict) -> Callable[[Any], Any]:
    """What makes objects of a call's results, so that the caller's language can read them."""
    return serialize_for_swift if by_name.is_by_name(header) else serialize


class Items:
    """What a streaming generator gives, one object for each item or each of several in a list."""

    def __init__(self, extras: dict) -> None:
        # How many objects each value that is yielded stands for.
        self.per_yield = extras.get("per_yield", 1)
        self._count_max = setting("max_num_generator_returns")
        self._count = 0

    def of(self, value: Any) -> Iterator[Any]:
        """The items of what was yielded. ValueError: they are too many."""
        for item in value if self.per_yield > 1 else (value,):
            self._count += 1
            if self._count > self._count_max:
                raise ValueError(
                    f"a generator gives at most {self._count_max} items (RAY_max_num_generator_returns)"
                )
            yield item


class Results:
    """Of the tasks of one core worker."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def drain(self, task: Any, items: Any, header: dict, extras: dict) -> None:
        """Sends each item of a generator as it comes; the generator is told how long that took, as by Ray."""
        serialize = serializer_of(header)
        stats = None
        yielded = Items(extras)
        while True:
            if header["asks"]:
                _core.admit_items(task, yielded.per_yield)
            try:
                value = items.send(stats)
            except StopIteration:
                return
            start = time.perf_counter()
            for item in yielded.of(value):
                _core.yield_item(task, serialize(item))
            stats = StreamingGeneratorStats(time.perf_counter() - start)

    def gather(self, task: Any, items: Any, header: dict, extras: dict) -> Any:
        """Sends all items of a generator, and gives one value with references to them (`num_returns="dynamic"`).

        They belong to the caller. An error is the last item, unless the task may be tried again for it.
        """
        from ray._raylet import DynamicObjectRefGenerator

        if not inspect.isgenerator(items):
            refuse_no_generator("dynamic")
        references: deque = deque()
        is_last = False
        while not is_last:
            try:
                value = next(items)
            except StopIteration:
                break
            except Exception as error:
                if extras.get("retry"):
                    raise
                value, is_last = self.failure(header, error), True
            _core.yield_item(task, serialize(value))
            references.append(ObjectRef(item_id(header["task"], len(references)), header["owner"]))
        return DynamicObjectRefGenerator(references)

    def collect(self, items: Any, header: dict, extras: dict) -> list:
        """The items of a generator as the declared results; those over their number are dropped, as in Ray.

        An error stands in place of what does not come, unless the task may be tried again for it.
        """
        count = header["returns"]
        values: list = []
        try:
            values.extend(itertools.islice(items, count))
            if len(values) < count:
                raise ValueError(f"Task returned {len(values)} objects, but num_returns={count}.")
        except Exception as error:
            if extras.get("retry") or not values:
                raise
            values += [self.failure(header, error)] * (count - len(values))
        return values

    def finish(self, task: Any, header: dict, outputs: Any) -> None:
        """Stores one object for each declared result.

        ValueError: the function returned another number of values.
        """
        count = header["returns"]
        if count == 1 or header["generator"] is not None:
            values = [outputs]
        elif count == 0:
            if outputs is not None:
                warnings.warn(
                    f"Task '{header['shown']}' has num_returns=0 but returned a non-None value. "
                    "The return value will be ignored.",
                    NumReturnsWarning,
                    stacklevel=2,
                )
            values = []
        else:
            values = list(outputs)
            if len(values) != count:
                raise ValueError(f"Task returned {len(values)} objects, but num_returns={count}.")
        serialize = serializer_of(header)
        self.send(task, [serialize(value) for value in values])

    @staticmethod
    def send(task: Any, results: list) -> None:
        """Ends a task with its results, serialized."""
        stepping.mark(results)
        flush_printed()
        _core.finish_task(task, results)

    def send_value(self, task: Any, value: Any) -> None:
        """Ends a task with its one result."""
        if stepping.is_marking():
            self.send(task, [serialize(value)])
            return
        flush_printed()
        if not _core.finish_plain(task, value):
            # Its pickling is code of others, which may print, too.
            self.send(task, [ray_worker().get_serialization_context().serialize(value)])

    def failure(self, header: dict, error: BaseException) -> Any:
        """The error as its readers get it."""
        from ray.exceptions import RayTaskError, TaskCancelledError

        name = header["shown"]
        cause = error
        if isinstance(error, RayTaskError):
            # Of a task that this one waited for: Ray's exceptions can be of the class of one cause only.
            cause = error.cause
        elif isinstance(error, KeyboardInterrupt) or self._is_of_cancel(header, error):
            # Readers find the same at the end of the traceback, as with Ray.
            cause = error = TaskCancelledError(TaskID(header["task"])).with_traceback(error.__traceback__)
        return RayTaskError(
            name,
            "".join(lines_of(error)),
            cause,
            proctitle=f"ray::{name}",
            actor_repr=self._actor_repr(header),
            actor_id=header["actor"].hex() if header["actor"] else None,
        )

    @staticmethod
    def _is_of_cancel(header: dict, error: BaseException) -> bool:
        """Whether a coroutine has been cancelled; functions may raise that error for reasons of their own."""
        is_coroutine = header["kind"] == ACTOR_CALL and ray_worker().core_worker.current_actor_is_asyncio()
        return is_coroutine and isinstance(error, asyncio.CancelledError)

    def fail(self, task: Any, header: dict, extras: dict, error: BaseException) -> None:
        """Stores the error in place of every result, whatever its own code does."""
        from ray.exceptions import ActorDiedError, RayTaskError

        try:
            failure = self.failure(header, error)
            payload = _core.pack(serialize(failure))
        except Exception as problem:
            # The cause cannot be pickled: its words go alone.
            failure = RayTaskError(
                header["shown"],
                printable("".join(lines_of(error))),
                RuntimeError(f"{said(repr, error)} (not serialised: {said(str, problem)})"),
            )
            payload = _core.pack(serialize(failure))
        is_retryable = isinstance(error, Exception) and self._is_retryable(extras, error)
        description = {
            "type": TASK_EXECUTION,
            "message": f"{type(error).__name__}: {said(str, error)}"[:500],
            "type_name": RETRYABLE if is_retryable else "",
            "function": header["shown"],
            "payload": payload,
        }
        if by_name.is_by_name(header):
            description |= by_name.description(error)
        if header["kind"] == ACTOR_CREATION:
            # Who does not call the actor would not hear of it.
            death = said(str, ActorDiedError.from_task_error(failure))
            logger.error("Exception raised in creation task: %s", death)
        flush_printed()
        _core.fail_task(task, msgpack.packb(description))

    def _actor_repr(self, header: dict) -> str | None:
        """The actor as it shows itself."""
        if not header["actor"]:
            return None
        try:
            return repr(self._functions.instance(header))
        except Exception:
            # It is not there, or does not know how.
            return header["function"][1]

    @staticmethod
    def _is_retryable(extras: dict, error: Exception) -> bool:
        if "retry_on" not in extras:
            return True
        import ray.cloudpickle as pickle

        try:
            return isinstance(error, pickle.loads(extras["retry_on"]))
        except Exception:
            # The classes are not to be had here.
            logger.exception("the exceptions to try again for cannot be read: the task is not tried again")
            return False
