"""Values that are written by one module and read by the other, without a cluster."""

import atexit
import collections
import datetime
import enum
import random
from typing import Any

import numpy as np

ALIGNMENT = 64
HEADER = 9


class Color(enum.Enum):
    RED = 1


Point = collections.namedtuple("Point", "x y")


class Text(str):
    """A subclass of str: pickled."""


class Plain:
    """An object with attributes."""

    def __init__(self, content: Any) -> None:
        self.content = content

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plain) and self.content == other.content


class CoreWorkerStandIn:
    """As much of a core worker as references inside values ask for."""

    def serialize_object_ref(self, ref: Any) -> tuple[Any, bytes, bytes]:
        return ref, b"owner", b""

    def deserialize_and_register_object_ref(self, *arguments: Any) -> None:
        pass

    def add_object_ref_reference(self, ref: Any) -> None:
        pass

    def remove_object_ref_reference(self, ref: Any) -> None:
        pass

    def get_current_job_id(self) -> Any:
        from ray._raylet import JobID

        return JobID.from_int(1)


def context() -> Any:
    """A serialization context of Ray's that believes in a cluster."""
    import ray

    worker = ray._private.worker.global_worker
    if not hasattr(worker, "core_worker"):
        worker.core_worker = CoreWorkerStandIn()
        worker.set_is_connected(True)
        atexit.register(forget, worker)
    return worker.get_serialization_context()


def forget(worker: Any) -> None:
    """Before Ray's own shutdown, which would stop a cluster."""
    worker.set_is_connected(False)
    del worker.core_worker


def arrays() -> list[np.ndarray]:
    source = np.random.default_rng(3)
    kinds = ["b1", "i1", "u2", "<i4", ">i4", "i8", "f2", "f4", "f8", "c16", "S5", "U3", "M8[s]"]
    made = [
        np.arange(24).astype(kind, casting="unsafe") for kind in kinds if kind not in ("S5", "U3", "M8[s]")
    ]
    made += [np.array(["a", "bcd"], dtype=kind) for kind in ("S5", "U3")]
    made += [
        np.array(["2020-01-01"], dtype="M8[s]"),
        np.zeros((0, 3)),
        np.array(1.5),
        np.arange(24).reshape(2, 3, 4),
    ]
    made += [
        np.asfortranarray(np.arange(24.0).reshape(4, 6)),
        np.arange(40)[::2],
        np.arange(24).reshape(4, 6).T,
    ]
    made += [np.zeros(3, dtype=[("a", "i4"), ("b", "f8")]), np.array([{"a": 1}, None], dtype=object)]
    return made + [source.random(size) for size in (254, 255, 256, 257, 1000, 200_000)]


def values() -> list[Any]:
    from ray._raylet import ActorID, NodeID, ObjectRef

    recursive: list = [1]
    recursive.append(recursive)
    source = random.Random(4)
    sizes = (0, 1, 31, 32, 255, 256, 2040, 2047, 2048, 2049, 65535, 65536, 100_000, 1 << 20)
    numbers = [0, 1, -1, -32, -33]
    numbers += [
        sign * (1 << bits) + step
        for bits in (5, 7, 8, 15, 16, 31, 32, 63)
        for sign in (1, -1)
        for step in (-1, 0, 1)
    ]
    ref = ObjectRef(bytes(range(28)))
    return [
        *(None, True, False, 1.5, float("inf"), -0.0, [], {}, "", "text", "äöü\U0001f600"),
        *(number for number in numbers if -(1 << 63) <= number < 1 << 64),
        *(1 << 64, -(1 << 63) - 1, 1 << 200, [1 << 64, 1], {"a": 1 << 64}, "\ud800", ["\ud800", (1,)]),
        *("x" * size for size in sizes),
        *(b"y" * size for size in sizes),
        *([b"z" * size] for size in sizes),
        *(bytearray(b"w" * size) for size in (0, 10, 5000)),
        *(list(range(15)), list(range(16)), list(range(70_000)), {str(key): key for key in range(20)}),
        *(
            (1, 2),
            (),
            {1, 2},
            frozenset({3}),
            {"a": (1, {2}), "b": [None, {"c": (3,)}]},
            {(1, 2): 3},
            {1: {2: {3: 4}}},
        ),
        *(
            Color.RED,
            Point(1, 2),
            Text("text"),
            Plain([1, "a"]),
            [Plain(1), Plain((2,))],
            collections.OrderedDict(a=1),
        ),
        *(
            datetime.datetime(2020, 1, 2, 3),
            datetime.timedelta(1),
            complex(1, 2),
            range(5),
            slice(1, 2),
            Ellipsis,
        ),
        *(
            ValueError("wrong"),
            KeyError(1),
            ZeroDivisionError(),
            int,
            len,
            np.float32(1.5),
            np.int64(3),
            np.bool_(True),
        ),
        *(
            lambda x: x + 1,
            recursive,
            ref,
            [ref, ref],
            {"ref": (ref, [ref])},
            ActorID(bytes(16)),
            [NodeID(bytes(28))],
        ),
        *(source.random() for _ in range(20)),
        *arrays(),
        *(arrays(), [np.arange(10), b"x" * 3000, np.arange(1000)], {"a": np.zeros((100, 100)), "b": "text"}),
        *(memoryview(b"view"), [[[[[]]]]], nested(600), [nested(30, (1,))]),
    ]


def nested(depth: int, inner: Any = None) -> list:
    value: list = [inner]
    for _ in range(depth):
        value = [value]
    return value


def describe(value: Any) -> Any:
    """What a value is, in builtins: kinds and contents, for arrays also whether they can be written."""
    kind = type(value).__name__
    if isinstance(value, np.ndarray):
        content = value.tolist() if value.dtype == object else value.tobytes()
        return (
            kind,
            value.dtype.str,
            value.shape,
            value.strides,
            value.flags.writeable,
            repr(content)[:200],
            hash_of(content),
        )
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "bytes", bytes(value[:20]), hash_of(bytes(value))
    if isinstance(value, list) and any(item is value for item in value):
        return kind, "recursive"
    if isinstance(value, (list, tuple)):
        flat = depth_of(value)
        return (kind, flat) if flat > 100 else (kind, [describe(item) for item in value])
    if isinstance(value, dict):
        return kind, [(describe(key), describe(item)) for key, item in value.items()]
    if isinstance(value, (set, frozenset)):
        return kind, sorted(map(describe, value))
    if isinstance(value, Plain):
        return kind, describe(value.content)
    if callable(value) and kind == "function":
        return kind, value(41)
    return kind, repr(value)[:100], hash_of(repr(value))


def hash_of(content: Any) -> str:
    import hashlib

    return hashlib.sha256(content if isinstance(content, bytes) else repr(content).encode()).hexdigest()


def depth_of(value: Any) -> int:
    depth = 0
    while isinstance(value, (list, tuple)) and value:
        value, depth = value[0], depth + 1
    return depth


def write_all() -> list[tuple]:
    """(description, metadata, size, bytes, their address modulo 64, references inside) of every value."""
    written = []
    for value in values():
        serialized = context().serialize(value)
        data = serialized.to_bytes() if hasattr(serialized, "to_bytes") else bytes(value)
        shift = (id(data) + bytes.__basicsize__ - 1) % ALIGNMENT
        refs = [ref.hex() for ref in serialized.contained_object_refs]
        written.append((describe(value), serialized.metadata, serialized.total_bytes, data, shift, refs))
    return written


class Raw:
    """Stands in for a Buffer in a process that cannot make one."""

    def __init__(self, view: memoryview) -> None:
        self.view = view

    def to_pybytes(self) -> bytes:
        return bytes(self.view)


def place(data: bytes, shift: int) -> memoryview:
    """The bytes at an address that is `shift` modulo 64."""
    import ctypes

    block = bytearray(len(data) + 2 * ALIGNMENT)
    start = (shift - ctypes.addressof(ctypes.c_char.from_buffer(block))) % ALIGNMENT
    block[start : start + len(data)] = data
    return memoryview(block)[start : start + len(data)]


def split_by_hand(raw: Any) -> tuple[memoryview, memoryview]:
    view = raw.view
    width = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}.get(view[0], 0)
    size = int.from_bytes(view[1 : 1 + width], "big") if width else view[0]
    return view[HEADER : HEADER + size], view[HEADER + size :]


def read_all(written: list[tuple]) -> list[Any]:
    """Descriptions of the values in objects that the other module wrote; a Buffer is replaced where it is Ray's."""
    import ray

    reader = context()
    if not hasattr(ray._raylet.Buffer, "copy_of"):
        ray._private.serialization.split_buffer = split_by_hand
    descriptions = []
    for _, metadata, _, data, shift, _ in written:
        view = place(data, shift)
        buffer = make_buffer(view) if hasattr(ray._raylet.Buffer, "copy_of") else Raw(view)
        one = ray._raylet.SerializedRayObject(buffer, metadata, None)
        value = reader.deserialize_objects([one], [ray.ObjectRef.nil()], {})[0]
        descriptions.append(describe(value))
    return descriptions


def make_buffer(view: memoryview) -> Any:
    """A Buffer over the bytes where they are, through the C interface."""
    import native_api

    return native_api.buffer_over(view)


def read_errors(objects: list[tuple]) -> list[tuple[str, str]]:
    """(class, text) of the exception for each (metadata, data)."""
    import ray

    is_ours = hasattr(ray._raylet.Buffer, "copy_of")
    reader = context()
    if not is_ours:
        ray._private.serialization.split_buffer = split_by_hand
    found = []
    for metadata, data in objects:
        make = ray._raylet.Buffer.copy_of if is_ours else lambda data: Raw(memoryview(data))
        one = ray._raylet.SerializedRayObject(None if data is None else make(data), metadata, None)
        ref = ray.ObjectRef(bytes(range(28)), b"", "the call site")
        error = reader.deserialize_objects([one], [ref], {})[0]
        found.append((type(error).__name__, str(error)))
    return found


# What Swift writes by these names (`PortableCoderTests.swift`).
CROSS_LANGUAGE = {
    "nil": None,
    "true": True,
    "zero": 0,
    "byte": 127,
    "uint8": 128,
    "uint16": 256,
    "uint32": 1 << 16,
    "uint64": 1 << 32,
    "unsigned": (1 << 64) - 1,
    "negative": -1,
    "int8": -33,
    "int16": -129,
    "int32": -(1 << 15) - 1,
    "int64": -(1 << 31) - 1,
    "double": 1.5,
    "text": "ä€😀",
    "text31": "x" * 31,
    "text32": "x" * 32,
    "text256": "x" * 256,
    "bytes": b"\x00\xffabc",
    "list": [1, "two", None, [3.5]],
    "list16": list(range(16)),
    "map": {"a": 1, "b": {"c": [True]}},
    "inner bytes": [b"ab"],
}


def write_cross_language() -> dict[str, list[str]]:
    """By name: metadata, and the bytes in hexadecimal digits, without those of the header that mean nothing."""
    written = {}
    for name, value in CROSS_LANGUAGE.items():
        serialized = context().serialize(value)
        data = bytearray(serialized.to_bytes() if hasattr(serialized, "to_bytes") else value)
        if serialized.metadata == b"XLANG":
            width = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}.get(data[0], 0)
            data[1 + width : 9] = bytes(8 - width)
        written[name] = [serialized.metadata.decode(), data.hex()]
    return written
