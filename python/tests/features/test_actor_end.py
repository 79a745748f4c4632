"""How actors end, and what they do then."""

import asyncio
import atexit
import contextlib
import os
import sys
import time

import pytest
import ray
from ray.exceptions import AsyncioActorExit, RayActorError
from waiting import eventually

pytestmark = pytest.mark.usefixtures("cluster")


@ray.remote(num_cpus=0)
class Tidy:
    """Writes down what it does at its end."""

    def __init__(self, path):
        self.path = path
        atexit.register(self.note, "atexit")

    def note(self, text):
        with open(self.path, "a") as file:
            file.write(text + "\n")

    def __ray_shutdown__(self):
        self.note("shutdown")

    def leave(self):
        ray.actor.exit_actor()


def notes(path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def test_actor_that_nobody_holds(tmp_path):
    path = tmp_path / "notes"
    actor = Tidy.remote(str(path))
    ray.get(actor.__ray_ready__.remote())
    del actor
    assert eventually(lambda: notes(path) == ["shutdown", "atexit"])


def test_actor_that_exits(tmp_path):
    path = tmp_path / "notes"
    actor = Tidy.remote(str(path))
    with pytest.raises(RayActorError, match="exit_actor"):
        ray.get(actor.leave.remote(), timeout=30)
    assert eventually(lambda: notes(path) == ["shutdown", "atexit"])


def test_actor_that_is_told_to_end(tmp_path):
    path = tmp_path / "notes"
    actor = Tidy.remote(str(path))
    ray.get(actor.__ray_ready__.remote())
    actor.__ray_terminate__.remote()
    assert eventually(lambda: notes(path) == ["shutdown", "atexit"])


@pytest.mark.parametrize("how", ["let go", "told", "exits"])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_destructor_of_an_actor_runs(tmp_path, how, threads):
    path = tmp_path / "notes"

    @ray.remote(num_cpus=0)
    class Destroyed:
        def call(self):
            return 1

        def leave(self):
            ray.actor.exit_actor()

        def __del__(self):
            with open(path, "a") as file:
                file.write("deleted")

    actor = Destroyed.options(max_concurrency=threads).remote()
    ray.get([actor.call.remote() for _ in range(3)], timeout=60)
    if how == "told":
        actor.__ray_terminate__.remote()
    elif how == "exits":
        actor.leave.remote()
    else:
        del actor
    assert eventually(lambda: notes(path) == ["deleted"])


def test_actor_that_is_killed(tmp_path):
    path = tmp_path / "notes"
    actor = Tidy.remote(str(path))
    ray.get(actor.__ray_ready__.remote())
    ray.kill(actor)
    with pytest.raises(RayActorError):
        # On Ray's own core a call or two may still reach the actor.
        for _ in range(100):
            ray.get(actor.__ray_ready__.remote(), timeout=30)
            time.sleep(0.05)
    assert notes(path) == []


def test_an_error_at_the_end(tmp_path):
    @ray.remote(num_cpus=0)
    class Untidy:
        def __init__(self, path):
            self.path = path
            atexit.register(self.note)

        def note(self):
            with open(self.path, "a") as file:
                file.write("atexit\n")

        def __ray_shutdown__(self):
            raise ValueError("at the end")

    path = tmp_path / "notes"
    actor = Untidy.remote(str(path))
    ray.get(actor.__ray_ready__.remote())
    del actor
    assert eventually(lambda: notes(path) == ["atexit"])


@ray.remote(num_cpus=0)
class Coroutines:
    async def catch(self):
        with contextlib.suppress(AsyncioActorExit):
            ray.actor.exit_actor()

    async def later(self):
        self.task = asyncio.create_task(self.leave())

    async def leave(self):
        await asyncio.sleep(0.1)
        ray.actor.exit_actor()

    async def ping(self):
        return 1


def has_ended(actor) -> bool:
    try:
        return ray.get(actor.ping.remote(), timeout=30) != 1
    except RayActorError:
        return True


def test_coroutine_that_catches_the_exit():
    actor = Coroutines.remote()
    with pytest.raises(RayActorError, match="exit_actor"):
        ray.get(actor.catch.remote(), timeout=30)
    assert eventually(lambda: has_ended(actor))


def test_coroutine_that_outlives_its_call():
    actor = Coroutines.remote()
    ray.get(actor.later.remote(), timeout=30)
    assert eventually(lambda: has_ended(actor))


@ray.remote(num_cpus=0)
class Endless:
    async def pid(self):
        return os.getpid()

    async def wait(self):
        await asyncio.sleep(300)

    async def exit(self):
        ray.actor.exit_actor()


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(
    os.environ.get("SWIFT_RAY") == "0", reason="Ray's own core waits for the coroutine for ever"
)
def test_coroutines_end_with_their_actor():
    actor = Endless.remote()
    waiting = actor.wait.remote()
    pid = ray.get(actor.pid.remote())
    with pytest.raises(RayActorError):
        ray.get(actor.exit.remote(), timeout=30)
    with pytest.raises(RayActorError):
        ray.get(actor.pid.remote(), timeout=30)
    del waiting
    assert eventually(lambda: not is_alive(pid))


def test_an_exit_with_a_code_is_a_crash():
    @ray.remote(num_cpus=0, max_restarts=1)
    class Leaving:
        def pid(self):
            return os.getpid()

        def leave(self):
            sys.exit(1)

    actor = Leaving.remote()
    before = ray.get(actor.pid.remote())
    with pytest.raises(RayActorError):
        ray.get(actor.leave.remote(), timeout=30)

    def after():
        with contextlib.suppress(RayActorError):
            return ray.get(actor.pid.remote(), timeout=30)

    assert eventually(after)
    assert after() != before


@pytest.mark.skipif(
    os.environ.get("SWIFT_RAY") == "0", reason="on Ray's own core the call often waits for ever"
)
def test_constructor_of_an_async_actor_that_ends_the_process():
    @ray.remote(num_cpus=0)
    class Gone:
        def __init__(self):
            sys.exit(1)

        async def call(self):
            return 1

    with pytest.raises(RayActorError):
        ray.get(Gone.remote().call.remote(), timeout=60)


@pytest.mark.parametrize("code", [0, 4])
def test_the_exit_code_is_told(code):
    @ray.remote(num_cpus=0)
    class Leaving:
        def leave(self):
            sys.exit(code)

    with pytest.raises(RayActorError, match=f"exit code {code}"):
        ray.get(Leaving.remote().leave.remote(), timeout=30)
