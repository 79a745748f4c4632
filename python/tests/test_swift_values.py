"""Values between Python and Swift: what Swift stores is read, and only what both know is made."""

import random
import struct

import numpy as np
import pytest
import ray
import ray._raylet as raylet

from swift_ray.raylet import swift_values
from swift_ray.raylet.swift_values import read, serialize_for_swift


def string(text):
    data = text.encode()
    return b"\x0d" + struct.pack("<I", len(data)) + data


def unkeyed(*values):
    body = struct.pack("<I", len(values)) + b"".join(values)
    return b"\x0f" + struct.pack("<I", len(body)) + body


def keyed(*entries):
    """Entries of (index, value)."""
    body = b"".join(bytes([index]) + value for index, value in entries)
    return b"\x0e" + struct.pack("<I", len(body)) + body


def part(code, numbers):
    return b"\x10" + struct.pack("<BQ", code, len(numbers)) + numbers


def whole(value, *keys):
    """As `CodingTag.swift` draws an object."""
    table = struct.pack("<I", len(keys))
    table += b"".join(struct.pack("<I", len(key.encode())) + key.encode() for key in keys)
    return b"\x41" + struct.pack("<Q", 9 + len(value)) + value + table


def block(code, numbers, count):
    return struct.pack("<BB6xQ", 64, code, count).ljust(64, b"\0") + numbers


NUMBERS = [(3, "b", -1), (4, "h", -2), (5, "i", -3), (6, "q", -4), (7, "B", 1), (8, "H", 2), (9, "I", 3)]
EXAMPLE = whole(
    keyed(
        (0, string("ä")),
        (
            1,
            unkeyed(
                b"\x00", b"\x01", b"\x02", *(bytes([tag]) + struct.pack("<" + c, n) for tag, c, n in NUMBERS)
            ),
        ),
        (2, part(10, struct.pack("<2d", 1.5, -2))),
        (3, part(5, b"\x01\xff")),
        (4, b"\x13" + (-(1 << 100)).to_bytes(16, "little", signed=True)),
        (5, b"\x0b" + struct.pack("<f", 0.5)),
    ),
    *"abcdef",
)


def buffer(data):
    return raylet.Buffer.copy_of(data)


def test_what_swift_stores_is_read():
    found = read(buffer(EXAMPLE))
    assert found["a"] == "ä"
    assert found["b"] == [None, False, True, -1, -2, -3, -4, 1, 2, 3]
    assert found["c"].tolist() == [1.5, -2] and found["c"].dtype == np.float64
    assert found["d"] == b"\x01\xff"
    assert (found["e"], found["f"]) == (-(1 << 100), 0.5)
    assert read(buffer(b"\x06" + struct.pack("<q", 7))) == 7


@pytest.mark.parametrize("letter", "bhiqHIQfd")
def test_arrays_come_back_where_they_lie(letter):
    for numbers in (np.arange(5, dtype=letter), np.arange(10, dtype=letter)[::2], np.zeros(0, letter)):
        serialized = serialize_for_swift(numbers)
        assert serialized.metadata == b"SWIFT"
        data = bytearray(serialized.total_bytes)
        assert serialized.write_to(data) == len(data)
        code = {"b": 1, "h": 2, "i": 3, "q": 4, "H": 6, "I": 7, "Q": 8, "f": 9, "d": 10}[letter]
        assert bytes(data) == block(code, numbers.tobytes(), len(numbers))
        found = read(buffer(bytes(data)))
        assert found.dtype == numbers.dtype and (found == numbers).all()
        assert not found.flags.writeable and not found.flags.owndata


def test_without_numpy_arrays_are_views(monkeypatch):
    monkeypatch.setattr(swift_values, "numpy", lambda: None)
    found = read(buffer(block(9, struct.pack("<2f", 1, 2), 2)))
    assert isinstance(found, memoryview) and found.readonly
    assert found.tolist() == [1, 2]


@pytest.mark.parametrize(
    "value, expected",
    [
        ((1, (2, [3])), [1, [2, [3]]]),
        (np.float32(0.5), 0.5),
        ({"a": np.int64(3), "b": np.arange(2), "c": np.bool_(True)}, {"a": 3, "b": [0, 1], "c": True}),
        (type("Text", (str,), {})("x"), "x"),
        ({1: b"\x00"}, {1: b"\x00"}),
        ([bytearray(b"ab")], [b"ab"]),
    ],
)
def test_what_is_like_a_kind_is_made_one(value, expected):
    serialized = serialize_for_swift(value)
    assert serialized.metadata == b"XLANG"
    assert serialized.to_bytes() == serialize_for_swift(expected).to_bytes()


def test_references_and_cycles_are_refused():
    with pytest.raises(TypeError, match="argument of its own"):
        serialize_for_swift([raylet.ObjectRef(b"x" * 28)])
    cycle = [()]
    cycle.append(cycle)
    with pytest.raises(TypeError, match="contains itself"):
        serialize_for_swift(cycle)


def test_references_inside_what_swift_stores_are_named():
    with pytest.raises(ValueError, match="arguments of their own"):
        read(buffer(whole(b"\x11\0\0\0\0")))


def test_damaged_bytes_are_refused():
    for size in range(len(EXAMPLE)):
        with pytest.raises(ValueError):
            read(buffer(EXAMPLE[:size]))
    for data in (block(9, b"\0" * 8, 3), block(77, b"\0" * 8, 1), block(9, b"", 1 << 63)):
        with pytest.raises(ValueError):
            read(buffer(data))
    generator = random.Random(7)
    for _ in range(20_000):
        data = bytearray(EXAMPLE)
        data[generator.randrange(len(data))] = generator.randrange(256)
        try:
            read(buffer(bytes(data)))
        except ValueError:
            pass


def test_rays_own_context_reads_them_among_others():
    import values

    objects = [
        raylet.SerializedRayObject(buffer(data), metadata, None)
        for data, metadata in [
            (block(9, struct.pack("<f", 1), 1), b"SWIFT"),
            (b"raw", b"RAW"),
            (block(9, b"", 1), b"SWIFT"),
            (whole(string("x")), b"SWIFT"),
        ]
    ]
    found = values.context().deserialize_objects(objects, [raylet.ObjectRef.nil()] * 4, {})
    assert found[0].tolist() == [1] and found[1] == b"raw" and found[3] == "x"
    assert isinstance(found[2], ray.exceptions.RaySystemError) and "damaged" in str(found[2])
