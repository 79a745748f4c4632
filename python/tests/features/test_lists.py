"""The lists of `ray.util.state` and `ray list`: what is in their rows, filters, limits, and what they say is missing."""

import json
import os
import subprocess
import sys
import threading
import time
import warnings

import pytest
import ray
from click.testing import CliRunner
from ray._private import worker
from ray._private.profiling import chrome_tracing_dump
from ray.exceptions import RayActorError, WorkerCrashedError
from ray.util.state import api
from ray.util.state.exception import RayStateApiException
from ray.util.state.state_cli import ray_list, summary_state_cli_group
from waiting import eventually

pytestmark = pytest.mark.skipif(
    os.environ.get("SWIFT_RAY") == "0", reason="Ray's own core needs a dashboard for these"
)


SETTINGS = """
import json
import os
import subprocess
import sys
import time
import swift_ray
swift_ray.install()
import ray
from ray.util.state import list_tasks
ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False, _system_config=json.loads(sys.argv[1]))

@ray.remote
def within():
    pass

@ray.remote
def outer():
    ray.get(within.remote())

ray.get([outer.remote() for _ in range(5)])
deadline = time.monotonic() + 20
while len(list_tasks(raise_on_missing_output=False)) < int(sys.argv[2]) and time.monotonic() < deadline:
    time.sleep(0.1)
time.sleep(1.5)
print("listed", len(list_tasks(raise_on_missing_output=False)))
if os.access(sys.argv[3], os.X_OK):
    head = ray.get_runtime_context().gcs_address
    subprocess.run([sys.argv[3], "timeline", "--address", head, "--output", "trace.json"], check=True)
    with open("trace.json") as file:
        print("spans", any(event.get("cat") == "ray.get" for event in json.load(file)))
"""
OWN_PROGRAM = os.environ.get("RAY_BUILD", "") + "/ray"


def tasks(*filters: tuple, **options) -> list:
    return api.list_tasks(filters=list(filters), **options)


def test_an_actor_is_shown_as_it_says(cluster):
    @ray.remote(num_cpus=0)
    class Shown:
        def __init__(self, name):
            self.name = name

        def __repr__(self):
            return f"Shown({self.name})"

        def pid(self) -> int:
            return os.getpid()

    @ray.remote(num_cpus=0)
    class Plain:
        def pid(self) -> int: ...

    shown, plain = Shown.remote("a"), Plain.remote()
    pid = ray.get(shown.pid.remote())
    ray.get([plain.pid.remote(), shown.pid.options(name="mine").remote()])
    ids = [actor._actor_id.hex() for actor in (shown, plain)]
    assert [api.get_actor(one).repr_name for one in ids] == ["Shown(a)", ""]

    def names(actor: str) -> set:
        return {(one.name, one.func_or_class_name) for one in tasks(("actor_id", "=", actor))}

    expected = {
        ("Shown(a).pid", "Shown.pid"),
        ("mine", "Shown.pid"),
        ("Shown.__init__", "Shown.__init__"),
    }
    assert eventually(lambda: names(ids[0]) == expected), names(ids[0])
    assert names(ids[1]) == {("Plain.pid", "Plain.pid"), ("Plain.__init__", "Plain.__init__")}
    (call,) = tasks(("name", "=", "shown(A).PID"))
    assert call.worker_pid == pid
    before = api.get_actor(ids[0])
    ray.kill(shown)
    assert eventually(lambda: api.get_actor(ids[0]).state == "DEAD")
    dead = api.get_actor(ids[0])
    assert (dead.pid, dead.node_id, dead.repr_name) == (pid, before.node_id, "Shown(a)")
    assert dead.is_detached is False and dead.required_resources == before.required_resources
    death = dead.death_cause["actor_died_error_context"]
    assert "because it was killed by `ray.kill`" in death["error_message"]
    assert death["actor_id"] == ids[0] and death["pid"] == pid


def test_filters_and_limits_are_checked(cluster):
    @ray.remote
    def filtered() -> None: ...

    ray.get([filtered.remote() for _ in range(3)])
    assert eventually(lambda: len(tasks(("name", "=", "filtered"), ("state", "=", "finished"))) == 3)
    listed = tasks(("name", "=", "filtered"))
    of_first = [one for one in listed if one.worker_pid == listed[0].worker_pid]
    assert tasks(("name", "=", "filtered"), ("worker_pid", "=", listed[0].worker_pid)) == of_first
    for alive in ("1", "True", "true"):
        living = api.list_workers(filters=[("is_alive", "=", alive)])
        gone = api.list_workers(filters=[("is_alive", "!=", alive)])
        assert living and all(one.is_alive for one in living) and not any(one.is_alive for one in gone)
    for wrong, words in (
        (("colour", "=", "red"), "filter column colour is not supported"),
        (("worker_pid", "=", "many"), "Failed to convert a value many"),
        (("worker_pid", "=", "²"), "Failed to convert a value ²"),
        (("worker_pid", "=", "--1"), "Failed to convert a value --1"),
        (("end_time_ms", "=", "1"), "filter column end_time_ms is not supported"),
    ):
        with pytest.raises(RayStateApiException, match=words):
            tasks(wrong)
    with pytest.raises(RayStateApiException, match="exceeds the supported limit 10000"):
        tasks(limit=10_001)
    with pytest.raises(RayStateApiException, match="runtime_envs"):
        api.list_runtime_envs()


def test_what_is_missing_is_said(cluster, monkeypatch):
    @ray.remote
    def many() -> None: ...

    ray.get([many.remote() for _ in range(12)])
    assert eventually(lambda: len(tasks(("name", "=", "many"))) == 12)
    held = ray.put(1)
    with pytest.warns(UserWarning, match="RAY_record_ref_creation_sites=1"):
        assert held.hex() in CliRunner().invoke(ray_list, ["objects"]).output
    with pytest.warns(UserWarning, match="records no events"):
        assert CliRunner().invoke(ray_list, ["cluster-events"]).exit_code == 0
    with pytest.warns(UserWarning, match="Limit last 2 entries"):
        CliRunner().invoke(ray_list, ["tasks", "--limit", "2"])
    monkeypatch.setenv("RAY_MAX_LIMIT_FROM_DATA_SOURCE", "10")
    with pytest.warns(UserWarning, match=r"10 \(12 total from the cluster\) tasks are retrieved"):
        CliRunner().invoke(ray_list, ["tasks", "--filter", "name=many"])
    output = CliRunner().invoke(ray_list, ["tasks", "--filter", "name=many", "--format", "json"]).output
    assert len(json.loads(output)) == 10
    with pytest.raises(RayStateApiException, match="Failed to retrieve all 12 tasks .*data truncation"):
        tasks(("name", "=", "many"))
    with pytest.raises(RayStateApiException, match="data truncation"):
        api.summarize_tasks()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(tasks(("name", "=", "many"), raise_on_missing_output=False)) == 10
    monkeypatch.delenv("RAY_MAX_LIMIT_FROM_DATA_SOURCE")
    assert "many" in CliRunner().invoke(summary_state_cli_group, ["tasks"]).output


def test_the_parts_of_a_task_are_drawn(cluster):
    @ray.remote
    def drawn_apart() -> None:
        time.sleep(0.2)

    ray.get(drawn_apart.remote())
    assert eventually(lambda: len(tasks(("name", "=", "drawn_apart"), ("state", "=", "FINISHED"))) == 1)
    (task,) = tasks(("name", "=", "drawn_apart"), detail=True)
    assert task.profiling_data["component_id"] == task.worker_id
    drawn = [one for one in json.loads(chrome_tracing_dump([task])) if one["ph"] == "X"]
    spans = {one["name"] if one["cat"] != "task:execute" else "run": one for one in drawn}
    assert {one["cat"] for one in drawn} == {"task::drawn_apart", "task:execute", "task:store_outputs"}
    assert 200_000 <= spans["run"]["dur"] < 10_000_000
    assert spans["run"]["args"]["task_id"] == task.task_id
    assert {"task:execute", "task:store_outputs"} <= {one["cat"] for one in ray.timeline()}


def test_threads_belong_to_the_task_that_runs(cluster):
    @ray.remote(num_cpus=0)
    def child() -> None: ...

    def call_in_thread(name: str) -> None:
        thread = threading.Thread(target=lambda: ray.get(child.options(name=name).remote()))
        thread.start()
        thread.join()

    @ray.remote(num_cpus=0)
    def threaded() -> str:
        call_in_thread("of a task")
        return ray.get_runtime_context().get_task_id()

    @ray.remote(num_cpus=0)
    class Threaded:
        def call(self, name: str) -> str:
            call_in_thread(name)
            return ray.get_runtime_context().get_task_id()

        async def wait(self) -> None: ...

    @ray.remote(num_cpus=0)
    class OneByOne:
        call = Threaded.__ray_metadata__.modified_class.call

    several, one_by_one = Threaded.remote(), OneByOne.remote()
    expected = {
        "of a task": ray.get(threaded.remote()),
        "of an actor": ray.get(one_by_one.call.remote("of an actor")),
    }
    ray.get(several.call.remote("of several"))

    def constructor() -> str:
        (made,) = tasks(("actor_id", "=", several._actor_id.hex()), ("type", "=", "ACTOR_CREATION_TASK"))
        return made.task_id

    expected["of several"] = constructor()

    def parents() -> dict:
        return {one.name: one.parent_task_id for one in tasks() if one.name in expected}

    assert eventually(lambda: parents() == expected), (parents(), expected)


def test_tasks_that_a_debugger_holds(cluster, tmp_path):
    end = tmp_path / "end"

    @ray.remote(num_cpus=0)
    def held() -> None:
        with worker.global_worker.task_paused_by_debugger():
            while not end.exists():
                time.sleep(0.01)

    def listed() -> list:
        return [one.task_id for one in tasks(("is_debugger_paused", "=", "True"))]

    result = held.remote()
    assert eventually(lambda: listed() == [result.task_id().hex()])
    assert api.get_task(result.task_id().hex()).is_debugger_paused is True
    end.touch()
    ray.get(result)
    assert listed() == [] and api.get_task(result.task_id().hex()).is_debugger_paused is False


def test_failures_in_the_words_of_ray(cluster):
    @ray.remote(num_cpus=0, max_retries=0)
    def dies() -> None:
        os._exit(27)

    @ray.remote(num_cpus=0)
    class Killed:
        def wait(self) -> None:
            time.sleep(60)

        def ready(self) -> None: ...

    with pytest.raises(WorkerCrashedError):
        ray.get(dies.remote())
    actor = Killed.remote()
    ray.get(actor.ready.remote())
    waiting = actor.wait.options(name="waits").remote()
    ray.kill(actor)
    with pytest.raises(RayActorError):
        ray.get(waiting)

    def failure(name: str) -> tuple:
        (task,) = tasks(("name", "=", name), ("state", "=", "FAILED"), detail=True) or [None]
        return (task.error_type, task.error_message) if task else ("", "")

    assert eventually(lambda: failure("dies")[0] == "WORKER_DIED" and failure("waits")[0] == "ACTOR_DIED")
    assert "Worker exits with an exit code 27" in failure("dies")[1]
    assert "The actor is dead because it was killed by `ray.kill`" in failure("waits")[1]


def test_drivers_are_on_their_node(cluster):
    node = ray.get_runtime_context().get_node_id()
    drivers = api.list_workers(filters=[("worker_type", "=", "DRIVER"), ("node_id", "=", node)])
    assert os.getpid() in [one.pid for one in drivers]


def test_the_call_that_ends_its_actor_has_finished(cluster):
    @ray.remote(num_cpus=0)
    class Leaving:
        def by_ray(self) -> None:
            ray.actor.exit_actor()

        def by_python(self) -> None:
            sys.exit(0)

    for way in ("by_ray", "by_python"):
        with pytest.raises(RayActorError):
            ray.get(getattr(Leaving.remote(), way).remote(), timeout=60)
        assert eventually(
            lambda: [one.state for one in tasks(("name", "=", f"Leaving.{way}"))] == ["FINISHED"]
        )


def test_jobs_say_when_they_began(cluster):
    (job,) = api.list_jobs(detail=True)
    assert time.time() * 1000 - 600_000 < job.start_time < time.time() * 1000 and job.end_time == 0
    assert job.driver_node_id == ray.get_runtime_context().get_node_id()
    assert job.metadata == {} and job.runtime_env == {}


@pytest.mark.parametrize(
    ("settings", "count", "has_spans"),
    [
        ({"task_events_report_interval_ms": 100}, 10, True),
        ({"task_events_report_interval_ms": 0}, 0, False),
        ({"task_events_max_num_task_in_gcs": 3}, 3, True),
        ({"enable_timeline": False}, 10, False),
    ],
)
def test_settings_of_the_cluster_say_what_is_recorded(settings, count, has_spans, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SETTINGS, json.dumps(settings), str(count), OWN_PROGRAM],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert f"listed {count}\n" in done.stdout, done.stdout + done.stderr
    if os.access(OWN_PROGRAM, os.X_OK):
        assert f"spans {has_spans}" in done.stdout, done.stdout + done.stderr
