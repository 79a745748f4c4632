"""Objects written by one module are read by the other, and are the same where the layout is defined."""

import os
import pickle

import corpus
import msgpack
import native_api
import numpy as np
import pytest
import ray._raylet as raylet
import real
import values


def varint(data, place):
    number = shift = 0
    while True:
        byte = data[place]
        number |= (byte & 127) << shift
        shift, place = shift + 7, place + 1
        if byte < 128:
            return number, place


def fields(data):
    """(number, value) of a protobuf message with numbers and parts only."""
    place, found = 0, []
    while place < len(data):
        key, place = varint(data, place)
        value, place = varint(data, place)
        if key & 7 == 2:
            value, place = bytes(data[place : place + value]), place + value
        found.append((key >> 3, value))
    return found


def defined(metadata, data, shift):
    """Everything in an object but the bytes that mean nothing."""
    if metadata == b"RAW":
        return data
    view = memoryview(data)
    packed, rest = values.split_by_hand(values.Raw(view))
    if metadata != b"PYTHON":
        return bytes(packed), bytes(rest)
    in_band_size, description_size = np.frombuffer(rest[:16], dtype="<i8").tolist()
    in_band = bytes(rest[16 : 16 + in_band_size])
    description = bytes(rest[16 + in_band_size : 16 + in_band_size + description_size])
    start = len(data) - len(rest) + 16 + in_band_size + description_size
    area = start + -(shift + start) % values.ALIGNMENT
    buffers = []
    for number, record in fields(description):
        if number == 3:
            parts = dict(fields(record))
            place = area + parts.get(1, 0)
            buffers.append(data[place : place + parts.get(2, 0)])
    return bytes(packed), in_band, description, buffers


@pytest.fixture(scope="module")
def ours():
    return values.write_all()


@pytest.fixture(scope="module")
def theirs(ours):
    """Ray writes somewhere and copies the bytes: at which address modulo 64 is seen from where the buffers are."""
    written = []
    for one, other in zip(ours, real.call(values.write_all), strict=True):
        wanted = defined(one[1], one[3], one[4])
        shifts = (shift for shift in range(64) if defined(other[1], other[3], shift) == wanted)
        written.append((*other[:4], next(shifts, None), other[5]))
    return written


def test_both_write_the_same(ours, theirs):
    assert len(ours) > 150
    for one, other in zip(ours, theirs):
        assert one[:3] == other[:3] and one[5] == other[5]
        assert other[4] is not None, f"what is defined differs for {one[0]}"


def test_both_read_what_ray_writes(theirs):
    descriptions = values.read_all(theirs)
    for one, description in zip(theirs, descriptions):
        assert normal(description) == normal(one[0])
    assert real.call(values.read_all, theirs) == descriptions


def test_both_read_what_we_write(ours):
    descriptions = values.read_all(ours)
    for one, description in zip(ours, descriptions):
        assert normal(description) == normal(one[0])
    assert real.call(values.read_all, ours) == descriptions


def normal(description):
    """Without what a journey changes about arrays: the distances between their elements, and that they can be written."""
    if isinstance(description, tuple) and description[:1] == ("ndarray",):
        return (*description[:3], *description[5:])
    if isinstance(description, (list, tuple)):
        return type(description)(map(normal, description))
    return description


def test_objects_are_written_in_place_at_any_multiple_of_64(ours):
    for value in [None, [np.arange(1000)], b"raw", [b"x" * 5000]]:
        serialized = values.context().serialize(value)
        room = bytearray(serialized.total_bytes)
        view = values.place(bytes(room), 0)
        assert serialized.write_to(view) == serialized.total_bytes
        address = np.frombuffer(view, dtype="u1").ctypes.data if len(view) else 0
        again = values.place(bytes(room), 0)
        target = np.frombuffer(again, dtype="u1").ctypes.data
        assert address % 64 == target % 64 == 0
        assert serialized.write_to(target) == serialized.total_bytes
        assert bytes(view) == bytes(again)


def test_what_other_languages_read_is_written_as_swift_writes_it():
    """The file is what Swift's tests compare with, too."""
    folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with open(os.path.join(folder, "Tests", "Fixtures", "CrossLanguage", "values.txt")) as file:
        expected = {name: rest for name, *rest in (line.rstrip("\n").split("\t") for line in file)}
    assert values.write_cross_language() == expected
    assert real.call(values.write_cross_language) == expected


def test_plain_values_are_serialized_without_the_context():
    from swift_ray._native import serialize_plain

    plain = 0
    for value in values.values():
        one, other = serialize_plain(value), values.context().serialize(value)
        if one is None:
            assert other.metadata == b"PYTHON"
            continue
        plain += 1
        assert type(one) is type(other)
        assert (one.metadata, one.total_bytes, one.contained_object_refs) == (
            other.metadata,
            other.total_bytes,
            [],
        )
        rooms = bytearray(one.total_bytes), bytearray(one.total_bytes)
        one.write_to(rooms[0]), other.write_to(rooms[1])
        assert rooms[0] == rooms[1]
    assert plain > 80


def test_plain_objects_are_read_without_the_context():
    from swift_ray._native import plain_values

    plain = []
    for value in values.values():
        serialized = values.context().serialize(value)
        buffer = raylet.Buffer.copy_of(bytes(serialized.total_bytes))
        serialized.write_to(buffer)
        read = plain_values([(buffer, serialized.metadata, None)])
        if read is None:
            assert serialized.metadata == b"PYTHON" or values.depth_of(value) > 500
        else:
            plain.append(((buffer, serialized.metadata, None), value))
            assert values.describe(read[0]) == values.describe(value)
    assert len(plain) > 80
    objects = [one for one, _ in plain]
    assert list(map(values.describe, plain_values(objects))) == [values.describe(value) for _, value in plain]
    assert plain_values([]) == []
    assert plain_values([raylet.SerializedRayObject(None, b"RAW", None)]) == [b""]
    for data, metadata in (
        (None, b"XLANG"),
        (raylet.Buffer.copy_of(b"x"), b"XLANG"),
        (None, b"0"),
        (None, None),
        (b"", b"XLANG"),
    ):
        assert plain_values([(data, metadata, None)]) is None
        assert plain_values(objects + [(data, metadata, None)]) is None
    for wrong in ((), [None], [(None,)], None):
        with pytest.raises(TypeError):
            plain_values(wrong)


def test_write_to_refuses_what_is_too_small_or_cannot_be_written():
    serialized = values.context().serialize([np.arange(1000)])
    with pytest.raises(ValueError, match=f"{serialized.total_bytes} bytes, the buffer 10"):
        serialized.write_to(bytearray(10))
    for call in (
        serialized.write_to,
        lambda address: native_api.interface.serialized_write(serialized, address),
    ):
        with pytest.raises(ValueError, match="multiple of 64"):
            call(4096 + 8)
    with pytest.raises(BufferError):
        serialized.write_to(bytes(serialized.total_bytes))
    with pytest.raises(NotImplementedError):
        raylet.SerializedObject(b"meta").write_to(bytearray(10))


def test_arrays_are_read_without_a_copy_and_cannot_be_written():
    serialized = values.context().serialize({"a": np.arange(1000), "b": np.arange(10.0)})
    buffer = raylet.Buffer.copy_of(bytes(serialized.total_bytes))
    serialized.write_to(buffer)
    start = np.frombuffer(buffer, dtype="u1").ctypes.data
    value = values.context().deserialize_objects(
        [raylet.SerializedRayObject(buffer, serialized.metadata, None)], [raylet.ObjectRef.nil()], {}
    )[0]
    for array in value.values():
        assert start < array.ctypes.data < start + len(buffer) and array.ctypes.data % 8 == 0
        assert not array.flags.writeable
    assert value["a"].ctypes.data % 64 == 0


def test_damaged_objects_are_refused():
    serialized = values.context().serialize([np.arange(1000), (1,)])
    good = serialized.to_bytes()
    packed, section = raylet.split_buffer(raylet.Buffer.copy_of(good))
    section = bytes(section)
    for damaged in (
        b"",
        section[:15],
        b"\xff" * 16,
        section[:100],
        section[:-2000],
        b"\xff" * 7 + b"\x7f" + section[8:],
    ):
        with pytest.raises(ValueError):
            raylet.unpack_pickle5_buffers(damaged)
    source = __import__("random").Random(5)
    for _ in range(3000):
        changed = bytearray(section[:400])
        for _ in range(source.randrange(1, 4)):
            changed[source.randrange(len(changed))] = source.randrange(256)
        try:
            in_band, buffers = raylet.unpack_pickle5_buffers(bytes(changed))
            [memoryview(one).tobytes() for one in buffers]
        except (ValueError, NotImplementedError):
            pass
    for header in (b"", b"\x05" + bytes(8), b"\xc0" + bytes(8), b"\xcf" + b"\xff" * 8):
        with pytest.raises(ValueError):
            raylet.split_buffer(raylet.Buffer.copy_of(header))
    with pytest.raises(TypeError):
        raylet.split_buffer(good)


def pack_outcomes():
    dumps, loads = raylet_of().MessagePackSerializer.dumps, raylet_of().MessagePackSerializer.loads
    kept = []

    def keep(value):
        kept.append(value)
        return len(kept) - 1

    def fail(value):
        raise RuntimeError("serializer")

    recursive = []
    recursive.append(recursive)
    calls = [
        *(lambda: dumps((1, 2)), lambda: dumps(object()), lambda: dumps(2**64), lambda: dumps(recursive)),
        *(lambda: dumps("\ud800"), lambda: dumps((1, 2), keep), lambda: dumps([{1}, 1, {2}], keep)),
        *(
            lambda: dumps(recursive, keep),
            lambda: dumps("\ud800", keep),
            lambda: dumps([(1,), "\ud800"], keep),
        ),
        *(
            lambda: dumps((1,), fail),
            lambda: dumps({(1,): (2,)}, keep),
            lambda: dumps((1,), lambda value: 300),
        ),
        lambda: dumps((1,), lambda value: "abc"),
        *(lambda: dumps((1,), lambda value: None), lambda: dumps((1,), lambda value: 2**31)),
        *(lambda: dumps(bytearray(b"x")), lambda: dumps(memoryview(b"x")), lambda: dumps({1: {2: [3]}})),
        *(
            lambda: loads(b"\x81\x01\x02"),
            lambda: loads(b"\xd4\x65\x03"),
            lambda: loads(b"\xd4\x65\x03", hex),
        ),
        *(
            lambda: loads(b"\xd4\x05\x03", hex),
            lambda: loads(memoryview(b"\x01")),
            lambda: loads(b"\x01\x01"),
        ),
        *(
            lambda: loads(b"\x92\x01"),
            lambda: loads(b""),
            lambda: loads(b"\xa1\xff"),
            lambda: loads(b"\x81\xc4\x01a\x01"),
        ),
        *(lambda: loads(b"\xc7\x03\x65\xcd\x01\x2c", hex), lambda: loads(b"\xd6\xff\x00\x00\x00\x05")),
        lambda: loads(msgpack.packb(list(range(100_000))))[-1],
    ]
    return [corpus.outcome(call) for call in calls]


def raylet_of():
    import ray._raylet

    return ray._raylet


def test_msgpack(both):
    # In the other process this file is imported, too.
    ours, theirs = pack_outcomes(), real.call(pack_outcomes)
    for one, other in zip(ours, theirs):
        assert one == other


def test_msgpack_is_read_like_the_library_reads_it():
    """Random values, and random damage to them: the same value, or the same exception."""
    source = __import__("random").Random(7)

    def value(depth):
        kinds = [
            lambda: source.choice([None, True, False, 0.5, -1e300]),
            lambda: source.randrange(-(1 << source.randrange(1, 64)), 1 << source.randrange(1, 65)),
            lambda: "ä" * source.randrange(300),
            lambda: source.randbytes(source.randrange(300)),
            lambda: [value(depth - 1) for _ in range(source.randrange(20))],
            lambda: {source.randrange(1000): value(depth - 1) for _ in range(source.randrange(20))},
        ]
        return source.choice(kinds[: 6 if depth > 0 else 4])()

    def read(load, data):
        try:
            return "is", load(data)
        except Exception as error:
            return "raises", type(error).__name__, str(error)

    def library(data):
        return msgpack.loads(data, raw=False, strict_map_key=False, ext_hook=lambda code, data: None)

    for _ in range(500):
        one = value(3)
        data = raylet.MessagePackSerializer.dumps(one)
        assert data == msgpack.packb(one, use_bin_type=True, strict_types=True)
        assert raylet.MessagePackSerializer.loads(data) == one
        damaged = bytearray(data[: source.randrange(200)])
        for _ in range(source.randrange(3)):
            if damaged:
                damaged[source.randrange(len(damaged))] = source.randrange(256)
        ours = read(raylet.MessagePackSerializer.loads, bytes(damaged))
        if "Unrecognized ext type id: 101" not in ours[-1:]:
            assert repr(ours) == repr(read(library, bytes(damaged)))
    assert raylet.MessagePackSerializer.loads(msgpack.packb([1.5], use_single_float=True)) == [1.5]
    assert raylet.MessagePackSerializer.loads(msgpack.packb(msgpack.Timestamp(5))) == msgpack.Timestamp(5)
    deep = raylet.MessagePackSerializer.loads(raylet.MessagePackSerializer.dumps(values.nested(1000)))
    assert values.depth_of(deep) == 1001
    # What could not be read again is not written.
    for empty in ([], {}):
        raylet.MessagePackSerializer.loads(raylet.MessagePackSerializer.dumps(values.nested(1022, empty)))
        with pytest.raises(ValueError, match="recursion limit"):
            raylet.MessagePackSerializer.dumps(values.nested(1023, empty))
    with pytest.raises(ZeroDivisionError):
        raylet.MessagePackSerializer.loads(b"\xd4\x65\x03", lambda number: number / 0)


def test_changing_a_value_while_it_is_serialized_is_refused():
    changing = [(1,), (2,)]
    with pytest.raises(RuntimeError):
        raylet.MessagePackSerializer.dumps(changing, lambda value: changing.append(3) or 1)
    table = {"a": (1,), "b": 2}
    with pytest.raises(RuntimeError):
        raylet.MessagePackSerializer.dumps(table, lambda value: table.clear() or 1)


def test_buffers_that_are_not_contiguous_are_refused():
    writer = raylet.Pickle5Writer()
    with pytest.raises(BufferError):
        writer.buffer_callback(pickle.PickleBuffer(np.arange(10)[::2]))
    with pytest.raises(TypeError):
        writer.buffer_callback(3)


def test_what_is_being_written_is_not_changed():
    writer = raylet.Pickle5Writer()
    one = raylet.Pickle5SerializedObject(b"PYTHON", b"in band", writer, [])
    with pytest.raises(ValueError):
        writer.buffer_callback(pickle.PickleBuffer(b"more"))
    for again in (
        one,
        raylet.RawSerializedObject(b"x"),
        raylet.MessagePackSerializedObject(b"XLANG", b"x", []),
    ):
        arguments = (b"PYTHON", b"x", raylet.Pickle5Writer(), []) if again is one else (b"y",) * 3
        with pytest.raises(TypeError):
            again.__init__(*arguments[: 1 if isinstance(again, raylet.RawSerializedObject) else None])
    body = bytearray(b"x" * 100)
    held = raylet.RawSerializedObject(body)
    with pytest.raises(BufferError):
        body.extend(b"more")
    assert held.total_bytes == 100


def test_sub_buffer():
    part = raylet.SubBuffer(b"abc")
    assert (len(part), part.nbytes, part.readonly, part.tobytes()) == (3, 3, 1, b"abc")
    assert bytes(memoryview(part)) == b"abc" and memoryview(part).readonly
    for refused in (
        lambda: pickle.dumps(part),
        lambda: pickle.dumps(raylet.Buffer()),
        lambda: len(raylet.Pickle5Writer()),
    ):
        with pytest.raises(TypeError):
            refused()
    assert len(raylet.Buffer()) == 0 and raylet.Buffer().to_pybytes() == b""


@pytest.mark.parametrize("count", [5, 9, 100])
def test_buffers_whose_shape_lies_in_the_view(count):
    """As the buffers of bytes and bytearray: their view points to itself, so it must not be moved."""
    given = [bytes([index]) * 1000 for index in range(count)]
    serialized = values.context().serialize([pickle.PickleBuffer(one) for one in given])
    # What takes the place of memory that has been given back.
    others = [b"\xff" * size for size in range(256, 512) for _ in range(4)]
    view = values.place(bytes(serialized.total_bytes), 0)
    serialized.write_to(view)
    one = raylet.SerializedRayObject(values.make_buffer(view), serialized.metadata, None)
    got = values.context().deserialize_objects([one], [raylet.ObjectRef.nil()], {})[0]
    assert [bytes(buffer) for buffer in got] == given and len(others) == 1024
