"""Errors that are no call's result, or whose call's result nobody gets."""

import os
import signal
import time

import pytest
import ray
import ray._private.worker
from ray._private import ray_constants
from ray._private.test_utils import get_error_message, init_error_pubsub
from ray._private.utils import publish_error_to_driver, push_error_to_driver
from waiting import eventually

pytestmark = pytest.mark.usefixtures("cluster")


@pytest.fixture
def unhandled(monkeypatch):
    found = []
    monkeypatch.setattr(ray._private.worker, "_unhandled_error_handler", found.append)
    return found


@pytest.fixture
def errors():
    subscriber = init_error_pubsub()
    yield subscriber
    subscriber.close()


@ray.remote
def fail(*values):
    raise ValueError("on purpose")


@ray.remote
class Actor:
    def fail(self):
        raise ValueError("on purpose")

    def pid(self):
        return os.getpid()


def test_results_that_nobody_holds(unhandled):
    actor = Actor.remote()
    references = [fail.remote(), actor.fail.remote()]
    ray.wait([actor.pid.remote()])
    del references
    assert eventually(lambda: len(unhandled) == 2)
    assert all("on purpose" in str(error) for error in unhandled)


def test_results_that_somebody_got(unhandled):
    actor = Actor.remote()
    references = [fail.remote(), actor.fail.remote()]
    for reference in references:
        with pytest.raises(ValueError):
            ray.get(reference)
    passed_on = fail.remote()
    with pytest.raises(ValueError):
        ray.get(fail.remote(passed_on))
    del references, reference, passed_on
    time.sleep(1)
    assert unhandled == []


def test_results_of_a_process_that_died(unhandled):
    @ray.remote(max_retries=0)
    def crash():
        os._exit(1)

    crash.remote()
    assert eventually(lambda: len(unhandled) == 1)


def test_told_by_anybody(errors):
    publish_error_to_driver("kind", "from outside", ray._private.worker.global_worker.gcs_client)

    @ray.remote
    def push():
        worker = ray._private.worker.global_worker
        push_error_to_driver(worker, "kind", "from a task", worker.current_job_id)

    ray.get(push.remote())
    found = get_error_message(errors, 2, "kind")
    assert [error["error_message"] for error in found] == ["from outside", "from a task"]
    assert found[0]["job_id"] == ray.JobID.nil().binary()
    assert found[1]["job_id"] == ray._private.worker.global_worker.current_job_id.binary()


def test_workers_that_crash(errors):
    actor = Actor.remote()
    os.kill(ray.get(actor.pid.remote()), signal.SIGKILL)
    with pytest.raises(ray.exceptions.RayActorError):
        ray.get(actor.pid.remote(), timeout=30)
    found = get_error_message(errors, 1, ray_constants.WORKER_DIED_PUSH_ERROR)
    assert "died or was killed while executing" in found[0]["error_message"]


def test_workers_that_are_not_wanted_any_more(errors):
    actor = Actor.remote()
    ray.get(actor.pid.remote())
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(actor.__ray_terminate__.remote(), timeout=30)
    del actor
    assert get_error_message(errors, 1, timeout=2) == []


def test_detached_actors_that_are_hard_to_find(errors):
    actors = [
        Actor.options(name="found", lifetime="detached", namespace="named").remote(),
        Actor.options(name="lost", lifetime="detached").remote(),
    ]
    kind = ray_constants.DETACHED_ACTOR_ANONYMOUS_NAMESPACE_ERROR
    (found,) = get_error_message(errors, 1, kind)
    assert ray.get_runtime_context().namespace in found["error_message"]
    for actor in actors:
        ray.kill(actor)
