"""Calls on an actor while its process is started again."""

import os
import time

import pytest
import ray
from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayActorError
from waiting import eventually

pytestmark = pytest.mark.usefixtures("cluster")


@ray.remote(num_cpus=0, max_restarts=-1)
class Slow:
    """Comes to life again only when a file is there."""

    def __init__(self, path):
        while ray.get_runtime_context().was_current_actor_reconstructed and not path.exists():
            time.sleep(0.02)

    def ping(self):
        return "pong"


def start(path, **options):
    actor = Slow.options(**options).remote(path)
    assert ray.get(actor.ping.remote()) == "pong"
    ray.kill(actor, no_restart=False)
    # So that this process has heard of it.
    time.sleep(1)
    return actor


def is_back(actor):
    try:
        return ray.get(actor.ping.remote(), timeout=20) == "pong"
    except ActorUnavailableError:
        return False


def test_calls_without_retries_fail(tmp_path):
    path = tmp_path / "go"
    actor = start(path)
    for _ in range(2):
        with pytest.raises(ActorUnavailableError, match="The actor is restarting"):
            ray.get(actor.ping.remote(), timeout=20)
    path.touch()
    assert eventually(lambda: is_back(actor))


def test_calls_with_retries_wait(tmp_path):
    path = tmp_path / "go"
    actor = start(path, max_task_retries=-1)
    call = actor.ping.remote()
    with pytest.raises(GetTimeoutError):
        ray.get(call, timeout=3)
    path.touch()
    assert ray.get(call, timeout=30) == "pong"


def test_a_call_may_have_retries_of_its_own(tmp_path):
    path = tmp_path / "go"
    actor = start(path)
    call = actor.ping.options(max_task_retries=-1).remote()
    with pytest.raises(ActorUnavailableError):
        ray.get(actor.ping.remote(), timeout=20)
    with pytest.raises(GetTimeoutError):
        ray.get(call, timeout=1)
    path.touch()
    assert ray.get(call, timeout=30) == "pong"


def test_a_call_waits_for_its_argument_first(tmp_path):
    path = tmp_path / "go"

    @ray.remote(num_cpus=0)
    def late():
        while not path.exists():
            time.sleep(0.02)

    @ray.remote(num_cpus=0, max_restarts=-1)
    class Taking:
        def take(self, value):
            return "taken"

    actor = Taking.remote()
    assert ray.get(actor.take.remote(0)) == "taken"
    call = actor.take.remote(late.remote())
    ray.kill(actor, no_restart=False)
    time.sleep(3)
    path.touch()
    assert ray.get(call, timeout=30) == "taken"


@pytest.mark.parametrize("is_declared", [True, False])
def test_a_method_without_retries_is_not_made_again_though_its_actor_has_some(tmp_path, is_declared):
    @ray.remote(max_restarts=2, max_task_retries=3)
    class Account:
        @ray.method(max_task_retries=0)
        def pay(self, path):
            end(path)

        def pay_too(self, path):
            end(path)

        def ping(self):
            return "pong"

    def end(path):
        with open(path, "a") as file:
            file.write("x")
        os._exit(1)

    path = tmp_path / "payments"
    account = Account.remote()
    assert ray.get(account.ping.remote(), timeout=60) == "pong"
    pay = account.pay if is_declared else account.pay_too.options(max_task_retries=0)
    with pytest.raises(RayActorError):
        ray.get(pay.remote(str(path)), timeout=60)
    assert ray.get(account.ping.remote(), timeout=60) == "pong"
    assert path.read_text() == "x"
