"""`ray logs` and `ray.util.state.get_log`."""

import os
import subprocess
import sys

import pytest
import ray
import yaml
from click.testing import CliRunner
from ray.util.state import api, get_log, list_logs
from ray.util.state.exception import RayStateApiException
from ray.util.state.state_cli import logs_state_cli_group
from waiting import eventually

pytestmark = pytest.mark.skipif(
    os.environ.get("SWIFT_RAY") == "0", reason="Ray's own core needs a dashboard for these"
)


# Only what Ray itself needs is there, as where a user has installed `ray` and not `ray[default]`.
LIST = """
import sys
sys.modules["aiohttp"] = None
import swift_ray
swift_ray.install()
from ray.util.state.state_cli import logs_state_cli_group
logs_state_cli_group(["cluster", "--address", sys.argv[1], "--node-id", sys.argv[2]])
"""


@ray.remote(num_cpus=0)
class Talker:
    def talk(self, count: int) -> int:
        for number in range(count):
            print("actor says ä", number)
        print("actor complains", file=sys.stderr)
        return os.getpid()


@ray.remote
def talks(text: str) -> None:
    print("task says", text)


def read(**options) -> str:
    return "".join(get_log(**options))


def test_of_actors_and_workers(cluster):
    actor = Talker.remote()
    pid = ray.get(actor.talk.remote(5))
    id = actor._actor_id.hex()
    node = ray.get_runtime_context().get_node_id()
    assert eventually(lambda: "actor says ä 4" in read(actor_id=id))
    assert read(actor_id=id, tail=2) == "actor says ä 3\nactor says ä 4\n"
    assert eventually(lambda: "actor complains" in read(actor_id=id, suffix="err"))
    assert read(pid=pid, node_id=node) == read(actor_id=id)
    assert b"".join(get_log(actor_id=id, encoding=None)).decode() == read(actor_id=id)
    shown = CliRunner().invoke(logs_state_cli_group, ["actor", "--id", id, "--tail", "1"])
    assert shown.exit_code == 0 and shown.output.endswith("actor says ä 4\n")
    names = list_logs(node_id=node)
    assert any(name.endswith(f"-{pid}.out") for name in names["worker_out"])
    assert "raylet.out" in names["raylet"] and "gcs_server.out" in names["gcs_server"]
    assert set(list_logs(node_id=node, glob_filter="raylet*")) == {"raylet"}
    (name,) = [name for name in names["worker_out"] if name.endswith(f"-{pid}.out")]
    assert read(filename=name, node_id=node) == read(actor_id=id)
    ray.kill(actor)
    assert eventually(lambda: api.get_actor(id).state == "DEAD")
    assert read(actor_id=id, tail=1) == "actor says ä 4\n"


def test_the_list_of_the_command(cluster, tmp_path):
    context = ray.get_runtime_context()
    done = subprocess.run(
        [sys.executable, "-c", LIST, context.gcs_address, context.get_node_id()],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    title, names = done.stdout.split("\n", 1)
    assert title == f"Node ID: {context.get_node_id()}"
    assert "raylet.out" in yaml.safe_load(names)["raylet"]


def test_files_in_folders_of_the_logs(cluster, tmp_path):
    node = ray.get_runtime_context().get_node_id()
    folder = os.path.join(ray._private.worker.global_worker.node.get_session_dir_path(), "logs")
    os.mkdir(os.path.join(folder, "inner"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("one\ntwo\n")
    os.symlink(elsewhere, os.path.join(folder, "inner", "link.txt"))
    assert list_logs(node_id=node, glob_filter="inner*") == {"internal": ["inner/"]}
    (name,) = list_logs(node_id=node, glob_filter="inner/*")["internal"]
    assert name == "inner/link.txt" and read(filename=name, node_id=node, tail=1) == "two\n"
    shown = CliRunner().invoke(logs_state_cli_group, ["cluster", "inner/*", "--node-id", node])
    assert shown.exit_code == 0 and shown.output.endswith("one\ntwo\n")
    for pattern in ("/etc/host*", "../*", "inner/../../*"):
        with pytest.raises(RayStateApiException, match="must be a relative path and cannot contain"):
            list_logs(node_id=node, glob_filter=pattern)
    with pytest.raises(RayStateApiException, match="Invalid glob filter"):
        list_logs(node_id=node, glob_filter="a**")


def test_of_tasks(cluster):
    tasks = [talks.options(name=name).remote(name) for name in ("one", "two")]
    ray.get(tasks)

    def said(task) -> str:
        try:
            return read(task_id=task.task_id().hex())
        except RayStateApiException:
            # It has not been reported yet.
            return ""

    assert eventually(lambda: [said(task) for task in tasks] == ["task says one\n", "task says two\n"])
    shown = CliRunner().invoke(
        logs_state_cli_group, ["task", "--id", tasks[0].task_id().hex(), "--tail", "-1"]
    )
    assert shown.output.endswith("task says one\n")


def test_that_are_followed(cluster):
    actor = Talker.remote()
    pid = ray.get(actor.talk.remote(1))
    id = actor._actor_id.hex()
    assert eventually(lambda: "actor says" in read(actor_id=id))
    parts = get_log(actor_id=id, follow=True, tail=1, _interval=0.01)
    assert next(parts) == "actor says ä 0\n"
    assert ray.get(actor.talk.remote(2)) == pid
    added = ""
    while "actor says ä 1\n" not in added:
        added += next(parts)
    assert added.startswith("actor says ä 0\n")


def test_that_are_not_there(cluster):
    node = ray.get_runtime_context().get_node_id()
    actor = Talker.remote()
    call = actor.talk.remote(1)
    ray.get(call)
    with pytest.raises(RayStateApiException, match="There is no file nothing.out"):
        read(filename="nothing.out", node_id=node)
    with pytest.raises(RayStateApiException, match="There is no file"):
        read(filename="../../../../../../etc/passwd", node_id=node)
    with pytest.raises(RayStateApiException, match="There is no node"):
        list_logs(node_ip="192.0.2.77")
    with pytest.raises(RayStateApiException, match="no actors with the actor_id"):
        read(actor_id="00" * 16)
    with pytest.raises(RayStateApiException, match="process id 1 in"):
        read(pid=1, node_id=node)
    with pytest.raises(RayStateApiException, match="submits no jobs"):
        read(submission_id="raysubmit_1", node_id=node)

    def refusal() -> str:
        with pytest.raises(RayStateApiException) as refused:
            read(task_id=call.task_id().hex())
        return str(refused.value)

    assert eventually(lambda: f"ray logs actor --id {actor._actor_id.hex()}" in refusal())
    with pytest.raises(ValueError):
        read(node_id=node)
