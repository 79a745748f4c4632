"""The C interface of `swift_ray._native`, called as another extension would call it."""

import ctypes
from typing import Any

from swift_ray import _native

_get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_get_pointer.restype, _get_pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.restype, _new_capsule.argtypes = ctypes.py_object, (
    ctypes.c_void_p,
    ctypes.c_char_p,
    ctypes.c_void_p,
)

RELEASE = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
ADD = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_ubyte * 28), ctypes.c_void_p, ctypes.c_size_t)
REMOVE = ctypes.PYFUNCTYPE(None, ctypes.POINTER(ctypes.c_ubyte * 28))


class Interface(ctypes.Structure):
    """`swift_ray_native_api`, see python/native/swift_ray_native.h."""

    _fields_ = [
        (
            "buffer_new",
            ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_size_t, RELEASE, ctypes.c_void_p),
        ),
        ("id_new", ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_int, ctypes.c_char_p)),
        ("id_bytes", ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_int)),
        (
            "object_ref_new",
            ctypes.PYFUNCTYPE(
                ctypes.py_object, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ssize_t, ctypes.c_int
            ),
        ),
        ("serialized_size", ctypes.PYFUNCTYPE(ctypes.c_ssize_t, ctypes.py_object)),
        ("serialized_write", ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p)),
    ]


interface = Interface.from_address(_get_pointer(_native._C_API, b"swift_ray._native._C_API"))

# What buffers over Python's memory keep alive until they are released, by a number that is their context.
held: dict[int, Any] = {}


@RELEASE
def _release(number: int) -> None:
    del held[number]


def buffer_over(view: memoryview) -> Any:
    """A Buffer over writable memory; `held` has an entry while it lives."""
    memory = (ctypes.c_char * len(view)).from_buffer(view)
    number = max(held, default=0) + 1
    held[number] = (view, memory)
    return interface.buffer_new(ctypes.addressof(memory), len(view), _release, number)


def capsule(function: Any) -> Any:
    return _new_capsule(ctypes.cast(function, ctypes.c_void_p), None, None)
