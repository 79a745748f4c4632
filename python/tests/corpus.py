"""What is done on both modules and compared. Every function returns builtins only."""

import pickle
import random
import uuid
from typing import Any, Callable

CLASSES = {
    **dict(JobID=4, ActorID=16, TaskID=24, PlacementGroupID=18),
    **dict.fromkeys(
        ("NodeID", "WorkerID", "UniqueID", "FunctionID", "ActorClassID", "ClusterID", "ObjectRef"), 28
    ),
}


def outcome(call: Callable[[], Any], with_text: bool = True) -> tuple:
    """("is", text of the result) or ("raises", the exception's class, its text)."""
    try:
        return "is", repr(call())
    except Exception as error:
        return "raises", type(error).__name__, str(error) if with_text else ""


def names() -> list[str]:
    import ray._raylet

    return dir(ray._raylet)


def constants() -> dict[str, Any]:
    import ray._raylet as raylet

    found = {
        name: getattr(raylet, name) for name in dir(raylet) if name.isupper() and not name.startswith("_")
    }
    found["defaults"] = {
        name: getattr(raylet.Config, name)()
        for name in dir(raylet.Config)
        if not name.startswith("_") and name != "initialize"
    }
    return found


def class_shapes() -> dict[str, tuple]:
    """For every class of the module: where pickle finds it, its bases, its public attributes."""
    import inspect

    import ray._raylet as raylet

    return {
        name: (
            value.__module__,
            value.__qualname__,
            [base.__name__ for base in value.__mro__],
            sorted(attribute for attribute in dir(value) if not attribute.startswith("_")),
        )
        for name in dir(raylet)
        if inspect.isclass(value := getattr(raylet, name)) and value.__module__ in ("ray._raylet", "ray")
    }


def ids() -> list[tuple]:
    import ray._raylet as raylet

    source = random.Random(1)
    results = []
    for name, size in CLASSES.items():
        kind = getattr(raylet, name)
        values = [source.randbytes(size) for _ in range(200)] + [bytes(size), b"\xff" * size]
        for value in values:
            one = kind(value)
            assert (
                one == kind(value) and one != kind(bytes(size - 1) + b"\1") and hash(one) == hash(kind(value))
            )
            results.append(
                (
                    *(
                        name,
                        repr(one),
                        str(one),
                        one.hex(),
                        one.binary(),
                        bytes(one),
                        hash(one),
                        one.is_nil(),
                    ),
                    *(one.redis_shard_hash(), pickle.dumps(one), pickle.dumps(one, 5), kind.size()),
                    str(one.__reduce__()),
                )
            )
        value = values[0]
        for call in (
            *(lambda: kind(b"x"), lambda: kind("x"), lambda: kind(None), lambda: kind(bytearray(value))),
            *(lambda: kind.from_hex(value.hex()), lambda: kind.from_hex(value.hex().upper())),
            *(lambda: kind.from_hex(value.hex().encode()), lambda: kind.from_hex("zz" * size)),
            *(lambda: kind.from_hex("0"), lambda: kind.from_binary(value), lambda: kind.from_binary(b"")),
            *(lambda: kind.nil(), lambda: kind(id=value), lambda: kind(value) < kind(value)),
            *(
                lambda: kind(value) == value,
                lambda: kind(value) != 1,
                lambda: len(kind.from_random().binary()),
            ),
            *(
                lambda: kind(value)._set_id(b"1"),
                lambda: kind.__new__(kind),
                lambda: type("S", (kind,), {})(value),
            ),
            *(lambda: type("S", (kind,), {})(value) == kind(value), lambda: type("S", (kind,), {}).nil()),
            *(lambda: setattr(kind(value), "x", 1), lambda: kind(value).__dict__),
        ):
            results.append((name, outcome(call, with_text=name not in ("UniqueID", "ObjectRef"))))
        results.append(
            (name, outcome(kind, with_text=False), outcome(lambda: kind(value, value, 3, 4, 5, 6), False))
        )
    return results


def derived_ids() -> list[Any]:
    from ray._raylet import (
        ActorID,
        JobID,
        ObjectRef,
        PlacementGroupID,
        TaskID,
        check_id,
        check_nil,
        compute_task_id,
    )

    job, other = JobID.from_int(7), JobID.from_int(0x01020304)
    driver = TaskID.for_driver_task(job)
    actor = ActorID(bytes(range(12)) + job.binary())
    ref = ObjectRef(driver.binary() + (1).to_bytes(4, "little"))
    calls = [
        *(lambda: job.int(), lambda: other.int(), lambda: other, lambda: JobID.nil().int()),
        *(lambda: JobID.from_int(2**32 - 1), lambda: JobID.from_int(2**32), lambda: JobID.from_int(1.5)),
        *(lambda: driver, lambda: TaskID.for_actor_creation_task(actor), lambda: actor.job_id),
        *(
            lambda: TaskID.for_actor_task(job, driver, 3, actor),
            lambda: TaskID.for_normal_task(job, driver, 3),
        ),
        lambda: TaskID.for_normal_task(job_id=other, parent_task_id=driver, parent_task_counter=2**40),
        *(lambda: TaskID.for_actor_task(job, driver, 3, actor).actor_id(), lambda: driver.job_id()),
        *(lambda: TaskID.nil().actor_id(), lambda: TaskID.nil().job_id(), lambda: ActorID.nil().job_id),
        *(
            lambda: ActorID.of(1, 2, 3),
            lambda: ActorID.of(job, driver, 1).job_id,
            lambda: PlacementGroupID.of(3),
        ),
        *(lambda: PlacementGroupID.of(job).hex()[-8:], lambda: TaskID.for_fake_task(job).job_id()),
        lambda: TaskID.for_actor_creation_task(job),
        *(lambda: ref.task_id(), lambda: ref.job_id(), lambda: ref.owner_address(), lambda: ref.call_site()),
        *(lambda: ref.tensor_transport(), lambda: compute_task_id(ref), lambda: ObjectRef[int]),
        *(lambda: ObjectRef.nil().task_id(), lambda: ObjectRef.nil().job_id()),
        *(lambda: ObjectRef.from_random().binary()[24:], lambda: compute_task_id(3)),
        lambda: ObjectRef(bytes(28), "owner", "site", True, "nccl").owner_address(),
        lambda: ObjectRef(bytes(28), b"owner", b"site", True, "nccl").call_site(),
        lambda: ObjectRef(bytes(28), skip_adding_local_ref=None, tensor_transport="nccl").tensor_transport(),
        *(lambda: ObjectRef(bytes(28), None), lambda: ObjectRef(bytes(28), call_site_data=3)),
        *(
            lambda: check_id(bytes(28)),
            lambda: check_id(b"x"),
            lambda: check_id("x"),
            lambda: check_id(b"four", 4),
        ),
        *(lambda: check_nil(job), lambda: check_nil(JobID.nil()), lambda: check_nil(TaskID.nil())),
    ]
    return [outcome(call) for call in calls]


def module_function() -> None:
    """A function to describe."""


class ModuleClass:
    def method(self) -> None:
        """A method to describe."""


def descriptors() -> list[Any]:
    import json

    from ray._raylet import (
        CppFunctionDescriptor,
        EmptyFunctionDescriptor,
        FunctionDescriptor,
        JavaFunctionDescriptor,
        PythonFunctionDescriptor,
    )

    def inner() -> None:
        """A nested function to describe."""

    made = PythonFunctionDescriptor.from_class(ModuleClass)
    assert len(made.function_hash) == 32 and made != PythonFunctionDescriptor.from_class(ModuleClass)
    number = uuid.UUID(int=0x1234567890ABCDEF)
    source = random.Random(2)
    words = ["", "f", "C.f", "mod.sub", "äöü", "<locals>.x", "a" * 300]
    random_ones = [PythonFunctionDescriptor(*(source.choice(words) for _ in range(4))) for _ in range(50)]
    some = [
        PythonFunctionDescriptor("module", "function"),
        PythonFunctionDescriptor(b"module", b"C.method", b"C", b"hash"),
        PythonFunctionDescriptor(
            module_name="m", function_name="f", class_name="c", function_source_hash="h"
        ),
        PythonFunctionDescriptor.from_function(module_function, number),
        PythonFunctionDescriptor.from_function(inner, number),
        PythonFunctionDescriptor.from_function(ModuleClass.method, number),
        PythonFunctionDescriptor.from_function(json.dumps, number),
        PythonFunctionDescriptor.from_function(len, number),
        JavaFunctionDescriptor("class", "function", "signature"),
        CppFunctionDescriptor("function", "caller"),
        CppFunctionDescriptor("function", "caller", "class"),
        EmptyFunctionDescriptor(),
        *random_ones,
    ]
    results: list[Any] = []
    for one in some:
        copy = pickle.loads(pickle.dumps(one))
        assert one == copy and hash(one) == hash(copy) and not one != copy
        shown = {name: repr(value) for name, value in one.to_dict().items()}
        results.append((repr(one), str(one), one.repr, shown, repr(one.__reduce__()), pickle.dumps(one)))
        if isinstance(one, PythonFunctionDescriptor):
            results.append((one.is_actor_method(), one.function_id.hex(), repr(one._get_function_id())))
    first, second = some[:2]
    results += [
        *(
            outcome(lambda: first == second),
            outcome(lambda: first == 1),
            outcome(lambda: first < second, False),
        ),
        *(outcome(lambda: PythonFunctionDescriptor(None, "f")), outcome(lambda: setattr(first, "x", 1))),
        outcome(lambda: setattr(first, "module_name", "x"), False),
        outcome(lambda: PythonFunctionDescriptor.from_function(module_function, "text")),
        outcome(lambda: PythonFunctionDescriptor("m"), False),
        FunctionDescriptor.__module__,
        outcome(lambda: PythonFunctionDescriptor._get_module_name(module_function)),
    ]
    return results


def languages() -> list[Any]:
    from ray._raylet import Language

    calls = [
        *(lambda: Language.PYTHON, lambda: Language.JAVA, lambda: Language.CPP, lambda: Language(1).value()),
        *(lambda: Language.PYTHON.__reduce__(), lambda: pickle.dumps(Language.CPP)),
        *(
            lambda: Language(0) == Language.PYTHON,
            lambda: Language.PYTHON == 0,
            lambda: Language.PYTHON != Language(2),
        ),
    ]
    refused = [
        *(lambda: Language.JAVA < Language.CPP, lambda: setattr(Language.JAVA, "x", 1)),
        *(lambda: hash(Language.CPP), lambda: Language("x"), lambda: Language()),
    ]
    return [outcome(call) for call in calls] + [outcome(call, with_text=False) for call in refused]
