"""Function descriptors: how they are made from functions and classes, and how they are shown.

The classes are in C (`python/native/descriptors.c`), because every task looks one up; the methods here are added.
"""

import hashlib
import inspect
import uuid
from collections.abc import Callable
from typing import Any

from swift_ray._native import (
    CppFunctionDescriptor,
    EmptyFunctionDescriptor,
    FunctionDescriptor,
    FunctionID,
    JavaFunctionDescriptor,
    PythonFunctionDescriptor,
)

# What a descriptor consists of, by class.
_PARTS = {
    EmptyFunctionDescriptor: ("repr",),
    PythonFunctionDescriptor: (
        "module_name",
        "class_name",
        "function_name",
        "function_hash",
        "function_id",
        "repr",
    ),
    JavaFunctionDescriptor: ("class_name", "function_name", "signature", "repr"),
    CppFunctionDescriptor: ("function_name", "caller", "class_name", "repr"),
}
_NOT_SHOWN = ("caller", "function_id", "repr")


def _parts(self: FunctionDescriptor) -> dict[str, Any]:
    names = next(_PARTS[kind] for kind in type(self).__mro__ if kind in _PARTS)
    return {name: getattr(self, name) for name in names}


def _python_name(self: PythonFunctionDescriptor) -> str:
    """module.class.function, without the class for functions."""
    middle = f"{self.class_name}." if self.class_name else ""
    return f"{self.module_name}.{middle}{self.function_name}"


def _cpp_name(self: CppFunctionDescriptor) -> str:
    return f"{self.class_name}::{self.function_name}"


def _show(self: FunctionDescriptor) -> str:
    shown = {"type": type(self).__name__}
    shown.update((name, value) for name, value in _parts(self).items() if name not in _NOT_SHOWN)
    if isinstance(self, CppFunctionDescriptor) and not self.class_name:
        del shown["class_name"]
    return "{" + ", ".join(f"{name}={value}" for name, value in shown.items()) + "}"


def _to_dict(self: FunctionDescriptor) -> dict[str, Any]:
    """The type and every part by its name."""
    return {"type": type(self).__name__, **_parts(self)}


def _function_id(self: PythonFunctionDescriptor) -> FunctionID:
    """Names the function in the function table: 28 bytes of SHAKE-128 over all its names, without separators."""
    names = (self.module_name, self.function_name, self.class_name, self.function_hash)
    return FunctionID(hashlib.shake_128("".join(names).encode()).digest(FunctionID.size()))


def _get_module_name(object: Any) -> str:
    """The module of a function or class; for a script, the name that its file would have as a module."""
    if object.__module__ != "__main__":
        return object.__module__
    try:
        return inspect.getmodulename(inspect.getfile(object)) or "__main__"
    except (TypeError, OSError):
        return "__main__"  # made in an interactive session


def _from_function(cls: type, function: Callable, function_uuid: uuid.UUID) -> PythonFunctionDescriptor:
    """The descriptor of a function; the UUID tells functions of one name apart."""
    return cls(cls._get_module_name(function), function.__qualname__, "", function_uuid.hex)


def _from_class(cls: type, target_class: type) -> PythonFunctionDescriptor:
    """The descriptor of a class's creation, with another hash at every call."""
    return cls(cls._get_module_name(target_class), "__init__", target_class.__qualname__, uuid.uuid4().hex)


FunctionDescriptor.__repr__ = _show
FunctionDescriptor.to_dict = _to_dict
FunctionDescriptor.repr = property(_show)
EmptyFunctionDescriptor.repr = property(lambda self: "FunctionDescriptor(empty)")
PythonFunctionDescriptor.repr = property(_python_name)
PythonFunctionDescriptor.function_id = property(_function_id)
PythonFunctionDescriptor._get_function_id = _function_id
PythonFunctionDescriptor._get_module_name = staticmethod(_get_module_name)
PythonFunctionDescriptor.from_function = classmethod(_from_function)
PythonFunctionDescriptor.from_class = classmethod(_from_class)
PythonFunctionDescriptor.is_actor_method = lambda self: bool(self.class_name)
JavaFunctionDescriptor.repr = property(lambda self: f"{self.class_name}.{self.function_name}")
CppFunctionDescriptor.repr = property(_cpp_name)
