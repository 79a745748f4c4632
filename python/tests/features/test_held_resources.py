"""Who holds resources, and when they are free for others."""

import gc
import os
import signal
import time

import pytest
import ray
from heads import is_own_core
from ray._raylet import IMPLICIT_RESOURCE_PREFIX
from waiting import eventually


@pytest.fixture(scope="module", autouse=True)
def cluster_of_one_cpu():
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def test_an_actor_that_waits_keeps_what_it_has():
    @ray.remote(num_cpus=1)
    def task():
        return 1

    @ray.remote(num_cpus=1)
    class Holder:
        def wait_for_a_task(self):
            return ray.get(task.remote())

    holder = Holder.remote()
    call = holder.wait_for_a_task.remote()
    assert ray.wait([call], timeout=2)[0] == []
    ray.kill(holder)
    assert ray.get(task.remote(), timeout=60) == 1


def test_actors_that_only_garbage_refers_to_are_in_nobodys_way():
    @ray.remote(num_cpus=1)
    class Actor:
        def ping(self):
            return 1

    gc.disable()
    try:
        for _ in range(2):
            actor = Actor.remote()
            cycle = [actor]
            cycle.append(cycle)
            assert ray.get(actor.ping.remote(), timeout=120) == 1
            del actor, cycle
    finally:
        gc.enable()
        gc.collect()


def test_every_node_has_one_of_each_implicit_resource():
    resource = IMPLICIT_RESOURCE_PREFIX + "application:Model"

    @ray.remote(num_cpus=0, resources={resource: 0.5})
    class Replica:
        def ping(self):
            return 1

    replicas = [Replica.remote() for _ in range(3)]
    calls = [replica.ping.remote() for replica in replicas]
    ready, others = ray.wait(calls, num_returns=2, timeout=60)
    assert len(ready) == 2
    assert ray.wait(others, timeout=1)[0] == []
    # One of those that are there goes.
    for replica, call in zip(replicas, calls, strict=True):
        if call in ready:
            ray.kill(replica)
            break
    assert ray.get(others[0], timeout=60) == 1
    assert resource not in ray.cluster_resources()


@pytest.mark.skipif(is_own_core, reason="there the wait goes on")
def test_a_task_whose_wait_is_interrupted_has_its_cpu_again(tmp_path):
    def mark(text):
        open(os.path.join(tmp_path, text), "w").close()

    @ray.remote(num_cpus=1)
    def waiting(never):
        class Alarm(Exception):
            pass

        def ring(number, frame):
            raise Alarm

        signal.signal(signal.SIGALRM, ring)
        for wait in (ray.get, lambda ref: ray.wait([ref])):
            signal.setitimer(signal.ITIMER_REAL, 1)
            try:
                wait(never[0])
            except Alarm:
                continue
        time.sleep(0.5)
        mark("waits no more")
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            pass
        mark("over")

    @ray.remote(num_cpus=0)
    class Never:
        def end(self):
            time.sleep(1_000)

    @ray.remote(num_cpus=1)
    def other():
        return os.path.exists(os.path.join(tmp_path, "over"))

    never = Never.remote()
    call = waiting.remote([never.end.remote()])
    assert eventually(lambda: os.path.exists(tmp_path / "waits no more"))
    assert ray.get(other.remote(), timeout=60)
    ray.get(call, timeout=60)
    ray.kill(never)
