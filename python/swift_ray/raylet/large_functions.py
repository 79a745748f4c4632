"""Functions and classes that are larger than a value of the key-value store may be: in parts.

    RemoteFunction:<job>:<hash>       ──▶ PARTS + how many
    RemoteFunction:<job>:<hash>:<n>   ──▶ part n, from 0

The head deletes all of them with the job's functions, since their keys begin alike (`GCSCore+FunctionTable.swift`).
"""

from collections.abc import Callable

# Where Ray keeps functions.
NAMESPACE = "fun"
# Values of more bytes are in parts of so many.
PART_BYTES = 4 << 20
# The beginning of a value that stands for its parts. A pickle begins with another byte.
PARTS = b"swift-ray-parts:"


def _key(key: bytes, number: int) -> bytes:
    return key + b":%d" % number


def split(key: bytes, value: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """What is to be the value of the key, and parts with the keys under which they must be before."""
    if len(value) <= PART_BYTES:
        return value, {}
    parts = [value[start : start + PART_BYTES] for start in range(0, len(value), PART_BYTES)]
    return PARTS + b"%d" % len(parts), {_key(key, number): part for number, part in enumerate(parts)}


def join(key: bytes, value: bytes | None, get: Callable[[bytes], bytes | None]) -> bytes | None:
    """The whole value; None if it, or a part of it, is not there."""
    count = value[len(PARTS) :] if value is not None and value.startswith(PARTS) else b""
    if not count.isdigit():
        return value
    parts = [get(_key(key, number)) for number in range(int(count))]
    return None if None in parts else b"".join(parts)
