"""What Ray's Python says of the cluster's state, and what drivers print of their workers' output."""

import json
import os
import subprocess
import sys
import time

import pytest
import ray
from ray._private import worker
from ray._private.state import actors as actor_table
from ray._private.state import jobs as job_table
from ray.util import placement_group, remove_placement_group
from ray.util.state import api
from waiting import eventually

PRINTING = """
import swift_ray
swift_ray.install()
import sys
import time
import ray
ray.init("local", num_cpus=2, include_dashboard=False, object_store_memory=100_000_000)

@ray.remote
def shout(text):
    print("task says", text)
    print("task complains", text, file=sys.stderr)

@ray.remote
class Talker:
    def talk(self, text):
        print("actor says", text)

@ray.remote
class Named:
    def __repr__(self):
        return "Named(7)"

    def talk(self):
        print("named says so")

@ray.remote
def begin():
    print("begun", end=" ")
    print("and not ended", end=" ")

ray.get([shout.remote("one"), begin.remote()])
talker, named = Talker.remote(), Named.remote()
ray.get([talker.talk.remote("two"), named.talk.remote()])
time.sleep(3)
"""


def test_actors_table(cluster):
    @ray.remote(num_cpus=0)
    class Kept:
        def pid(self) -> int:
            return os.getpid()

    kept = Kept.options(name="kept").remote()
    pid = ray.get(kept.pid.remote())
    entry = actor_table(kept._actor_id.hex())
    assert entry["State"] == "ALIVE" and entry["Pid"] == pid
    assert entry["ActorClassName"].endswith("Kept") and entry["Name"] == "kept"
    assert entry["JobID"] == ray.get_runtime_context().get_job_id()
    assert entry["Address"]["NodeID"] == ray.get_runtime_context().get_node_id()
    assert kept._actor_id.hex() in actor_table()
    assert entry["StartTime"] > 0 and entry["EndTime"] == 0
    ray.kill(kept)
    assert eventually(lambda: actor_table(kept._actor_id.hex())["State"] == "DEAD")
    ended = actor_table(kept._actor_id.hex())
    assert ended["StartTime"] == entry["StartTime"] < ended["EndTime"]


def test_jobs_table(cluster):
    entries = {entry["JobID"]: entry for entry in job_table()}
    entry = entries[ray.get_runtime_context().get_job_id()]
    assert entry["IsDead"] is False and entry["DriverPid"] > 0
    known = worker.global_worker.gcs_client.get_all_job_info()
    assert not known[ray.JobID.from_hex(entry["JobID"])].is_dead


def test_timeline(cluster, tmp_path):
    @ray.remote
    def drawn() -> None:
        time.sleep(0.1)

    ray.get([drawn.remote() for _ in range(3)])

    def spans() -> list[dict]:
        return [event for event in ray.timeline() if event["cat"].startswith("task::drawn")]

    assert eventually(lambda: len(spans()) == 3)
    assert all(90_000 < event["dur"] < 10_000_000 for event in spans())
    ray.timeline(filename=tmp_path / "timeline.json")
    assert json.loads((tmp_path / "timeline.json").read_text())


@pytest.mark.skipif(os.environ.get("SWIFT_RAY") == "0", reason="Ray's own core needs a dashboard for these")
def test_state_api(cluster):
    @ray.remote(num_cpus=0)
    class Seen:
        def me(self) -> str:
            return ray.get_runtime_context().get_actor_id()

    @ray.remote
    def watched() -> None: ...

    actor = Seen.remote()
    actor_id = ray.get(actor.me.remote())
    ray.get([watched.remote() for _ in range(3)])
    group = placement_group([{"CPU": 1}])
    ray.get(group.ready())

    def tasks() -> list:
        return api.list_tasks(filters=[("name", "=", "watched"), ("state", "=", "FINISHED")])

    assert eventually(lambda: len(tasks()) == 3)
    assert len(api.list_tasks(limit=1)) == 1
    state = api.get_actor(actor_id)
    assert (state.state, state.class_name.split(".")[-1], state.num_restarts) == ("ALIVE", "Seen", 0)
    (node,) = api.list_nodes(detail=True)
    assert state.node_id == node.node_id == api.get_node(node.node_id).node_id
    assert [one.actor_id for one in api.list_actors(filters=[("state", "=", "ALIVE")], detail=True)] == [
        actor_id
    ]
    assert api.get_task(tasks()[0].task_id).state == "FINISHED"
    assert api.get_placement_group(group.id.hex()).state == "CREATED"
    assert all(
        one.start_time_ms > 0 and one.end_time_ms == 0
        for one in api.list_workers(detail=True)
        if one.is_alive
    )
    assert node.start_time_ms > 0 and node.end_time_ms == 0 and api.list_jobs(detail=True)
    assert "watched" in str(api.summarize_tasks()["cluster"]["summary"])
    assert api.summarize_actors()["cluster"]["total_actors"] >= 1
    assert api.get_actor("00" * 16) is None
    held = ray.put(bytes(1_000_000))
    (shown,) = api.list_objects(filters=[("object_id", "=", held.hex())])
    assert (shown.reference_type, shown.pid) == (
        "LOCAL_REFERENCE",
        os.getpid(),
    ) and shown.object_size > 999_999
    assert api.summarize_objects()["cluster"]["total_objects"] >= 1
    remove_placement_group(group)
    ray.kill(actor)
    assert eventually(lambda: api.get_actor(actor_id).state == "DEAD")


@pytest.mark.skipif(os.environ.get("SWIFT_RAY") == "0", reason="Ray's own core needs a dashboard for these")
def test_tasks_that_are_not_to_be_seen(cluster):
    @ray.remote(num_cpus=0)
    def within() -> None: ...

    @ray.remote(num_cpus=0, enable_task_events=False)
    def hidden() -> None:
        ray.get(within.options(name="seen within").remote())

    @ray.remote(num_cpus=0)
    class Lists:
        def plain(self) -> None: ...

        @ray.method(enable_task_events=True)
        def shown(self) -> None: ...

        @ray.method(enable_task_events=False)
        def unseen(self) -> None: ...

    def call(actor) -> str:
        ray.get([actor.plain.remote(), actor.shown.remote(), actor.unseen.remote()])
        return actor._actor_id.hex()

    ray.get([hidden.remote(), hidden.options(name="seen", enable_task_events=True).remote()])
    hiding = call(Lists.options(enable_task_events=False).remote())
    showing = call(Lists.options(name="listed").remote())
    expected = {
        *[("seen within", None), ("seen", None), (hiding, "Lists.shown")],
        *[(showing, name) for name in ("listed:Lists.__init__", "Lists.plain", "Lists.shown")],
    }

    def listed() -> set:
        tasks = [(one.actor_id, one.name) for one in api.list_tasks(limit=1_000)]
        return {
            (actor, name) if actor in (hiding, showing) else (name, None)
            for actor, name in tasks
            if actor in (hiding, showing) or name in ("hidden", "seen", "seen within")
        }

    assert eventually(lambda: listed() == expected), listed()


@pytest.mark.skipif(os.environ.get("SWIFT_RAY") == "0", reason="Ray's own core needs a dashboard for these")
def test_workers_that_a_debugger_holds(cluster, tmp_path):
    end = tmp_path / "end"

    @ray.remote(num_cpus=0)
    def held() -> int:
        worker.global_worker.set_debugger_port(4_321)
        with worker.global_worker.task_paused_by_debugger(), worker.global_worker.worker_paused_by_debugger():
            while not end.exists():
                time.sleep(0.01)
        return os.getpid()

    def workers(count: int) -> list[int]:
        found = api.list_workers(filters=[("num_paused_threads", "=", count)], detail=True)
        return [one.pid for one in found if one.debugger_port == 4_321]

    result = held.remote()
    assert eventually(lambda: len(workers(1)) == 1)
    (process,) = workers(1)
    end.touch()
    assert ray.get(result) == process
    assert workers(1) == [] and workers(0) == [process]


def test_output_has_names(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PRINTING],
        capture_output=True,
        text=True,
        timeout=90,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    printed = done.stdout + done.stderr
    assert "(shout pid=" in printed and "task says one" in printed and "task complains one" in printed
    assert "(begin pid=" in printed and "begun and not ended" in printed
    assert "(Talker pid=" in printed and "actor says two" in printed
    assert "(Named(7) pid=" in printed and "named says so" in printed
    assert ":task_name:" not in printed and ":actor_name:" not in printed
