"""Ray's debugger in tasks (`RAY_DEBUG=legacy`), spoken to as `ray debug` does."""

import json
import socket
import threading

import pytest
import ray
from ray._private.ray_constants import KV_NAMESPACE_PDB
from ray.experimental import internal_kv
from waiting import eventually

pytestmark = pytest.mark.usefixtures("cluster")
LEGACY = {"env_vars": {"RAY_DEBUG": "legacy"}}
POST_MORTEM = {"env_vars": {"RAY_DEBUG": "legacy", "RAY_DEBUG_POST_MORTEM": "1"}}


def sessions() -> list[dict]:
    """What tasks say that wait for a debugger."""
    keys = internal_kv._internal_kv_list("RAY_PDB_", namespace=KV_NAMESPACE_PDB)
    values = [
        internal_kv._internal_kv_get(key, namespace=KV_NAMESPACE_PDB)
        for key in keys
        if not key.startswith(b"RAY_PDB_CONTINUE_")
    ]
    return [json.loads(value) for value in values if value]


class Console:
    """A debugger at the task that waits for one."""

    def __init__(self) -> None:
        assert eventually(sessions, 60)
        (self.session,) = sessions()
        host, _, port = self.session["pdb_address"].rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=30)
        # As soon as somebody has come the task waits no more.
        assert eventually(lambda: not sessions())
        self.shown = self._until_prompt()

    def _until_prompt(self) -> str:
        heard = b""
        while not heard.endswith(b"(Pdb) ") and (more := self._socket.recv(4096)):
            heard += more
        return heard.decode()

    def say(self, line: str) -> str:
        """What is answered, up to the next prompt or the end."""
        self._socket.sendall(line.encode() + b"\n")
        return self._until_prompt()


def look_back(result: ray.ObjectRef) -> None:
    """The debugger stops where a `value` of 3 was divided by 0, and the error goes on from there."""
    console = Console()
    assert "ZeroDivisionError" in console.session["traceback"]
    assert "6" in console.say("p 2 * value")
    console.say("c")
    with pytest.raises(ZeroDivisionError):
        ray.get(result, timeout=30)


def test_breakpoint():
    @ray.remote
    def stops(value):
        breakpoint()
        return value

    result = stops.options(runtime_env=LEGACY).remote(6)
    console = Console()
    assert "return value" in console.shown and console.session["proctitle"].startswith("ray::stops")
    assert "42" in console.say("p 7 * value")
    console.say("value = 8")
    console.say("c")
    assert ray.get(result, timeout=30) == 8


def test_into_calls_and_back():
    @ray.remote
    def inner(value):
        return value + 1

    @ray.remote
    def outer():
        breakpoint()
        found = inner.remote(1)
        return ray.get(found) + 1

    result = outer.options(runtime_env=LEGACY).remote()
    Console().say("remote")
    inside = Console()
    assert "inner" in inside.session["proctitle"]
    inside.say("get")
    back = Console()
    assert "outer" in back.session["proctitle"]
    back.say("c")
    assert ray.get(result, timeout=30) == 3


def test_methods_that_were_called_before():
    @ray.remote
    class Stops:
        def method(self, value, stops):
            if stops:
                breakpoint()
            return value

    actor = Stops.options(runtime_env=LEGACY).remote()
    assert ray.get([actor.method.remote(number, False) for number in range(3)]) == [0, 1, 2]
    result = actor.method.remote(6, True)
    console = Console()
    assert console.session["proctitle"].startswith("ray::Stops")
    console.say("value = 8")
    console.say("c")
    assert ray.get(result, timeout=30) == 8
    # What is got from it after "get" stops who gets it, a plain value or not.
    for value in (3, (3,)):
        result = actor.method.remote(value, True)
        Console().say("get")
        found = []
        reader = threading.Thread(target=lambda: found.append(ray.get(result, timeout=60)))
        reader.start()
        Console().say("c")
        reader.join(60)
        assert found == [value]
    assert ray.get(actor.method.remote(4, False), timeout=30) == 4


def test_post_mortem_of_a_method_that_was_called_before():
    @ray.remote
    class Fails:
        def method(self, value, divisor):
            return value / divisor

    actor = Fails.options(runtime_env=POST_MORTEM).remote()
    assert ray.get([actor.method.remote(6, 2), actor.method.remote(6, 3)]) == [3, 2]
    look_back(actor.method.remote(3, 0))


def test_the_last_call_was_made_already():
    @ray.remote
    def calls_nobody():
        breakpoint()
        return 1

    result = calls_nobody.options(runtime_env=LEGACY).remote()
    Console().say("remote")
    assert ray.get(result, timeout=30) == 1
    # The debugger would wait for the next task.
    (end,) = sessions()
    assert end == {"exit_debugger": True}
    for key in internal_kv._internal_kv_list("RAY_PDB_", namespace=KV_NAMESPACE_PDB):
        internal_kv._internal_kv_del(key, namespace=KV_NAMESPACE_PDB)


def test_post_mortem():
    @ray.remote(max_retries=0)
    def fails(value):
        return value / 0

    look_back(fails.options(runtime_env=POST_MORTEM).remote(3))
