"""Runtime environments of tasks and actors, and of the whole job (which needs a driver of its own)."""

import json
import os
import subprocess
import sys
import textwrap
import zipfile

import pytest
import ray
from ray.exceptions import RuntimeEnvSetupError
from ray.runtime_env import RuntimeEnv
from test_virtual_environments import make_wheel

pytestmark = pytest.mark.usefixtures("cluster")


@ray.remote
def variable(name):
    return os.environ.get(name)


@ray.remote
def process():
    return os.getpid()


@ray.remote
def environment():
    return dict(ray.get_runtime_context().runtime_env)


def test_variables_of_tasks():
    task = variable.options(runtime_env={"env_vars": {"COLOUR": "red"}})
    assert ray.get(task.remote("COLOUR")) == "red"
    assert ray.get(variable.remote("COLOUR")) is None
    other = variable.options(runtime_env=RuntimeEnv(env_vars={"COLOUR": "blue", "OTHER": "a b=c\n'\""}))
    assert ray.get([other.remote("COLOUR"), other.remote("OTHER")]) == ["blue", "a b=c\n'\""]


def test_programs_that_a_worker_starts_know_its_job():
    assert ray.get(variable.remote("RAY_JOB_ID")) == ray.get_runtime_context().get_job_id()


def test_variables_can_name_others():
    task = variable.options(runtime_env={"env_vars": {"MY_PATH": "/opt/mine:${PATH}"}})
    assert ray.get(task.remote("MY_PATH")).startswith("/opt/mine:/")


@pytest.mark.parametrize("part", [{"conda": "no-such"}, {"image_uri": "no/such"}, {"nsight": "default"}])
def test_what_cannot_be_had_is_not_left_out(part):
    with pytest.raises(RuntimeEnvSetupError):
        ray.get(variable.options(runtime_env=part).remote("PATH"), timeout=120)


def test_processes_are_not_shared():
    same = process.options(runtime_env={"env_vars": {"A": "1"}})
    assert ray.get(same.remote()) == ray.get(same.remote())
    plain = ray.get(process.remote())
    assert ray.get(same.remote()) != plain


def test_variables_of_actors():
    @ray.remote(num_cpus=0, runtime_env={"env_vars": {"COLOUR": "red"}})
    class Actor:
        def variable(self, name):
            return os.environ.get(name)

        def child(self, name):
            return ray.get(variable.remote(name))

        def grandchild(self):
            task = variable.options(runtime_env={"env_vars": {"SHAPE": "round"}})
            return ray.get([task.remote("COLOUR"), task.remote("SHAPE")])

    actor = Actor.remote()
    assert ray.get(actor.variable.remote("COLOUR")) == "red"
    # Children inherit, and what they say themselves is added.
    assert ray.get(actor.child.remote("COLOUR")) == "red"
    assert ray.get(actor.grandchild.remote()) == ["red", "round"]
    other = Actor.options(runtime_env={"env_vars": {"COLOUR": "blue"}}).remote()
    assert ray.get(other.variable.remote("COLOUR")) == "blue"


def test_context_tells():
    given = {"env_vars": {"COLOUR": "red"}}
    assert ray.get(environment.options(runtime_env=given).remote())["env_vars"] == {"COLOUR": "red"}
    assert "env_vars" not in ray.get(environment.remote())


def test_failures_name_their_node():
    task = variable.options(runtime_env={"working_dir": "gcs://_ray_pkg_fedcba9876543210.zip"})
    with pytest.raises(RuntimeEnvSetupError, match=r"\[Node [0-9a-f.:]+\] "):
        ray.get(task.remote("A"), timeout=60)


def test_bad_environments():
    with pytest.raises(TypeError):
        variable.options(runtime_env={"env_vars": {"A": 1}}).remote("A")
    with pytest.raises(ValueError):
        variable.options(runtime_env={"working_dir": "/tmp/no/such/folder"}).remote("A")


def test_a_package_that_does_not_exist():
    task = variable.options(runtime_env={"working_dir": "gcs://_ray_pkg_0123456789abcdef.zip"})
    with pytest.raises(RuntimeEnvSetupError):
        ray.get(task.remote("A"), timeout=60)
    assert ray.get(variable.remote("A")) is None


# Jobs with an environment: programs of their own, so that they have a driver of their own.

PROLOGUE = """
import importlib.util, json, os, sys
if importlib.util.find_spec("swift_ray") is None:
    sys.path.insert(0, {checkout!r})
import swift_ray
swift_ray.install()
import ray

def start(**environment):
    ray.init("local", num_cpus=2, object_store_memory=100 << 20, include_dashboard=False,
             log_to_driver=False, runtime_env=environment)
"""


def run_program(folder, text):
    """What a driver prints last, as JSON."""
    checkout = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    path = folder / "program.py"
    path.write_text(PROLOGUE.format(checkout=checkout) + textwrap.dedent(text))
    run = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, timeout=180, cwd=folder, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout.splitlines()[-1])


def test_job_variables(tmp_path):
    result = run_program(
        tmp_path,
        """
        start(env_vars={"COLOUR": "red", "SHAPE": "round"})

        @ray.remote
        def look():
            return os.environ.get("COLOUR"), os.environ.get("SHAPE")

        more = look.options(runtime_env={"env_vars": {"SHAPE": "flat"}})
        print(json.dumps(ray.get([look.remote(), more.remote()])))
        """,
    )
    assert result == [["red", "round"], ["red", "flat"]]


def test_job_folder(tmp_path):
    folder = tmp_path / "files"
    (folder / "inner").mkdir(parents=True)
    (folder / "text.txt").write_text("hello")
    (folder / "helper.py").write_text("def answer():\n    return 42\n")
    (folder / "inner" / "left_out.log").write_text("x" * 100)
    result = run_program(
        tmp_path,
        """
        start(working_dir="files", excludes=["*.log"])

        @ray.remote
        def look():
            import helper
            found = sorted(name for _, _, names in os.walk(".") for name in names if not name.endswith(".pyc"))
            return open("text.txt").read(), helper.answer(), found

        @ray.remote
        class Actor:
            def look(self):
                import helper
                return helper.answer()

        print(json.dumps([ray.get(look.remote()), ray.get(Actor.remote().look.remote())]))
        """,
    )
    assert result == [["hello", 42, ["helper.py", "text.txt"]], 42]


def test_job_folder_as_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "files.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("text.txt", "hello")
    result = run_program(
        tmp_path,
        """
        start(working_dir="files.zip")

        @ray.remote
        def look():
            return open("text.txt").read()

        print(json.dumps(ray.get(look.remote())))
        """,
    )
    assert result == "hello"


def test_job_folder_with_nothing_in_it(tmp_path):
    (tmp_path / "files").mkdir()
    result = run_program(
        tmp_path,
        """
        start(working_dir="files")

        @ray.remote
        def look():
            return os.listdir(".")

        print(json.dumps(ray.get(look.remote())))
        """,
    )
    assert result == []


def test_job_modules(tmp_path):
    package = tmp_path / "modules" / "somewhere" / "my_package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from my_package.part import value\n")
    (package / "part.py").write_text("value = 7\n")
    (tmp_path / "modules" / "single.py").write_text("value = 8\n")
    result = run_program(
        tmp_path,
        """
        start(py_modules=["modules/somewhere/my_package", "modules/single.py"])

        @ray.remote
        def look():
            import my_package, single
            return my_package.value, single.value

        @ray.remote
        def nested():
            return ray.get(look.options(runtime_env={"env_vars": {"A": "1"}}).remote())

        print(json.dumps(ray.get([look.remote(), nested.remote()])))
        """,
    )
    assert result == [[7, 8], [7, 8]]


def test_job_modules_that_are_wheels_or_on_all_nodes(tmp_path):
    """Several workers of one node want them."""
    (tmp_path / "there" / "place").mkdir(parents=True)
    (tmp_path / "there" / "on_this_node.py").write_text("value = 9\n")
    wheel = make_wheel(tmp_path, "1.0")
    result = run_program(
        tmp_path,
        f"""
        start(py_modules=[{wheel!r}, "local://{tmp_path / 'there'}"])

        @ray.remote(num_cpus=1)
        class Actor:
            def look(self):
                import on_this_node, swift_ray_sample
                return on_this_node.value, swift_ray_sample.VERSION

        actors = [Actor.remote() for _ in range(2)]
        print(json.dumps(ray.get([actor.look.remote() for actor in actors])))
        """,
    )
    assert result == [[9, "1.0"]] * 2
    assert (tmp_path / "there" / "place").is_dir()


def test_large_packages(tmp_path):
    """Each is larger than one message of the cluster may be."""
    size = 70 << 20
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "data").write_bytes(os.urandom(size))
    package = tmp_path / "large_package"
    package.mkdir()
    (package / "__init__.py").write_text("value = 7\n")
    (package / "data").write_bytes(os.urandom(size))
    result = run_program(
        tmp_path,
        """
        import hashlib

        def digest(path):
            return hashlib.sha256(open(path, "rb").read()).hexdigest()

        start(working_dir="files", py_modules=["large_package"])

        @ray.remote
        def look():
            import large_package
            module = os.path.join(os.path.dirname(large_package.__file__), "data")
            return [large_package.value, digest("data"), digest(module)]

        print(json.dumps([ray.get(look.remote()), [7, digest("files/data"), digest("large_package/data")]]))
        """,
    )
    assert result[0] == result[1]


def test_another_program_as_interpreter(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "start.sh").write_text('export SHAPE="round one"\nexec "$@"\n')
    result = run_program(
        tmp_path,
        """
        command = f"env COLOUR=red bash start.sh {sys.executable}"
        start(working_dir="files", py_executable=command, env_vars={"OTHER": "1"})

        @ray.remote
        def look():
            return [os.environ.get(name) for name in ("COLOUR", "SHAPE", "OTHER")]

        @ray.remote
        class Actor:
            def look(self):
                return ray.get(look.remote())

        print(json.dumps(ray.get([look.remote(), Actor.remote().look.remote()])))
        """,
    )
    assert result == [["red", "round one", "1"]] * 2


def test_a_program_that_is_no_interpreter():
    task = variable.options(runtime_env={"py_executable": "/no/such/program"})
    with pytest.raises((RuntimeEnvSetupError, ray.exceptions.GetTimeoutError)):
        ray.get(task.remote("A"), timeout=20)
    assert ray.get(variable.remote("A")) is None


def test_setup_hook(tmp_path):
    result = run_program(
        tmp_path,
        """
        def hook():
            os.environ["HOOK"] = "was here"

        start(worker_process_setup_hook=hook, env_vars={"COLOUR": "red"})

        @ray.remote
        def look():
            return os.environ.get("HOOK"), os.environ.get("COLOUR")

        print(json.dumps(ray.get(look.remote())))
        """,
    )
    assert result == ["was here", "red"]
