"""Ray Client: programs beside a cluster, which reach it through `ray://` alone."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
import ray
from heads import client_server, free_port, is_own_core, needs_command, started_head
from ray.exceptions import (
    GetTimeoutError,
    RayActorError,
    RayTaskError,
    TaskCancelledError,
    WorkerCrashedError,
)
from ray.util.placement_group import placement_group, placement_group_table, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy
from test_virtual_environments import make_wheel
from waiting import eventually

pytestmark = needs_command
TOKEN = "the-token-of-this-test-0123456789"
LARGE = 6 << 20


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where Ray Client's server listens."""
    with client_server(tmp_path_factory.mktemp("head")) as address:
        yield address


@pytest.fixture(scope="module")
def client(address):
    """This process is a client."""
    ray.init(f"ray://{address}", namespace="tests")
    yield
    ray.shutdown()


def program(address, text, **variables):
    """A client in a process of its own, which begins with these lines."""
    begin = f"import json, os, sys, time\nimport ray\nADDRESS = 'ray://{address}'\n"
    return subprocess.Popen(
        [sys.executable, "-c", begin + textwrap.dedent(text)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **variables},
    )


def answer(process):
    """What a program prints last, as JSON; lines of its workers may come behind."""
    output, errors = process.communicate(timeout=150)
    assert process.returncode == 0, errors[-3000:]
    for line in reversed(output.splitlines()):
        with contextlib.suppress(ValueError):
            return json.loads(line)
    raise AssertionError(output)


@ray.remote
def add(a, b=0):
    return a + b


@ray.remote
class Counter:
    def __init__(self, count=0):
        self.count = count

    def increase(self, by=1):
        self.count += by
        return self.count

    def fail(self):
        raise KeyError("no such count")


@pytest.mark.usefixtures("client")
class TestCalls:
    def test_tasks(self):
        @ray.remote(num_returns=2)
        def both(a, b):
            return a, b

        @ray.remote
        def factorial(n):
            return 1 if n == 0 else n * ray.get(factorial.remote(n - 1))

        first, second = both.remote(1, b=ray.put(2))
        assert ray.get([add.remote(first, b=second), factorial.options(num_cpus=0).remote(4)]) == [3, 24]

    def test_values(self):
        large = os.urandom(LARGE)
        # Held: Ray's client lets go of what it no longer holds when it likes, also of what a value has just brought back.
        inner = add.remote(1, 2)
        reference = ray.put({"large": large, "inner": [inner]})
        value = ray.get(reference)
        assert value["large"] == large and ray.get(value["inner"]) == [3]

        @ray.remote
        def look(value, references):
            return len(value["large"]), ray.get(references[0]) is not None, references

        count, is_there, (same,) = ray.get(look.remote(reference, [reference]))
        assert (count, is_there, same) == (LARGE, True, reference)
        assert ray.get(add.remote(large, b=b"!"))[-1:] == b"!"

    def test_wait(self):
        @ray.remote(num_cpus=0)
        def sleep(seconds):
            time.sleep(seconds)

        short, long = sleep.remote(0), sleep.remote(60)
        assert ray.wait([long, short], timeout=30) == ([short], [long])
        assert ray.wait([long], timeout=0.1) == ([], [long])
        with pytest.raises(GetTimeoutError):
            ray.get(long, timeout=0.1)
        ray.cancel(long, force=True)
        with pytest.raises((TaskCancelledError, WorkerCrashedError)):
            ray.get(long, timeout=30)

    def test_await(self):
        async def both():
            return await asyncio.gather(add.remote(1), add.remote(2))

        assert asyncio.run(both()) == [1, 2]
        assert add.remote(3).future().result(timeout=30) == 3

    def test_errors(self):
        @ray.remote
        def fail(value):
            raise ValueError("not this one")

        for failed in (fail.remote(1), add.remote(fail.remote(1)), fail.remote(fail.remote(1))):
            with pytest.raises(ValueError, match="not this one") as caught:
                ray.get(failed)
            assert isinstance(caught.value, RayTaskError)
            assert type(caught.value.cause) is ValueError
            assert "in fail" in str(caught.value)
        with pytest.raises(TypeError):
            ray.get(add.remote())

    def test_cancel(self):
        @ray.remote(num_cpus=4)
        def spin():
            while True:
                time.sleep(0.01)

        running, queued = spin.remote(), spin.remote()
        assert ray.wait([running, queued], timeout=0.5)[0] == []
        for reference in (queued, running):
            ray.cancel(reference)
            with pytest.raises(TaskCancelledError):
                ray.get(reference, timeout=30)


@pytest.mark.usefixtures("client")
class TestActors:
    def test_order_and_errors(self):
        counter = Counter.remote(count=10)
        assert ray.get([counter.increase.remote() for _ in range(50)]) == list(range(11, 61))
        with pytest.raises(KeyError, match="no such count"):
            ray.get(counter.fail.remote())
        assert ray.get(counter.increase.options(num_returns=1).remote(by=5)) == 65

    def test_handles_in_values(self):
        counter = Counter.remote()

        @ray.remote
        def increase(handles):
            return ray.get(handles["counter"].increase.remote()), handles["counter"]

        count, same = ray.get(increase.remote({"counter": counter}))
        assert count == 1 and ray.get(same.increase.remote()) == 2

    def test_names(self):
        counter = Counter.options(name="named").remote()
        other = Counter.options(name="named", namespace="other").remote(count=5)
        assert ray.get([counter.increase.remote(), other.increase.remote()]) == [1, 6]
        assert ray.get(ray.get_actor("named").increase.remote()) == 2
        assert ray.get(ray.get_actor("named", namespace="other").increase.remote()) == 7
        assert ray.util.list_named_actors() == ["named"]
        with pytest.raises(ValueError, match="named"):
            Counter.options(name="named").remote().increase.remote()
        with pytest.raises(ValueError, match="nobody"):
            ray.get_actor("nobody")
        del counter

    def test_kill(self):
        counter = Counter.options(name="killed").remote()
        assert ray.get(counter.increase.remote()) == 1
        ray.kill(counter)
        with pytest.raises(RayActorError):
            ray.get(counter.increase.remote(), timeout=30)

        def is_gone():
            try:
                return not ray.get_actor("killed")
            except ValueError:
                return True

        assert eventually(is_gone)

    def test_constructor_fails(self):
        @ray.remote
        class Broken:
            def __init__(self):
                raise ValueError("no way")

            def call(self):
                pass

        with pytest.raises(RayActorError, match="no way"):
            ray.get(Broken.remote().call.remote(), timeout=30)

    def test_asyncio(self):
        @ray.remote
        class Event:
            def __init__(self):
                self.event = asyncio.Event()

            async def wait(self):
                await self.event.wait()
                return "set"

            async def set(self):
                self.event.set()

        event = Event.remote()
        waiting = event.wait.remote()
        ray.get(event.set.remote())
        assert ray.get(waiting, timeout=30) == "set"


@pytest.mark.usefixtures("client")
class TestCluster:
    def test_context(self):
        own = ray.get_runtime_context()
        (node,) = ray.nodes()
        assert node["Alive"] and node["NodeID"] == own.get_node_id()
        assert own.namespace == "tests"
        assert ray.cluster_resources()["CPU"] == 4 >= ray.available_resources().get("CPU", 0)

        @ray.remote
        def look():
            there = ray.get_runtime_context()
            return there.get_job_id(), there.get_node_id(), there.namespace

        assert ray.get(look.remote()) == (own.get_job_id(), own.get_node_id(), "tests")
        assert ray.is_initialized() and ray.util.client.ray.is_connected()

    def test_placement_groups(self):
        group = placement_group([{"CPU": 1}, {"CPU": 1}], name="pair", strategy="PACK")
        ray.get(group.ready(), timeout=30)
        assert group.wait(30) and group.bundle_count == 2
        strategy = PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=1)

        @ray.remote
        def where():
            return ray.get_runtime_context().get_placement_group_id()

        assert ray.get(where.options(scheduling_strategy=strategy).remote()) == group.id.hex()
        assert placement_group_table(group)["state"] == "CREATED"
        assert ray.util.get_placement_group("pair").id == group.id
        remove_placement_group(group)
        assert eventually(lambda: placement_group_table(group)["state"] == "REMOVED")

    def test_output(self, capsys):
        @ray.remote
        def say():
            print("good morning")
            print("good evening", file=sys.stderr)

        ray.get(say.remote())
        seen = {"out": "", "err": ""}

        def is_said():
            out, err = capsys.readouterr()
            seen["out"] += out
            seen["err"] += err
            return "good morning" in seen["out"] and "good evening" in seen["err"]

        assert eventually(is_said), seen
        assert "(say pid=" in seen["out"]


class TestSeveralClients:
    def test_two_at_once(self, address, client):
        """The other one has what a notebook has: Ray, and nothing of ours."""
        keeper = Counter.options(name="keeper", lifetime="detached").remote(count=40)
        ray.get(keeper.increase.remote())
        result = answer(
            program(
                address,
                """
                ray.init(ADDRESS)

                @ray.remote
                def job():
                    print("printed by a worker")
                    return ray.get_runtime_context().get_job_id()

                try:
                    ray.get_actor("keeper")
                except ValueError:
                    keeper = ray.get_actor("keeper", namespace="tests")
                count = ray.get(keeper.increase.remote())
                context = ray.get_runtime_context()
                ours = "swift_ray.raylet" in sys.modules
                print(json.dumps([count, ray.get(job.remote()), context.get_job_id(), context.namespace, ours]))
                """,
                SWIFT_RAY="0",
            )
        )
        count, there, job, namespace, ours = result
        assert (count, ours) == (42, False)
        assert there == job != ray.get_runtime_context().get_job_id()
        assert namespace not in ("", "tests")
        ray.kill(keeper)

    def test_one_that_dies(self, address, client):
        """What is not detached ends when the time in which it could come again is over."""
        process = program(
            address,
            """
            ray.init(ADDRESS, namespace="tests")

            @ray.remote(num_cpus=0)
            class Actor:
                def call(self):
                    return "there"

            actors = [Actor.options(name="left", lifetime="detached").remote(), Actor.options(name="lost").remote()]
            print(ray.get([actor.call.remote() for actor in actors]), flush=True)
            time.sleep(600)
            """,
            RAY_CLIENT_RECONNECT_GRACE_PERIOD="1",
        )
        try:
            assert process.stdout.readline() == "['there', 'there']\n"
            process.send_signal(signal.SIGKILL)
            assert eventually(lambda: "lost" not in ray.util.list_named_actors())
            left = ray.get_actor("left")
            assert ray.get(left.call.remote()) == "there"
            ray.kill(left)
        finally:
            process.kill()
            process.communicate()


class TestEnvironments:
    def test_files_and_variables(self, address, tmp_path):
        (tmp_path / "files").mkdir()
        (tmp_path / "files" / "text.txt").write_text("hello")
        (tmp_path / "files" / "helper.py").write_text("def answer():\n    return open('text.txt').read()\n")
        (tmp_path / "my_module").mkdir()
        (tmp_path / "my_module" / "__init__.py").write_text("value = 7\n")
        environment = {
            "working_dir": str(tmp_path / "files"),
            "py_modules": [str(tmp_path / "my_module")],
            "env_vars": {"COLOUR": "red"},
        }
        result = answer(
            program(
                address,
                f"""
                sys.path.append({str(tmp_path / "files")!r})
                import helper
                ray.init(ADDRESS, runtime_env={environment!r})

                @ray.remote
                def look():
                    import my_module
                    return my_module.value, os.environ["COLOUR"], open("text.txt").read()

                # By reference, so that the server has to find the module.
                answer = ray.remote(helper.answer)
                print(json.dumps(ray.get([look.remote(), answer.remote()])))
                """,
            )
        )
        assert result == [[7, "red", "hello"], "hello"]

    def test_packages_and_failures(self, address, tmp_path):
        result = answer(
            program(
                address,
                f"""
                failures = []
                for packages in (["/no/such/wheel-1.0-py3-none-any.whl"], [{make_wheel(tmp_path, "1.0")!r}]):
                    try:
                        ray.init(ADDRESS, runtime_env={{"pip": packages}})
                    except Exception as error:
                        failures.append([type(error).__name__, str(error)])

                @ray.remote
                def version():
                    import swift_ray_sample
                    return swift_ray_sample.VERSION

                print(json.dumps([ray.get(version.remote()), failures]))
                """,
                # There the client does not raise before this time is over.
                RAY_CLIENT_RECONNECT_GRACE_PERIOD="1" if is_own_core else "600",
            )
        )
        version, ((kind, message),) = result
        assert (version, kind) == ("1.0", "ConnectionAbortedError")
        assert "Failed to create runtime_env for Ray client server" in message
        assert "/no/such/wheel-1.0-py3-none-any.whl" in message

    def test_interpreter(self, address):
        result = answer(
            program(
                address,
                """
                ray.init(ADDRESS, runtime_env={"py_executable": "env MARK=mine " + sys.executable})

                @ray.remote
                def mark():
                    return os.environ["MARK"]

                print(json.dumps(ray.get(mark.remote())))
                """,
            )
        )
        assert result == "mine"


ASK = """
try:
    ray.init(ADDRESS, runtime_env={"working_dir": os.environ["FOLDER"]} if "FOLDER" in os.environ else None)

    @ray.remote
    def answer():
        return 42

    print(json.dumps(["ok", ray.get(answer.remote())]))
except Exception as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""


def test_tokens(tmp_path):
    port = free_port()
    address = f"127.0.0.1:{port}"
    options = [f"--port={free_port()}", f"--ray-client-server-port={port}", "--num-cpus=1"]
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "text.txt").write_text("hello")
    with started_head(tmp_path, *options, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=TOKEN):
        right = program(
            address, ASK, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=TOKEN, FOLDER=str(tmp_path / "files")
        )
        assert answer(right) == ["ok", 42]
        if is_own_core:
            # There it knocks for half a minute, and is not told why nobody opens.
            return
        wrong = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN[::-1]}
        refused = [
            program(address, ASK, **variables)
            for variables in (
                {"RAY_AUTH_MODE": "disabled"},
                wrong,
                {**wrong, "FOLDER": str(tmp_path / "files")},
            )
        ]
        answers = [answer(process) for process in refused]
        assert [kind for kind, _ in answers][:2] == ["ConnectionAbortedError"] * 2
        assert "the client has sent none" in answers[0][1]
        for _, message in answers[1:]:
            assert "The client's token is not that of this cluster" in message
            assert "RAY_AUTH_TOKEN" in message and TOKEN not in message
