"""Errors of the core become the exceptions that Ray's own module gives, with the same text."""

import pickle

import pytest
import ray
import real
import values

from swift_ray.raylet import errors

DETAILS = {
    "actor_id": bytes(range(16)),
    "class_name": "Counter",
    "name": "one",
    "ray_namespace": "space",
    "pid": 42,
    "node_ip_address": "10.0.0.1",
    "owner_id": bytes(28),
    "owner_ip_address": "10.0.0.2",
    "never_started": True,
    "reason": "WORKER_DIED",
}

CLASSES = {
    0: "WorkerCrashedError",
    1: "ActorDiedError",
    3: "RayTaskError",
    5: "TaskCancelledError",
    7: "RuntimeEnvSetupError",
    8: "ObjectLostError",
    9: "OwnerDiedError",
    10: "ReferenceCountingAssertionError",
    12: "ObjectReconstructionFailedError",
    13: "ObjectReconstructionFailedError",
    14: "ObjectFetchTimedOutError",
    15: "LocalRayletDiedError",
    16: "TaskPlacementGroupRemoved",
    17: "ActorPlacementGroupRemoved",
    18: "TaskUnschedulableError",
    19: "ActorUnschedulableError",
    20: "OutOfDiskError",
    21: "ObjectFreedError",
    22: "OutOfMemoryError",
    23: "NodeDiedError",
    24: "ObjectRefStreamEndOfStreamError",
    25: "ActorUnavailableError",
    **dict.fromkeys(range(27, 33), "ObjectReconstructionFailedError"),
    33: "RaySystemError",
    34: "StreamingGeneratorReplayInconsistentError",
    # What Ray's Python has no words for.
    **dict.fromkeys((6, 11, 26, 1003, 1004), "RaySystemError"),
    2: "ObjectLostError",
}


def test_every_number_gives_rays_exception_and_text():
    numbers = [number for number in CLASSES if number != 3]
    objects = [errors.error_object(number, f"what happened ({number})", DETAILS) for number in numbers]
    failed = ray.exceptions.RayTaskError("f", "the traceback", ValueError("wrong"), "title", 1, "10.0.0.1")
    for number, error in ((1, ray.exceptions.ActorDiedError.from_task_error(failed)), (3, failed)):
        objects.append(errors.error_object(number, "", {"task_error": pickle.dumps(error)}))
    ours = values.read_errors(objects)
    for one, other in zip(ours, real.call(values.read_errors, objects), strict=True):
        assert one == other
    for number, (name, text) in zip(numbers, ours):
        assert name == CLASSES[number], number
        if number in errors._WITH_SENTENCE | {1, 6, 11, 26, 1003, 1004}:
            assert f"what happened ({number})" in text
    assert ours[-2][0] == "ActorDiedError" and "the traceback" in ours[-2][1]
    assert ours[-1] == ("RayTaskError", "the traceback")


def test_every_number_of_rays_protocol_is_known():
    from ray.core.generated.common_pb2 import ErrorType

    assert set(ErrorType.values()) - {4} <= set(CLASSES)
    with pytest.raises(ValueError):
        errors.error_object(4, "")


def test_bare_numbers_without_data_read_the_same_on_both():
    objects = [(str(number).encode(), None) for number in range(35) if number != 3] + [
        (b"abc", None),
        (b"99", None),
        (b"1,DEBUG:x", None),
    ]
    for one, other in zip(values.read_errors(objects), real.call(values.read_errors, objects), strict=True):
        assert one == other


def test_preempted_actor():
    values.context()
    died = errors.stored_exception(1, "gone", {**DETAILS, "preempted": True})
    assert isinstance(died, ray.exceptions.ActorDiedError) and died.preempted


def test_errors_that_calls_raise():
    import ray.exceptions as exceptions

    kinds = {
        1000: exceptions.GetTimeoutError,
        1001: exceptions.ObjectStoreFullError,
        1002: ValueError,
        1003: exceptions.RaySystemError,
        1004: exceptions.RpcError,
        1005: exceptions.AuthenticationError,
        1006: exceptions.ActorAlreadyExistsError,
        1007: ValueError,
        1020: exceptions.PendingCallsLimitExceeded,
        1999: exceptions.RaySystemError,
        20: exceptions.OutOfDiskError,
        24: exceptions.ObjectRefStreamEndOfStreamError,
    }
    for number, kind in kinds.items():
        error = errors.exception(number, "what happened")
        assert type(error) is kind and "what happened" in str(error)
    assert errors.exception(1004, "x").rpc_code == 14
    assert errors.exception(1004, "x", {"rpc_code": 4}).rpc_code == 4


def test_every_status_has_an_exception():
    for status in (*errors.STATUS_EXCEPTIONS, "NothingLikeThis"):
        assert isinstance(errors.status_exception(status, "what happened"), BaseException)
    assert errors.status_exception("IntentionalSystemExit", "bye").code == 0
    exit = errors.status_exception("UnexpectedSystemExit", "bye")
    assert exit.code == 1 and exit.ray_terminate_msg == "bye"
    assert isinstance(errors.status_exception("AlreadyExists", "x"), ValueError)
    assert isinstance(errors.status_exception("TimedOut", "x"), TimeoutError)


def test_lines_of_this_package_are_left_out_of_tracebacks_wherever_they_are():
    import os

    from swift_ray.raylet import tracebacks

    def run(function, folder):
        code = compile("def within(function):\n    return function()", os.path.join(folder, "a.py"), "exec")
        names = {}
        exec(code, names)
        return names["within"](function)

    def fail():
        raise KeyError("inner")

    def fail_from(cause):
        try:
            run(cause, tracebacks.OWN_FOLDER)
        except KeyError as error:
            raise ValueError("outer") from error

    def fail_in_group():
        try:
            run(fail, tracebacks.OWN_FOLDER)
        except KeyError as error:
            raise ExceptionGroup("group", [error])  # noqa: B904

    # As the cause, and both as what was being handled and in the group.
    for failing, times in ((lambda: fail_from(fail), 1), (fail_in_group, 2)):
        try:
            run(lambda failing=failing: run(failing, "/elsewhere"), tracebacks.OWN_FOLDER)
        except Exception as error:
            shown = "".join(tracebacks.lines_of(error))
        assert shown.count("KeyError: 'inner'") == shown.count("in fail\n") == times
        assert "/elsewhere/a.py" in shown and tracebacks.OWN_FOLDER not in shown
