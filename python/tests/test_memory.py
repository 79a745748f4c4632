"""Nothing is kept longer than it is needed, and nothing is given back too early."""

import gc
import pickle
import resource

import native_api
import numpy as np
import ray._raylet as raylet
import values

from swift_ray import _native


def test_buffer_releases_once_when_the_last_view_goes():
    block = memoryview(bytearray(1000))
    buffer = native_api.buffer_over(block)
    number = max(native_api.held)
    views = [memoryview(buffer), memoryview(buffer)[10:20], np.frombuffer(buffer, dtype="u1")[5:]]
    del buffer
    while views:
        assert number in native_api.held
        views.pop()
    assert number not in native_api.held


def test_arrays_keep_their_object_in_place():
    value = {"a": np.arange(1000), "b": (np.ones(10),)}
    serialized = values.context().serialize(value)
    view = values.place(bytes(serialized.total_bytes), 0)
    serialized.write_to(view)
    before = set(native_api.held)
    one = raylet.SerializedRayObject(values.make_buffer(view), serialized.metadata, None)
    (number,) = set(native_api.held) - before
    got = values.context().deserialize_objects([one], [raylet.ObjectRef.nil()], {})[0]
    del one
    part = got["a"][3:5]
    del got
    gc.collect()
    assert number in native_api.held and part.tolist() == [3, 4]
    del part
    assert number not in native_api.held


def test_buffer_of_values_without_arrays_is_released_at_once():
    serialized = values.context().serialize(["text", (1, 2)])
    view = values.place(bytes(serialized.total_bytes), 0)
    serialized.write_to(view)
    before = set(native_api.held)
    one = raylet.SerializedRayObject(values.make_buffer(view), serialized.metadata, None)
    assert values.context().deserialize_objects([one], [raylet.ObjectRef.nil()], {}) == [["text", (1, 2)]]
    del one
    assert set(native_api.held) == before


def grows(call, count=3):
    """Kilobytes by which the process grows while `call` runs again and again."""
    for _ in range(2):
        call()
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(count):
        call()
    gc.collect()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


def test_nothing_leaks():
    context = values.context()
    value = [np.arange(20_000), b"x" * 100_000, "text" * 1000, {"a": (1, 2)}]
    descriptor = raylet.PythonFunctionDescriptor("m", "f", "c", "h")

    def round_trips():
        for _ in range(200):
            serialized = context.serialize(value)
            buffer = raylet.Buffer.copy_of(bytes(serialized.total_bytes))
            serialized.write_to(buffer)
            one = raylet.SerializedRayObject(buffer, serialized.metadata, None)
            context.deserialize_objects([one], [raylet.ObjectRef.nil()], {})
            serialized.to_bytes()

    def small_objects():
        for number in range(20_000):
            job = raylet.JobID.from_int(number)
            raylet.TaskID.for_driver_task(job).job_id()
            raylet.ObjectRef(bytes(28), b"owner address " * 10, "call site " * 10, tensor_transport="nccl")
            pickle.loads(pickle.dumps(descriptor)).function_id
            raylet.MessagePackSerializer.loads(
                raylet.MessagePackSerializer.dumps([(1,), "x" * 600], lambda _: 0), str
            )
            raylet.SubBuffer(b"abc").tobytes()

    def failures():
        for _ in range(5_000):
            for call in (
                lambda: raylet.ObjectRef(b"short"),
                lambda: raylet.ObjectRef(bytes(28), b"owner", 3),
                lambda: raylet.PythonFunctionDescriptor("module" * 20, 3),
                lambda: raylet.MessagePackSerializer.dumps(["x" * 1000, object()]),
                lambda: raylet.unpack_pickle5_buffers(b"\xff" * 100),
                lambda: raylet.MessagePackSerializedObject(b"m", b"x" * 1000, []).write_to(bytearray(3)),
            ):
                try:
                    call()
                except (ValueError, TypeError):
                    pass

    for call in (round_trips, small_objects, failures):
        assert grows(call) < 4_000, call.__name__


def test_counts_of_shared_objects_return_to_where_they_were():
    import sys

    metadata, refs, body = b"meta" * 10, [], b"body" * 300
    value, owner = object(), "owner" * 20
    before = [sys.getrefcount(one) for one in (metadata, refs, body, value, owner)]
    for _ in range(100):
        raylet.MessagePackSerializedObject(metadata, body, refs).total_bytes
        raylet.MessagePackSerializer.dumps([value], lambda _: 0)
        raylet.ObjectRef(bytes(28), call_site_data=owner, tensor_transport=owner).tensor_transport()
        raylet.SerializedObject(metadata, refs).metadata
        descriptor = raylet.PythonFunctionDescriptor(owner, owner)
        hash(descriptor), descriptor.module_name, descriptor == descriptor
    del descriptor
    assert [sys.getrefcount(one) for one in (metadata, refs, body, value, owner)] == before
    assert sys.getrefcount(_native.ObjectRef) < 1_000_000
