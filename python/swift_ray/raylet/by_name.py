"""Functions and classes that another language calls by their names, and what it is told of their errors."""

import functools
import importlib
import inspect
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from swift_ray.raylet.tracebacks import lines_of, printable, said

# The hash of what another language calls (`FunctionDescriptor.crossLanguage`, Swift).
CROSS_LANGUAGE = "XLANG"


def is_by_name(header: dict) -> bool:
    """Whether another language has made the call."""
    return header["function"][3] == CROSS_LANGUAGE


def module_named(name: str) -> ModuleType:
    """ImportError: there is no such module, or it fails while it is loaded."""
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise ImportError(
            f"the module '{name}' cannot be imported by the worker ({type(error).__name__}: {error}); it is looked for "
            "in the folder of the program that calls it, in PYTHONPATH and in the runtime environment's working_dir: "
            + ", ".join(path or "." for path in sys.path)
        ) from error


def attribute(module: str, name: str, what: str) -> Any:
    """A function or class, perhaps inside of a class. AttributeError: there is none of that name."""
    found: Any = module_named(module)
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise AttributeError(
                f"the module '{module}' ({getattr(sys.modules[module], '__file__', 'built in')}) has no {what} '{name}'"
            ) from None
    return found


def function_named(module: str, name: str) -> Callable:
    """TypeError: what has the name cannot be called."""
    from ray.remote_function import RemoteFunction

    found = attribute(module, name, "function")
    if isinstance(found, RemoteFunction):
        return found._function
    if not callable(found):
        raise TypeError(f"'{module}.{name}' is no function but a {type(found).__qualname__}")
    return found


@functools.cache
def class_named(module: str, name: str) -> type:
    """The class as Ray makes actors of it. TypeError: what has the name is no class."""
    import ray.actor

    found = attribute(module, name, "class")
    if isinstance(found, ray.actor.ActorClass):
        return found.__ray_metadata__.modified_class
    if not inspect.isclass(found):
        raise TypeError(f"'{module}.{name}' is no class but a {type(found).__qualname__}")
    return ray.actor._modify_class(found)


def method_named(cls: type, name: str) -> Callable:
    """AttributeError: the class has no such method."""
    found = getattr(cls, name, None)
    if not callable(found):
        raise AttributeError(f"the actor {cls.__module__}.{cls.__name__} has no method '{name}'")
    return found


def has_coroutines(cls: type) -> bool:
    """Whether calls of the actor run in an event loop, as Ray decides it."""
    from ray._private.async_compat import has_async_methods

    return has_async_methods(cls)


def arguments_of(values: list, extras: dict) -> tuple[list, dict]:
    """The arguments of a call: the last ones have names."""
    names = extras.get("keywords", [])
    first = len(values) - len(names)
    return values[:first], dict(zip(names, values[first:], strict=True))


def description(error: BaseException) -> dict:
    """What another language is told of an exception, over what Python is told."""
    shown = error
    cause = getattr(error, "cause", None)
    if isinstance(cause, BaseException):
        # Of a task that this one has waited for.
        shown = cause
    kind = type(shown)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    lines = lines_of(error)
    return {
        "type_name": name,
        "message": said(str, shown),
        "causes": [printable("".join(lines).rstrip())],
    }
