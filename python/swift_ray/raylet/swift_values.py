"""Values between Python and Swift.

What Swift stores is read here (`CodingTag.swift` draws the layout): arrays of numbers as NumPy arrays where they lie,
anything else as None, bool, int, float, str, bytes, list and dict. What is made for Swift is msgpack of these kinds in
Ray's layout for calls between languages, bytes as they are, or an array of numbers as Swift has it.
"""

import functools
import struct
import traceback
from typing import Any

from swift_ray._native import (
    Buffer,
    MessagePackSerializedObject,
    ObjectRef,
    RawSerializedObject,
    serialize_plain,
)
from swift_ray.raylet.serialization import MessagePackSerializer

BLOCK_HEADER_BYTES = 64
BLOCK, CODED = 64, 65
NONE, FALSE, TRUE, STRING, KEYED, UNKEYED, PART, REFERENCE, ACTOR = (0, 1, 2, 13, 14, 15, 16, 17, 18)
# How numbers are laid out, by their tag.
NUMBERS = {
    tag: struct.Struct("<" + code)
    for tag, code in zip((3, 4, 5, 6, 7, 8, 9, 10, 11, 12), "bhiqBHIQfd", strict=True)
}
WIDE = {19: True, 20: False}
# The numbers of a block, by its code: Python's letter for them.
ELEMENTS = dict(enumerate("bhiqBHIQfd", 1))
CODES = {letter: code for code, letter in ELEMENTS.items()}
BYTES = 5
DEPTH_MAX = 256
KINDS = "None, bool, int, float, str, bytes, list, dict with str or int keys, or a NumPy array of numbers with one dimension"


@functools.cache
def numpy() -> Any:
    """NumPy, if it is installed."""
    try:
        import numpy
    except ImportError:
        return None
    return numpy


# Reading


def read(data: Buffer) -> Any:
    """The value of an object that Swift has made. ValueError: it is damaged, or holds what only Swift knows."""
    view = memoryview(data).cast("B").toreadonly()
    if len(view) >= BLOCK_HEADER_BYTES and view[0] == BLOCK:
        (count,) = struct.unpack_from("<Q", view, 8)
        return block(view, BLOCK_HEADER_BYTES, view[1], count)
    try:
        return Reader(view).whole()
    except (struct.error, IndexError, OverflowError, UnicodeDecodeError) as error:
        raise ValueError(f"the object that Swift has made is damaged: {error}") from None


def value_or_error(data: Buffer) -> Any:
    """The value of an object, or in its place the error that Ray has for what cannot be read."""
    from ray.exceptions import RaySystemError

    try:
        return read(data)
    except Exception as error:
        return RaySystemError(error, traceback.format_exc())


def block(view: memoryview, start: int, code: int, count: int) -> Any:
    """Numbers where they lie; bytes are bytes."""
    letter = ELEMENTS.get(code)
    end = start + count * struct.calcsize(letter or "x")
    if letter is None or end > len(view):
        raise ValueError("the array that Swift has made is damaged")
    part = view[start:end]
    if code == BYTES:
        return part.tobytes()
    if numpy() is not None:
        return numpy().frombuffer(part, dtype="<" + struct_to_numpy(letter))
    return part.cast(letter)


def struct_to_numpy(letter: str) -> str:
    """NumPy's name of a number: its kind and its bytes."""
    kind = "f" if letter in "fd" else "i" if letter.islower() else "u"
    return f"{kind}{struct.calcsize('<' + letter)}"


class Reader:
    """Reads one value; every length is checked against the bytes that are there."""

    def __init__(self, view: memoryview) -> None:
        self.view = view
        self.keys: list[str] = []

    def whole(self) -> Any:
        if self.view[0] != CODED:
            return self.value(0, 0)[0]
        (offset,) = struct.unpack_from("<Q", self.view, 1)
        (count,) = struct.unpack_from("<I", self.view, offset)
        offset += 4
        if count > len(self.view):
            raise ValueError("the object that Swift has made is damaged")
        for _ in range(count):
            key, offset = self.text(offset)
            self.keys.append(key)
        return self.value(9, 0)[0]

    def take(self, offset: int, count: int) -> memoryview:
        if offset + count > len(self.view):
            raise IndexError("it ends too early")
        return self.view[offset : offset + count]

    def text(self, offset: int) -> tuple[str, int]:
        (count,) = struct.unpack_from("<I", self.view, offset)
        return str(self.take(offset + 4, count), "utf-8"), offset + 4 + count

    def value(self, offset: int, depth: int) -> tuple[Any, int]:
        """The value at an offset, and the offset behind it."""
        if depth > DEPTH_MAX:
            raise ValueError(f"the object that Swift has made is nested deeper than {DEPTH_MAX} levels")
        tag = self.view[offset]
        offset += 1
        if tag in NUMBERS:
            return (NUMBERS[tag].unpack_from(self.view, offset)[0], offset + NUMBERS[tag].size)
        if tag in (NONE, FALSE, TRUE):
            return (None, False, True)[tag], offset
        if tag == STRING:
            return self.text(offset)
        if tag in WIDE:
            return (int.from_bytes(self.take(offset, 16), "little", signed=WIDE[tag]), offset + 16)
        if tag == PART:
            code, size = struct.unpack_from("<BQ", self.view, offset)
            offset += 9
            width = struct.calcsize(ELEMENTS.get(code, "b"))
            return block(self.take(offset, size), 0, code, size // width), offset + size
        if tag in (KEYED, UNKEYED):
            (size,) = struct.unpack_from("<I", self.view, offset)
            end = offset + 4 + size
            return (self.fields if tag == KEYED else self.elements)(offset + 4, end, depth), end
        if tag in (REFERENCE, ACTOR):
            raise ValueError(
                "the value holds a reference or an actor's handle of Swift; pass references as arguments of their own"
            )
        raise ValueError(f"byte {tag} stands for no kind of value in Swift")

    def fields(self, offset: int, end: int, depth: int) -> dict:
        fields = {}
        while offset < end:
            index = shift = 0
            while True:
                byte = self.view[offset]
                offset += 1
                index |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    break
            fields[self.keys[index]], offset = self.value(offset, depth + 1)
        return fields

    def elements(self, offset: int, end: int, depth: int) -> list:
        (count,) = struct.unpack_from("<I", self.view, offset)
        offset += 4
        elements = []
        for _ in range(min(count, end - offset)):
            element, offset = self.value(offset, depth + 1)
            elements.append(element)
        return elements


# Writing


class SwiftArray(RawSerializedObject):
    """An array of numbers as Swift has it."""

    metadata = b"SWIFT"


def serialize_for_swift(value: Any) -> Any:
    """A value as Swift reads it. TypeError: it is of no kind that both languages know."""
    if numpy() is not None and isinstance(value, numpy().ndarray):
        return array(value)
    try:
        plain = serialize_plain(value)
        if plain is None:
            packed = MessagePackSerializer.dumps(portable(value))
            plain = MessagePackSerializedObject(b"XLANG", packed, [])
    except OverflowError:
        raise TypeError(f"an int beyond 64 bits cannot be sent to Swift; it reads {KINDS}") from None
    return plain


def array(value: Any) -> SwiftArray:
    """An array of numbers, by one copy here and one into the store."""
    letter = value.dtype.char if value.dtype.isnative else ""
    # Of two letters for one width NumPy uses either.
    letter = {8: {"l": "q", "L": "Q"}, 4: {"l": "i", "L": "I"}}[struct.calcsize("l")].get(letter, letter)
    if value.ndim != 1 or letter not in CODES:
        raise TypeError(
            f"an array of {value.dtype} with {value.ndim} dimensions cannot be sent to Swift, which reads arrays of "
            "integers and floats of 8 to 64 bits with one dimension; send array.ravel() and array.shape"
        )
    data = bytearray(BLOCK_HEADER_BYTES + value.nbytes)
    struct.pack_into("<BB6xQ", data, 0, BLOCK, CODES[letter], len(value))
    numpy().frombuffer(data, dtype=value.dtype, offset=BLOCK_HEADER_BYTES)[:] = value
    return SwiftArray(data)


def portable(value: Any, depth: int = 0) -> Any:
    """The value in msgpack's kinds: tuples become lists, NumPy's numbers Python's, arrays inside of others lists."""
    if value is None or type(value) in (bool, int, float, str, bytes):
        return value
    if depth > DEPTH_MAX:
        raise TypeError(f"the value is nested deeper than {DEPTH_MAX} levels, or contains itself")
    if isinstance(value, (list, tuple)):
        return [portable(element, depth + 1) for element in value]
    if isinstance(value, dict):
        return {key_of(key): portable(element, depth + 1) for key, element in value.items()}
    if numpy() is not None and isinstance(value, (numpy().generic, numpy().ndarray)):
        return portable(value.tolist(), depth + 1)
    for kind in (bool, int, float, str, bytes):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, ObjectRef):
        raise TypeError(
            "a reference inside a value cannot be sent to Swift; pass it as an argument of its own"
        )
    raise TypeError(
        f"a value of type {type(value).__qualname__} cannot be sent to Swift, which reads {KINDS}"
    )


def key_of(key: Any) -> str | int:
    for kind in (str, int):
        if isinstance(key, kind) and not isinstance(key, bool):
            return kind(key)
    raise TypeError(f"a dict with the key {key!r} cannot be sent to Swift, which reads {KINDS}")
