"""The functions, classes and actors that a worker has loaded."""

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

from ray._private.inspect_util import is_class_method, is_static_method

from swift_ray._native import ActorID, JobID
from swift_ray.raylet import by_name
from swift_ray.raylet.context import ray_worker
from swift_ray.raylet.descriptors import PythonFunctionDescriptor
from swift_ray.raylet.kinds import ACTOR_CREATION, NORMAL
from swift_ray.raylet.process_title import setproctitle
from swift_ray.raylet.surroundings import Surroundings


def descriptor_of(header: dict) -> PythonFunctionDescriptor:
    module, cls, name, digest = header["function"]
    return PythonFunctionDescriptor(module, name, cls, digest)


class Functions:
    """What the tasks of one core worker call."""

    def __init__(self, core_worker: Any, surroundings: Surroundings) -> None:
        self._core_worker = core_worker
        self._surroundings = surroundings
        self._is_configured = False
        # What was found for normal tasks and methods, by job and function.
        self._found: dict[tuple, Any] = {}
        # Whether the actor that lives here was created by the name of its class.
        self._is_class_by_name = False

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
        """A method of the actor that lives here, as Ray's executor of it finds it anew for each call."""
        instance, executor = self.instance(header), info.function
        method = executor.method
        is_bound = is_class_method(method) or is_static_method(type(instance), executor.name)
        return method if is_bound else functools.partial(method, instance)

    def forget(self) -> None:
        """Lets go of what was found."""
        self._found.clear()

    def instance(self, header: dict) -> Any:
        """The actor that lives here, whose constructor may not have run yet."""
        return ray_worker().actors[ActorID(header["actor"])]

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
            ray_worker().actors[ActorID(header["actor"])] = instance
            self._core_worker.became_actor(header, extras)
            setproctitle(f"ray::{cls.__name__}")
            self._surroundings.announce("actor_name", cls.__name__)
            self._is_class_by_name = is_by_name
        if header["kind"] != NORMAL and self._is_class_by_name:
            # Python's own callers may have found it by the actor's name, too.
            name = descriptor.function_name
            method = by_name.method_named(type(self.instance(header)), name)
            return self.info(manager._make_actor_method_executor(name, method), descriptor)
        return manager.get_execution_info(job, descriptor)

    @staticmethod
    def info(function: Callable, descriptor: PythonFunctionDescriptor) -> Any:
        """A function as Ray's manager gives it."""
        from ray._private.function_manager import FunctionExecutionInfo

        return FunctionExecutionInfo(function=function, function_name=descriptor.function_name, max_calls=0)
