"""Values to and from msgpack with pickled islands, the form in which Ray stores them.

The classes of serialized objects are in C (`python/native/serialized.c`, layout in `unpack.c`).
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Optional

import msgpack

from swift_ray._native import Buffer, ObjectRef, pack, plain_values, serialize_plain, unpack
from swift_ray.raylet.context import ray_worker

PYTHON_EXTENSION = 101


class SerializedRayObject(NamedTuple):
    """An object as the core gives it: its bytes, what kind of value they are, and how its tensors travel."""

    data: Optional[Buffer]
    metadata: Optional[Buffer]
    tensor_transport: Optional[str]


def serialize(value: Any) -> Any:
    """A value as Ray's serialization context makes it; what nothing can be registered for is made without asking it."""
    plain = serialize_plain(value)
    return ray_worker().get_serialization_context().serialize(value) if plain is None else plain


def deserialize(arguments: list[tuple]) -> list:
    """The values of objects as `_core` gives them, (data, metadata, None) each; errors are values, too."""
    values = plain_values(arguments)
    if values is not None:
        return values
    objects = [SerializedRayObject(data, metadata, None) for data, metadata, _ in arguments]
    return ray_worker().deserialize_objects(objects, [ObjectRef.nil()] * len(objects))


class MessagePackSerializer:
    """None, bool, int of 64 bits, float, str, bytes, list and dict as msgpack; anything else is left to a callback."""

    @staticmethod
    def dumps(o: Any, python_serializer: Optional[Callable[[Any], int]] = None) -> bytes:
        """The value in msgpack; `python_serializer` keeps what does not fit and gives the number that stands for it.

        TypeError: a value that does not fit, without a serializer. OverflowError: an int beyond 64 bits, likewise.
        ValueError: more than 1024 levels or a lone surrogate, without a serializer; with one, it gets the whole value.
        """
        try:
            return pack(o, python_serializer)
        except ValueError:
            if python_serializer is None:
                raise
            return pack(_Whole(o), lambda whole: python_serializer(whole.value))

    @classmethod
    def loads(cls, s: Any, python_deserializer: Optional[Callable[[int], Any]] = None) -> Any:
        """The value of msgpack bytes; `python_deserializer` gives the value for a number that `dumps` was given.

        Extensions other than ours are None, as they are for Ray.
        """

        value = unpack(s, python_deserializer)
        if value is not NotImplemented:
            return value

        def extension(code: int, data: bytes) -> Any:
            if code != PYTHON_EXTENSION:
                return None
            if python_deserializer is None:
                raise Exception(f"Unrecognized ext type id: {code}")
            return python_deserializer(msgpack.loads(data, raw=False, strict_map_key=False))

        return msgpack.loads(s, ext_hook=extension, raw=False, strict_map_key=False)


class _Whole(NamedTuple):
    """Hides a value from `pack`, so that the serializer gets all of it."""

    value: Any
