"""A process that starts one cluster after the other."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest
import ray
from heads import is_own_core
from waiting import eventually


def test_references_of_an_earlier_cluster_do_no_harm():
    ray.init("local", num_cpus=1, object_store_memory=100 << 20, include_dashboard=False, log_to_driver=False)
    old = [ray.put(number) for number in range(10)]
    ray.shutdown()
    ray.init("local", num_cpus=1, object_store_memory=100 << 20, include_dashboard=False, log_to_driver=False)
    new = [ray.put(number) for number in range(10)]
    del old
    assert ray.get(new) == list(range(10))
    ray.shutdown()


def test_a_reference_of_an_earlier_cluster_names_nothing_of_the_next():
    old = []
    for number in range(3):
        ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
        new = ray.put(number)
        assert ray.get(new) == number
        for ref in old:
            with pytest.raises(ValueError, match="owner is unknown"):
                ray.get(ref, timeout=30)
            ready, others = ray.wait([new, ref], timeout=5)
            assert (ready, others) == ([new], [ref])
        old.append(new)
        ray.shutdown()


def test_a_handle_of_an_earlier_cluster_is_refused():
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)

    @ray.remote
    class Actor:
        def call(self):
            pass

    actor = Actor.remote()
    ray.get(actor.call.remote())
    ray.shutdown()
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    with pytest.raises(Exception, match="different cluster"):
        ray.get(actor.call.remote(), timeout=30)
    ray.shutdown()


def test_workers_import_what_the_cluster_says():
    settings = {"preload_python_modules": ["html.parser", "no.such.module"]}
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False, _system_config=settings)

    @ray.remote
    def is_loaded():
        import sys

        return "html.parser" in sys.modules

    assert ray.get(is_loaded.remote(), timeout=60)
    ray.shutdown()


def test_keys_of_the_control_store():
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    from ray.experimental import internal_kv

    assert internal_kv._internal_kv_put("key", "value") is False
    assert internal_kv._internal_kv_get("key") == b"value"
    for ask in (internal_kv._internal_kv_get, internal_kv._internal_kv_del, internal_kv._internal_kv_list):
        with pytest.raises(ray.exceptions.RaySystemError):
            ask("@namespace_key")
    ray.shutdown()


def test_calls_inside_calls_on_one_cpu():
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)

    @ray.remote
    def inner():
        return 1

    @ray.remote
    def middle():
        return ray.get(inner.remote()) + 1

    @ray.remote
    def outer():
        return ray.get(middle.remote()) + 1

    assert ray.get([outer.remote() for _ in range(50)], timeout=90) == [3] * 50
    ray.shutdown()


def test_objects_are_spilled_where_the_driver_says(tmp_path):
    ray.init(
        "local",
        num_cpus=1,
        object_store_memory=80 << 20,
        include_dashboard=False,
        log_to_driver=False,
        object_spilling_directory=str(tmp_path),
    )
    values = [ray.put(np.full(30 << 20, number, dtype=np.uint8)) for number in range(5)]
    assert any(files for _, _, files in os.walk(tmp_path))
    assert [ray.get(value)[0] for value in values] == list(range(5))
    ray.shutdown()


def test_workers_with_one_thread():
    ray.init(
        "local",
        num_cpus=1,
        include_dashboard=False,
        log_to_driver=False,
        _system_config={"support_fork": True},
    )

    @ray.remote
    def threads():
        import threading

        return threading.active_count()

    assert ray.get(threads.remote(), timeout=60) == 1
    ray.shutdown()


def test_generators_have_a_limit(monkeypatch):
    monkeypatch.setenv("RAY_max_num_generator_returns", "3")
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)

    @ray.remote
    def items(count):
        for number in range(count):
            yield number

    assert [ray.get(item) for item in items.remote(1)] == [0]
    # On Ray's own core it is the worker's end.
    with pytest.raises(ray.exceptions.RayError):
        [ray.get(item) for item in items.remote(9)]
    ray.shutdown()


def test_how_the_kernel_treats_workers():
    settings = {"worker_niceness": 7, "worker_oom_score_adjustment": 900}
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False, _system_config=settings)

    @ray.remote
    def standing():
        with open("/proc/self/oom_score_adj") as file:
            return os.nice(0), int(file.read())

    assert ray.get(standing.remote(), timeout=60) == (7, 900)
    ray.shutdown()


@pytest.mark.parametrize("lifetime", ["detached", "non_detached"])
def test_actors_outlive_their_creators_if_the_job_says_so(lifetime):
    config = ray.job_config.JobConfig(default_actor_lifetime=lifetime)
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, job_config=config)

    @ray.remote(num_cpus=0)
    class Child:
        def call(self):
            return 1

    @ray.remote(num_cpus=0)
    class Parent:
        def create(self):
            self.child = Child.remote()
            ray.get(self.child.call.remote())
            return self.child

    parent = Parent.remote()
    child = ray.get(parent.create.remote())
    ray.kill(parent)

    def lives() -> bool:
        try:
            return ray.get(child.call.remote(), timeout=30) == 1
        except ray.exceptions.RayActorError:
            return False

    if lifetime == "detached":
        time.sleep(2)
        assert lives()
    else:
        assert eventually(lambda: not lives())
    ray.shutdown()


OTHER_JOB = """
import sys
import ray

ray.init(sys.argv[1], namespace="test", log_to_driver=False)

@ray.remote
def function():
    return 1

@ray.remote(num_cpus=0)
class Actor:
    def method(self):
        return 2

if sys.argv[2] == "detached":
    Actor = Actor.options(name="kept", lifetime="detached")
actor = Actor.remote()
assert ray.get([function.remote(), actor.method.remote()]) == [1, 2]
print(ray.get_runtime_context().get_job_id())
"""


def job_of(kind: str) -> bytes:
    """Runs OTHER_JOB against this process's cluster; the job's id."""
    command = [sys.executable, "-c", OTHER_JOB, ray.get_runtime_context().gcs_address, kind]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stdout.split()[-1].encode()


def test_what_a_job_has_exported_goes_with_it():
    from ray.experimental.internal_kv import _internal_kv_list

    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, namespace="test")

    def exported(job: bytes) -> int:
        kinds = (b"RemoteFunction:", b"ActorClass:")
        return sum(len(_internal_kv_list(kind + job, namespace="fun")) for kind in kinds)

    plain = job_of("plain")
    assert eventually(lambda: exported(plain) == 0)
    kept = job_of("detached")
    actor = ray.get_actor("kept")
    assert ray.get(actor.method.remote(), timeout=60) == 2
    assert exported(kept) == 2
    ray.kill(actor)
    assert eventually(lambda: exported(kept) == 0)
    ray.shutdown()


@pytest.mark.skipif(is_own_core, reason="it has tables of jobs and actors")
def test_what_handles_and_workers_are_to_know_goes_with_actors_and_jobs():
    from ray.experimental.internal_kv import _internal_kv_list

    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, namespace="test")

    def kept() -> tuple[int, int]:
        return tuple(
            len(_internal_kv_list(b"", namespace=f"swift_ray_{kind}")) for kind in ("jobs", "actors")
        )

    assert kept() == (1, 0)
    job_of("plain")
    assert eventually(lambda: kept() == (1, 0))
    job_of("detached")
    actor = ray.get_actor("kept")
    assert kept() == (2, 1)
    ray.kill(actor)
    assert eventually(lambda: kept() == (1, 0))
    ray.shutdown()


@pytest.mark.skipif(is_own_core, reason="there all users of the machine may write into it")
def test_the_folder_of_a_session_is_its_users():
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    session = ray._private.worker._global_node.get_session_dir_path()
    assert os.stat(session).st_mode & 0o777 == 0o700
    ray.shutdown()


WAITING_PROGRAM = """
import asyncio, threading, time
import ray

ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)

@ray.remote
def sleep():
    time.sleep(100)

reference, errors = sleep.remote(), []

def expect(wait):
    try:
        wait()
    except BaseException as error:
        errors.append(type(error).__name__)

async def use():
    await reference

waits = [lambda: ray.get(reference), lambda: ray.wait([reference]), lambda: asyncio.run(use())]
threads = [threading.Thread(target=expect, args=[wait]) for wait in waits]
for thread in threads:
    thread.start()
time.sleep(1)
ray.shutdown()
for thread in threads:
    thread.join(20)
print("ended", len(errors), flush=True)
"""


@pytest.mark.skipif(is_own_core, reason="there the process hangs, or a signal ends it")
def test_who_waits_while_the_session_ends_is_told():
    done = subprocess.run([sys.executable, "-c", WAITING_PROGRAM], capture_output=True, text=True, timeout=90)
    assert "ended 3" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


@pytest.mark.skipif(is_own_core, reason="there the process hangs, or a signal ends it")
def test_a_callback_may_end_the_session():
    program = """
import threading
import ray

ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
ended = threading.Event()

def end(value):
    ray.shutdown()
    ended.set()

ray.put(1)._on_completed(end)
print("ended", ended.wait(30), ray.is_initialized(), flush=True)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=90)
    assert "ended True False" in done.stdout, done.stdout + done.stderr
