"""One task, from its arguments to its results."""

import asyncio
import atexit
import contextlib
import inspect
import itertools
import os
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any, NoReturn

import msgpack
from ray._private import client_mode_hook

from swift_ray import _core
from swift_ray._core import CoreError
from swift_ray._native import ActorID, JobID, ObjectRef
from swift_ray.raylet import by_name, context
from swift_ray.raylet.calls import EXTRAS, RETRYABLE
from swift_ray.raylet.config import value as setting
from swift_ray.raylet.context import ray_worker
from swift_ray.raylet.descriptors import PythonFunctionDescriptor
from swift_ray.raylet.printed import flush_printed
from swift_ray.raylet.process_title import setproctitle
from swift_ray.raylet.serialization import deserialize, serialize
from swift_ray.raylet.swift_values import serialize_for_swift
from swift_ray.raylet.task_context import StreamingGeneratorStats
from swift_ray.raylet.tracebacks import lines_of
from swift_ray.services import shutdown_at_exit

# The first bytes of an object say how long its MessagePack part is (`unpack.c`).
HEADER_BYTES = 9
ACTOR_DIED = 1
TASK_EXECUTION = 3
# How long a process that is to end waits for what was registered with `atexit`.
EXIT_SECONDS = 5
SETTLE_SECONDS = 0.05
# How long an actor may take for its own end (Ray's `actor_graceful_shutdown_timeout_ms`).
FAREWELL_SECONDS = 30
NORMAL, ACTOR_CREATION, ACTOR_CALL = 0, 1, 2
# Tasks may be given a name each; descriptions of so many are remembered.
DESCRIPTIONS_MAX = 1_000


def descriptor_of(header: dict) -> PythonFunctionDescriptor:
    module, cls, name, digest = header["function"]
    return PythonFunctionDescriptor(module, name, cls, digest)


def item_id(task: bytes, index: int) -> bytes:
    """The id of item `index` (from 0) of a generator: behind that of its one result."""
    return task + (index + 2).to_bytes(4, "little")


def serializer_of(header: dict) -> Callable[[Any], Any]:
    """What makes objects of a call's results, so that the caller's language can read them."""
    return serialize_for_swift if by_name.is_by_name(header) else serialize


def is_exit(error: BaseException) -> bool:
    """Whether the task asked for the end of its process, or of the actor that lives there."""
    from ray.exceptions import AsyncioActorExit

    return isinstance(error, (SystemExit, AsyncioActorExit))


def run_exit_functions() -> None:
    """Runs what user code has registered with `atexit`; the runtime's own end comes later."""
    atexit.unregister(shutdown_at_exit)
    # It has printed what they raised.
    with contextlib.suppress(Exception):
        atexit._run_exitfuncs()


def prepare_end(code: int) -> None:
    """Does what was registered with `atexit`; the process ends in EXIT_SECONDS even if that takes longer."""
    threading.Timer(EXIT_SECONDS, os._exit, (code,)).start()
    run_exit_functions()
    sys.stdout.flush()
    sys.stderr.flush()


def end_process(code: int) -> NoReturn:
    """Ends this process after what was registered with `atexit`, and when its last results are on their way."""
    prepare_end(code)
    _core.close()
    os._exit(code)


def crash(code: int) -> NoReturn:
    """Ends this process, on any thread, as one that user code has ended while calls were under way."""
    prepare_end(code)
    # Results of calls that have ended leave within milliseconds by themselves.
    time.sleep(SETTLE_SECONDS)
    os._exit(code)


class Execution:
    """Runs tasks of one core worker."""

    def __init__(self, core_worker: Any) -> None:
        self._core_worker = core_worker
        self._is_configured = False
        self._calls: dict[Any, int] = {}
        # What was found for normal tasks and methods, by job and function.
        self._found: dict[tuple, Any] = {}
        # What tasks are, less their ids and tries, by the number that those have in common which differ in no more.
        self._descriptions: dict[int, dict] = {}
        # Whether the process is titled by a task that has ended: the next one may be here already.
        self.has_title = False
        self._idle_title = "ray::IDLE"
        # The resources whose surroundings are in force, and how to undo them.
        self._surrounded: dict[str, float] | None = None
        self._is_omp_set = False
        # Whether the actor that lives here was created by the name of its class.
        self._is_class_by_name = False
        # What `announce` printed last.
        self._announced = "", ""

    def run(self, task: Any, header: dict) -> None:
        """Runs a task on this thread and ends it, whatever happens."""
        before = context.enter(self.running(task, header))
        # As `disable_client_hook` does, which costs as much as the rest of a small task.
        status = client_mode_hook._disable_client_hook()
        try:
            self._run(task, header)
        finally:
            client_mode_hook._set_client_hook_status(status)
            context.enter(before)

    def header_of(self, task: Any) -> dict:
        """What a task is: its description (`DescribedCall.swift`), names, id and try."""
        described = self._descriptions.get(task.call)
        if described is None:
            described = self._described(task)
        return {**described, "task": task.id, "attempt": task.attempt}

    def _described(self, task: Any) -> dict:
        described = msgpack.unpackb(_core.task_description(task))
        module, cls, name, _ = described["function"]
        # What the task is called, and its function, as in Ray without what that is nested in.
        short = ".".join(part for part in (cls.rpartition(".")[2], name.rpartition(".")[2]) if part)
        described["shown"] = described["name"] or short
        described["function_name"] = ".".join(part for part in (module, short) if part)
        described["title"] = f"ray::{described['shown']}"
        described["key"] = (described["job"], *described["function"])
        if len(self._descriptions) >= DESCRIPTIONS_MAX:
            self._descriptions.clear()
        self._descriptions[task.call] = described
        return described

    @staticmethod
    def running(task: Any, header: dict) -> context.RunningTask:
        """The task for those that ask what runs here."""
        return context.RunningTask(
            header["task"],
            header["shown"],
            header["function_name"],
            header["attempt"],
            header["actor"],
            header["resources"],
            header["placement"],
            task,
        )

    def _run(self, task: Any, header: dict) -> None:
        extras, arguments = self.split(task)
        cancellation = self._core_worker._cancellation
        try:
            self.configure(header["job"])
            function, max_calls = self.find(header, extras)
            args, kwargs = self.recover(arguments, header, extras)
            if header["kind"] == NORMAL:
                cancellation.interruptible = header["task"]
            try:
                outputs = self.surrounded(task, function, header, extras, args, kwargs)
            finally:
                cancellation.interruptible = None
                self._count(header, max_calls)
            if header["kind"] == ACTOR_CREATION:
                self.announce_actor(header)
            self.finish(task, header, outputs)
        except BaseException as error:
            cancellation.interruptible = None
            if is_exit(error):
                self.exit(task, header, error)
            else:
                self.fail(task, header, extras, error)

    @staticmethod
    def split(task: Any) -> tuple[dict, list]:
        """What is for the loop, and the function's own arguments."""
        arguments = task.arguments
        if arguments and arguments[0][1] == EXTRAS:
            return (
                msgpack.unpackb(arguments[0][0].to_pybytes()[HEADER_BYTES:], strict_map_key=False),
                arguments[1:],
            )
        return {}, arguments

    def configure(self, job: bytes) -> None:
        """Once: paths and logging as the driver has them."""
        if self._is_configured:
            return
        self._is_configured = True
        from ray._private.worker import global_worker

        config = self._core_worker.get_job_config()
        for path in config.code_search_path:
            sys.path.insert(0, os.path.dirname(path) if os.path.isfile(path) else path)
        for path in config.py_driver_sys_path:
            if path not in sys.path:
                sys.path.insert(0, path)
        global_worker.set_load_code_from_local(len(config.code_search_path) > 0)
        global_worker.set_cached_job_id(JobID(job))
        if config.serialized_py_logging_config:
            import pickle

            pickle.loads(config.serialized_py_logging_config)._apply()

    def find(self, header: dict, extras: dict) -> tuple[Any, int]:
        """The function to call, and after how many calls the process ends (0: never)."""
        key = header["key"]
        found = self._found.get(key)
        if found is None or header["kind"] == ACTOR_CREATION:
            info = self.load(header, extras)
            found = (
                (info.function, info.max_calls)
                if header["kind"] == NORMAL
                else (self._bound(info, header), 0)
            )
            self._found[key] = found
        return found

    def _bound(self, info: Any, header: dict) -> Callable:
        """A method of the actor that lives here."""
        instance = self._instance(header)

        def method(*args: Any, **kwargs: Any) -> Any:
            return info.function(instance, *args, **kwargs)

        method.name = info.function_name
        method.method = info.function
        return method

    def _instance(self, header: dict) -> Any:
        """The actor that lives here, whose constructor may not have run yet."""
        return ray_worker().actors[self._core_worker_actor(header)]

    def load(self, header: dict, extras: dict) -> Any:
        """Loads a function or, with its instance, an actor's class."""
        manager = ray_worker().function_actor_manager
        descriptor = descriptor_of(header)
        job = JobID(header["job"])
        is_by_name = by_name.is_by_name(header)
        if header["kind"] == NORMAL and is_by_name:
            return self.info(
                by_name.function_named(descriptor.module_name, descriptor.function_name), descriptor
            )
        if header["kind"] == ACTOR_CREATION:
            if is_by_name:
                cls = by_name.class_named(descriptor.module_name, descriptor.class_name)
                extras["asyncio"] = by_name.has_coroutines(cls)
                known = self._core_worker.known_of(
                    header["function"],
                    extras.get("creator", b""),
                    extras.get("name", ""),
                    extras.get("max_task_retries", 0),
                )
                extras["known"] = known
            else:
                cls = manager.load_actor_class(job, descriptor)
            instance = cls.__new__(cls)
            ray_worker().actors[self._core_worker_actor(header)] = instance
            self._core_worker.became_actor(header, extras)
            setproctitle(f"ray::{cls.__name__}")
            self.announce("actor_name", cls.__name__)
            self._is_class_by_name = is_by_name
        if header["kind"] != NORMAL and self._is_class_by_name:
            # Python's own callers may have found it by the actor's name, too.
            name = descriptor.function_name
            method = by_name.method_named(type(self._instance(header)), name)
            return self.info(manager._make_actor_method_executor(name, method), descriptor)
        return manager.get_execution_info(job, descriptor)

    @staticmethod
    def info(function: Callable, descriptor: PythonFunctionDescriptor) -> Any:
        """A function as Ray's manager gives it."""
        from ray._private.function_manager import FunctionExecutionInfo

        return FunctionExecutionInfo(function=function, function_name=descriptor.function_name, max_calls=0)

    @staticmethod
    def _core_worker_actor(header: dict) -> Any:
        return ActorID(header["actor"])

    @staticmethod
    def recover(arguments: list, header: dict, extras: dict) -> tuple[list, dict]:
        """The arguments as they were given; an argument that is an error is raised."""
        if not arguments:
            return [], {}
        from ray._common import signature
        from ray.exceptions import RayError

        values = deserialize(arguments)
        for value in values:
            if isinstance(value, RayError):
                raise value
        if by_name.is_by_name(header):
            return by_name.arguments_of(values, extras)
        return signature.recover_args(values)

    def surrounded(
        self, task: Any, function: Any, header: dict, extras: dict, args: list, kwargs: dict
    ) -> Any:
        """`produce` with what a task finds around it: accelerators, threads of libraries, process title."""
        if header["kind"] == ACTOR_CALL:
            setproctitle(header["title"])
            result = self.produce(task, function, header, extras, args, kwargs)
            self.leave_title(f"ray::{header['function'][1]}")
            return result
        if header["kind"] == NORMAL:
            self.announce("task_name", header["shown"])
        visible = self.surround(header["resources"])
        setproctitle(header["title"])
        try:
            return self.produce(task, function, header, extras, args, kwargs)
        finally:
            if header["kind"] == NORMAL:
                self.leave_title("ray::IDLE")
                if visible:
                    import ray._private.utils as utils

                    utils.reset_visible_accelerator_env_vars(visible)

    def leave_title(self, idle: str) -> None:
        """The task has ended: the loop titles the process anew when there is no other, at the latest in SLICE_MS."""
        self.has_title, self._idle_title = True, idle

    def set_idle_title(self) -> None:
        self.has_title = False
        setproctitle(self._idle_title)

    def announce_actor(self, header: dict) -> None:
        """An actor whose class says how it is shown is named so from here on."""
        instance = self._instance(header)
        if "__repr__" in type(instance).__dict__:
            self.announce("actor_name", repr(instance))

    def announce(self, kind: str, name: str) -> None:
        """Prints whose output follows, where that changes: drivers put it in front of the lines."""
        if self._announced == (kind, name):
            return
        self._announced = kind, name
        for stream in (sys.stdout, sys.stderr):
            print(f":{kind}:{name}", file=stream, flush=True)

    def surround(self, resources: dict[str, float]) -> dict:
        """Sets variables of the environment for a task; returns those of accelerators, as they were before.

        Without accelerators the next task with the same resources finds everything in place.
        """
        if resources == self._surrounded:
            return {}
        import ray._private.utils as utils

        if self._is_omp_set:
            os.environ.pop("OMP_NUM_THREADS", None)
        visible = utils.set_visible_accelerator_ids()
        self._is_omp_set = utils.set_omp_num_threads_if_unset()
        self._surrounded = None if visible else resources
        return visible

    def produce(self, task: Any, function: Any, header: dict, extras: dict, args: list, kwargs: dict) -> Any:
        """Calls the function and, if that is a generator, takes its items."""
        outputs = self.call(function, header, args, kwargs)
        if extras.get("dynamic"):
            return self.gather(task, outputs, header, extras)
        if not inspect.isgenerator(outputs):
            return outputs
        if header["generator"] is not None:
            return self.drain(task, outputs, header, extras)
        values = self.collect(outputs, header, extras)
        return values[0] if header["returns"] == 1 else values

    def call(self, function: Any, header: dict, args: list, kwargs: dict) -> Any:
        loops = self._core_worker._loops
        if header["kind"] == ACTOR_CREATION and loops is not None:
            result = loops.run_now(function, args, kwargs)
        else:
            result = function(*args, **kwargs)
        if self._core_worker._exiting and self._core_worker.get_current_actor_should_exit():
            raise SystemExit(0)
        return result

    # Ends

    def drain(self, task: Any, items: Any, header: dict, extras: dict) -> None:
        """Sends each item of a generator as it comes; the generator is told how long that took, as by Ray."""
        per_yield = extras.get("per_yield", 1)
        serialize = serializer_of(header)
        stats = None
        count, count_max = 0, setting("max_num_generator_returns")
        while True:
            try:
                value = items.send(stats)
            except StopIteration:
                return
            start = time.perf_counter()
            for item in value if per_yield > 1 else (value,):
                count += 1
                if count > count_max:
                    raise ValueError(
                        f"a generator gives at most {count_max} items (RAY_max_num_generator_returns)"
                    )
                _core.yield_item(task, serialize(item))
            stats = StreamingGeneratorStats(time.perf_counter() - start)

    def gather(self, task: Any, items: Any, header: dict, extras: dict) -> Any:
        """Sends all items of a generator, and gives one value with references to them (`num_returns="dynamic"`).

        They belong to the caller. An error is the last item, unless the task may be tried again for it.
        """
        from ray._raylet import DynamicObjectRefGenerator

        if not inspect.isgenerator(items):
            raise ValueError('Functions with @ray.remote(num_returns="dynamic" must return a generator')
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
        else:
            values = list(outputs) if outputs is not None or count else []
            if len(values) != count:
                raise ValueError(f"Task returned {len(values)} objects, but num_returns={count}.")
        serialize = serializer_of(header)
        results = [serialize(value) for value in values]
        flush_printed()
        _core.finish_task(task, results)

    def failure(self, header: dict, error: BaseException) -> Any:
        """The error as its readers get it."""
        from ray.exceptions import RayTaskError, TaskCancelledError

        name = header["shown"]
        cause = error
        if isinstance(error, RayTaskError):
            # Of a task that this one waited for: Ray's exceptions can be of the class of one cause only.
            cause = error.cause
        elif isinstance(error, (KeyboardInterrupt, asyncio.CancelledError)):
            cause = TaskCancelledError(context_task_id(header))
        return RayTaskError(
            name,
            "".join(lines_of(error)),
            cause,
            proctitle=f"ray::{name}",
            actor_repr=self._actor_repr(header),
            actor_id=header["actor"].hex() if header["actor"] else None,
        )

    def fail(self, task: Any, header: dict, extras: dict, error: BaseException) -> None:
        """Stores the error in place of every result."""
        from ray.exceptions import RayTaskError

        failure = self.failure(header, error)
        try:
            payload = _core.pack(serialize(failure))
        except Exception as problem:
            # The cause cannot be pickled: its words go alone.
            failure = RayTaskError(
                failure.function_name,
                failure.traceback_str,
                RuntimeError(f"{error!r} (not serialised: {problem})"),
            )
            payload = _core.pack(serialize(failure))
        is_retryable = isinstance(error, Exception) and self._is_retryable(extras, error)
        description = {
            "type": TASK_EXECUTION,
            "message": f"{type(error).__name__}: {error}"[:500],
            "type_name": RETRYABLE if is_retryable else "",
            "function": failure.function_name,
            "payload": payload,
        }
        if by_name.is_by_name(header):
            description |= by_name.description(error)
        flush_printed()
        _core.fail_task(task, msgpack.packb(description))

    def _actor_repr(self, header: dict) -> str | None:
        """The actor as it shows itself."""
        if not header["actor"]:
            return None
        try:
            return repr(self._instance(header))
        except Exception:
            # It is not there, or does not know how.
            return header["function"][1]

    @staticmethod
    def _is_retryable(extras: dict, error: Exception) -> bool:
        if "retry_on" not in extras:
            return True
        import ray.cloudpickle as pickle

        return isinstance(error, pickle.loads(extras["retry_on"]))

    def exit(self, task: Any, header: dict, exit: BaseException) -> None:
        """The function ended the process: an actor's calls under way end first, all others count as crashed.

        The caller is told of the actor's death, as all that come after it. What is to be done at the end comes when
        all calls have ended (`farewell`).
        """
        code = getattr(exit, "code", 0)
        if self._core_worker._actor is not None:
            if code != 0:
                # As in Ray a crash: it may be started again.
                crash(code if isinstance(code, int) else 1)
            if header["kind"] == ACTOR_CREATION:
                # There will be no farewell: the raylet kills the process of an actor that did not come to life.
                run_exit_functions()
            with contextlib.suppress(CoreError):
                self._core_worker.control("exit_actor", task=header["task"])
            how = getattr(exit, "ray_terminate_msg", "exit_actor() is called.")
            end = msgpack.packb({"type": ACTOR_DIED, "message": f"The actor ended itself: {how}"})
            _core.fail_task(task, end)
            self._core_worker.end_coroutines(end)
            return
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)

    def farewell(self) -> None:
        """The actor's calls have ended, and so does it: its own `__ray_shutdown__` runs, and what `atexit` has.

        The raylet kills the process as soon as the cluster knows that the actor has ended.
        """
        limit = threading.Timer(FAREWELL_SECONDS, os._exit, (0,))
        limit.daemon = True
        limit.start()
        instance = ray_worker().actors.get(ActorID(self._core_worker._actor))
        try:
            if hasattr(instance, "__ray_shutdown__"):
                instance.__ray_shutdown__()
        except Exception:
            traceback.print_exc()
        run_exit_functions()
        limit.cancel()
        sys.stdout.flush()
        sys.stderr.flush()
        self._core_worker.control("farewell_said")

    def _count(self, header: dict, max_calls: int) -> None:
        """Says that this is the last task here when the function has been called often enough."""
        if not max_calls:
            return
        key = tuple(header["function"])
        self._calls[key] = self._calls.get(key, 0) + 1
        if self._calls[key] >= max_calls:
            self._core_worker.control("retire")


def context_task_id(header: dict) -> Any:
    from swift_ray._native import TaskID

    return TaskID(header["task"])
