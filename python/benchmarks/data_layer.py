"""Measures what is done for every value, reference and task, on our module and on Ray's own.

    python benchmarks/data_layer.py

Each row is the best of several runs, in nanoseconds per call; the ratio is Ray's time over ours.
"""

import json
import os
import subprocess
import sys
import time
from typing import Any, Callable

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = 7
AIM = 0.05  # seconds that a round should take


def measure(call: Callable[[int], Any]) -> float:
    """Nanoseconds per repetition; `call(n)` repeats n times."""
    count = 1
    while True:
        start = time.perf_counter()
        call(count)
        spent = time.perf_counter() - start
        if spent > AIM / 4:
            break
        count *= 4
    count = max(1, int(count * AIM / spent))
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call(count)
        best = min(best, time.perf_counter() - start)
    return best / count * 1e9


def repeat(function: Callable, *arguments: Any) -> Callable[[int], None]:
    def run(count: int) -> None:
        for _ in range(count):
            function(*arguments)

    return run


def rows() -> dict[str, Callable[[int], Any]]:
    import numpy as np
    import ray
    import ray._raylet as raylet

    context = ray._private.worker.global_worker.get_serialization_context()
    id_bytes = bytes(range(28))
    one, same = raylet.NodeID(id_bytes), raylet.NodeID(id_bytes)
    ref = raylet.ObjectRef(id_bytes)
    first, second = (raylet.PythonFunctionDescriptor("module", "function", "class", "hash") for _ in range(2))
    table = {first: 1}
    array = np.arange(131_072, dtype="i8")
    dumps, loads = raylet.MessagePackSerializer.dumps, raylet.MessagePackSerializer.loads
    packed = dumps({"a": 1, "b": [1.5, "text"]})

    def serialize(value: Any) -> Callable[[int], None]:
        def run(count: int) -> None:
            for _ in range(count):
                context.serialize(value).total_bytes

        return run

    def serialize_to_bytes(value: Any) -> Callable[[int], None]:
        def run(count: int) -> None:
            for _ in range(count):
                context.serialize(value).to_bytes()

        return run

    def plain(value: Any) -> Callable[[int], None]:
        """What the core may call instead of the context, for values of msgpack's kinds."""
        if os.environ.get("SWIFT_RAY") == "0":
            return serialize(value)
        from swift_ray._native import serialize_plain

        return repeat(serialize_plain, value)

    def read_plain(value: Any) -> Callable[[int], None]:
        """What the core may call instead of the context; for Ray, what it does with the msgpack part."""
        if os.environ.get("SWIFT_RAY") == "0":
            return repeat(loads, dumps(value))
        from swift_ray._native import plain_values

        serialized = context.serialize(value)
        return repeat(
            plain_values, [(raylet.Buffer.copy_of(serialized.to_bytes()), serialized.metadata, None)]
        )

    section = bytearray(context.serialize([array]).to_bytes())
    section = memoryview(section)[9 + section[0] :]

    return {
        "ObjectRef: create and destroy": repeat(raylet.ObjectRef, id_bytes),
        "ObjectRef: create with owner": repeat(raylet.ObjectRef, id_bytes, b"owner" * 10, "", True),
        "ObjectRef.hex": repeat(ref.hex),
        "ObjectRef.task_id": repeat(ref.task_id),
        "NodeID: create": repeat(raylet.NodeID, id_bytes),
        "id: hash, cached": repeat(hash, one),
        "id: equality": repeat(one.__eq__, same),
        "id: binary": repeat(one.binary),
        "JobID.from_int": repeat(raylet.JobID.from_int, 5),
        "TaskID.for_driver_task": repeat(raylet.TaskID.for_driver_task, raylet.JobID.from_int(5)),
        "descriptor: create": repeat(raylet.PythonFunctionDescriptor, "module", "function", "class", "hash"),
        "descriptor: look up": repeat(table.get, second),
        "msgpack: dict": repeat(dumps, {"a": 1, "b": [1.5, "text"]}),
        "msgpack: read dict": repeat(loads, packed),
        "serialize: int": serialize(5),
        "serialize: str": serialize("text"),
        "serialize: bytes": serialize(b"bytes"),
        "serialize: list of 1,000 ints": serialize(list(range(1000))),
        "serialize: tuple": serialize((1, 2)),
        "serialize: array of 1 MB": serialize(array),
        "serialize and write: int": serialize_to_bytes(5),
        "serialize and write: tuple": serialize_to_bytes((1, 2)),
        "serialize and write: array of 1 MB": serialize_to_bytes(array),
        "plain: int": plain(5),
        "plain: dict": plain({"a": 1, "b": [1.5, "text"]}),
        "plain: read int": read_plain(5),
        "plain: read dict": read_plain({"a": 1, "b": [1.5, "text"]}),
        "unpack: array of 1 MB": repeat(raylet.unpack_pickle5_buffers, section),
        "parse_address": repeat(raylet.parse_address, "127.0.0.1:6379"),
    }


def run_one() -> None:
    if os.environ.get("SWIFT_RAY") != "0":
        sys.path.insert(0, os.path.dirname(HERE))
        import swift_ray

        swift_ray.install()
    json.dump({name: measure(call) for name, call in rows().items()}, sys.stdout)


def run_other(**environment: str) -> dict[str, float]:
    command = [sys.executable, os.path.abspath(__file__), "one"]
    done = subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def main() -> None:
    ours, theirs = run_other(), run_other(SWIFT_RAY="0")
    print(f"{'':36} {'ours':>12} {'Ray':>12} {'ratio':>7}")
    for name, value in ours.items():
        print(f"{name:36} {value:>9,.0f} ns {theirs[name]:>9,.0f} ns {theirs[name] / value:>7.2f}")


if __name__ == "__main__":
    run_one() if sys.argv[1:] == ["one"] else main()
