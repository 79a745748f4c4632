"""Functions and actors in Swift, as Python calls them.

    swift_ray.program("geometry")                  # a program with Swift's `Ray`, which calls ray.init()
    area = swift_ray.function("area")              # @Remote func area(width: Double, height: Double) -> Double
    ray.get(area.remote(3.0, 4.0))

    Counter = swift_ray.actor_class("Counter")     # @RemoteActor actor Counter
    counter = Counter.options(name="c").remote(0)  # its init
    ray.get(counter.increment.remote(2))

What comes back is a remote function and an actor class of Ray's, with `options` as ever. Arguments are given in order,
without labels; `swift_values.py` says which values both languages know. What Swift throws arrives as a `RayTaskError`
that is a `SwiftError`, too.
"""

import os
from collections.abc import Iterator
from typing import Any

import msgpack
import ray
from ray.actor import ActorClass
from ray.remote_function import RemoteFunction

from swift_ray._core import CoreError
from swift_ray.raylet.by_name import CROSS_LANGUAGE
from swift_ray.raylet.context import ray_worker
from swift_ray.raylet.core_error import ray_exception
from swift_ray.raylet.descriptors import PythonFunctionDescriptor
from swift_ray.raylet.language import SWIFT
from swift_ray.raylet.swift_values import serialize_for_swift

__all__ = ["SwiftError", "actor_class", "function", "program", "put"]


class SwiftError(Exception):
    """A function in Swift threw: `type_name` is the type of the error there."""

    def __init__(self, type_name: str, message: str) -> None:
        super().__init__(type_name, message)
        self.type_name = type_name
        self.message = message

    def __str__(self) -> str:
        return f"{self.type_name}: {self.message}"


def program(path: str | os.PathLike, *arguments: str) -> None:
    """Names the program whose functions and actors are called from here on, by its executable on this machine.

    It is sent to the cluster where that has no executable of the same content, and workers run it with these arguments.
    ValueError: no file that can be run.
    """
    _programs.use(os.path.abspath(os.fspath(path)), arguments)


def function(
    name: str, *, program: str | os.PathLike | None = None, generator: bool = False
) -> RemoteFunction:
    """A function marked `@Remote`, by its name: `area`.

    Labels say which of several it is (`area(width:height:)`), and so do types and the module around it
    (`Geometry.area`). Other programs than the usual are named by their path. One that returns a stream in Swift is a
    `generator`, and `remote` gives an `ObjectRefGenerator`.
    """
    around, _, own = name.partition("(")[0].rpartition(".")
    described = descriptor(own + name[len(name.partition("(")[0]) :], around)
    _programs.note(described, program)

    def swift_function(*arguments: Any) -> None:
        """Stands for a function in Swift."""

    def swift_generator(*arguments: Any) -> Iterator:
        """Stands for a function in Swift that gives items one after the other."""
        yield from ()

    stand_in = swift_generator if generator else swift_function
    stand_in.__name__ = stand_in.__qualname__ = name
    return RemoteFunction(SWIFT, stand_in, described, {})


def actor_class(name: str, *, program: str | os.PathLike | None = None) -> ActorClass:
    """A type marked `@RemoteActor`, with its module before it where several have the name."""
    described = descriptor("init", name)
    _programs.note(described, program)
    return ActorClass._ray_from_function_descriptor(SWIFT, described, {})


def put(value: Any) -> Any:
    """`ray.put` of a value that functions in Swift are to read, too; NumPy arrays without a copy at the reader's.

    TypeError: a value of no kind that both languages know.
    """
    return ray_worker().core_worker.put_object(serialize_for_swift(value))


def descriptor(name: str, around: str) -> PythonFunctionDescriptor:
    """Names a declaration in Swift: `around` are the types around it, and perhaps the module."""
    return PythonFunctionDescriptor("", name, around, CROSS_LANGUAGE)


class Programs:
    """Which program calls are for, and what the cluster knows of it.

    A process that names none looks into the key-value store, where others of its job put theirs: functions travel to
    workers inside of others.
    """

    NAMESPACE = "swift_ray_programs"

    def __init__(self) -> None:
        self._usual: tuple[str, tuple[str, ...]] | None = None
        # Functions and classes of other programs, by what is around them and their names.
        self._others: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {}
        # What was sent or found, by worker and file or name.
        self._known: dict[tuple, dict] = {}

    def use(self, path: str, arguments: tuple[str, ...]) -> None:
        check(path)
        self._usual = path, arguments
        if ray.is_initialized():
            self._sent(self._usual, b"", ray_worker().core_worker)

    def note(self, described: PythonFunctionDescriptor, path: str | os.PathLike | None) -> None:
        if path is not None:
            path = os.path.abspath(os.fspath(path))
            check(path)
            self._others[described.class_name, described.function_name] = path, ()

    def program_of(self, described: PythonFunctionDescriptor, core_worker: Any) -> dict | bool:
        """The program of a call as the core takes it; False for the program of the job.

        ValueError: nobody has named one.
        """
        name = described.class_name, described.function_name
        own = "\0".join(name).encode()
        if name in self._others:
            return self._sent(self._others[name], own, core_worker)
        if self._usual is not None:
            return self._sent(self._usual, b"", core_worker)
        text = os.environ.get("SWIFT_RAY_CALLER_PROGRAM")
        if text is not None:
            # Swift has called this worker: the program that did.
            return msgpack.unpackb(bytes.fromhex(text)) if text else False
        found = self._found(own, core_worker) or self._found(b"", core_worker)
        if found is None:
            raise ValueError(
                "no program in Swift is known: call swift_ray.program('/path/to/executable') after ray.init()"
            )
        return found

    def _sent(self, wanted: tuple[str, tuple[str, ...]], name: bytes, core_worker: Any) -> dict:
        """The program at a path, which is sent where its content is new."""
        path, arguments = wanted
        state = os.stat(path)
        content = (state.st_ino, state.st_size, state.st_mtime_ns)
        key = (core_worker.get_worker_id().binary(), name, path, arguments, content)
        if key not in self._known:
            from swift_ray.raylet.program import python_of_workers

            try:
                program = core_worker.control(
                    "send_program",
                    path=path,
                    arguments=list(arguments),
                    environment=python_of_workers(),
                    folder=os.getcwd(),
                )
                core_worker.put_key(self.NAMESPACE, self._key(name, core_worker), msgpack.packb(program))
            except CoreError as error:
                raise ray_exception(error) from None
            self._known[key] = program
        return self._known[key]

    def _found(self, name: bytes, core_worker: Any) -> dict | None:
        """What another process of the job has named."""
        key = (core_worker.get_worker_id().binary(), name)
        if key not in self._known:
            packed = core_worker.get_key(self.NAMESPACE, self._key(name, core_worker))
            if packed is None:
                return None
            self._known[key] = msgpack.unpackb(packed)
        return self._known[key]

    @staticmethod
    def _key(name: bytes, core_worker: Any) -> bytes:
        return core_worker.get_current_job_id().binary() + name


def check(path: str) -> None:
    if not os.access(path, os.X_OK) or os.path.isdir(path):
        raise ValueError(f"'{path}' is no program that can be run: build it with `swift build -c release`")


_programs = Programs()
