"""What is answered for clients of Ray Client without the interpreter, and that Ray's servicer is in the know."""

import json
import os
import subprocess
import sys

import pytest
import ray  # noqa: F401
from ray._raylet import ObjectRef

from swift_ray.client_sessions import References, ReferencesOfClients

# A cluster, a server and a client in one process; `seen` counts what Ray's servicers have seen since `begin`.
BEGIN = """
import collections
import json
import os

import swift_ray
swift_ray.install()
import ray
from ray._private.client_mode_hook import disable_client_hook
from ray.util.client.ray_client_helpers import ray_start_client_server_pair
from ray.util.client.server import server as servers
from swift_ray.grpc_server import RequestQueue

seen = collections.Counter()
see, get_object = RequestQueue._seen, servers.RayletServicer.GetObject


def counting(self, request):
    seen[request.WhichOneof("type")] += 1
    return see(self, request)


def counting_get(self, request, context):
    seen["get"] += 1
    return get_object(self, request, context)


RequestQueue._seen = counting
servers.RayletServicer.GetObject = counting_get
result = {}
ray.init(address="local", num_cpus=2, logging_level="error")
with ray_start_client_server_pair() as (client, server):
    servicer = server.task_servicer

    def begin():
        seen.clear()

    def sees():
        # Releases come when Ray's client likes.
        return {name: count for name, count in seen.items() if name not in ("acknowledge", "release")}

"""
ACTOR = """
    @client.remote
    class Actor:
        def echo(self, value=None, *rest):
            return value

    @client.remote
    def echo(value=None):
        return value

    actor = Actor.remote()
    client.get([actor.echo.remote((1,)), echo.remote((1,))])
"""
END = """
    client.disconnect()
    with disable_client_hook():
        ray.shutdown()
    print(json.dumps(result), flush=True)
    # Without the pauses of Ray's helper.
    os._exit(0)
"""


def run(body: str, before: str = ACTOR) -> dict:
    """What a program puts into `result`."""
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + before + indented + END],
        capture_output=True,
        text=True,
        timeout=120,
        # A server that begins anew has a cluster of its own, whatever address another one has left behind.
        env={**os.environ, "RAY_AUTH_MODE": "disabled", "RAY_ADDRESS": "local"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_plain_requests_are_answered_without_the_interpreter():
    seen = run("""
values = [None, True, 7, -1.5, "text", b"bytes", [1, [2]], {"key": [b""]}]
begin()
assert [client.get(client.put(value)) for value in values] == values
result["puts"] = sees()
begin()
for _ in range(3):
    assert [client.get(actor.echo.remote(value)) for value in values] == values
    assert client.get([echo.remote(value) for value in values]) == values
    assert client.get(actor.echo.remote()) is None
result["calls"] = sees()
""")
    # Each kind of call is shown once: by a function, and a method with and without an argument.
    assert seen["puts"] == {} and seen["calls"] == {"task": 3}


def test_releases_and_what_a_client_has_are_not_ray_s_business():
    seen = run("""
import time

(references,) = servicer.object_refs.values()
begin()
for _ in range(20):
    many = [client.put(number) for number in range(100)]
    limit = time.monotonic() + 30
    del many
    while len(references) > 50 and time.monotonic() < limit:
        time.sleep(0.01)
result["left"] = len(references)
result["seen"] = dict(seen)
""")
    assert seen["left"] <= 50
    # At most those of what the program itself had made before.
    assert seen["seen"].get("release", 0) <= 5 and seen["seen"].get("acknowledge", 0) <= 5


def test_all_else_is_answered_by_ray():
    seen = run("""
begin()
assert client.get(client.put((1, 2))) == (1, 2)
result["put"] = sees()
begin()
assert client.get(actor.echo.remote({1, 2})) == {1, 2}
result["call"] = sees()
begin()
inner = client.put(1)
(same,) = client.get(actor.echo.remote([inner]))
assert same == inner and client.get(same) == 1
result["reference"] = sees()
""")
    # The value of the first get is not plain; that of the last is.
    assert seen["put"] == {"put": 1, "get": 1} and seen["call"] == {"task": 1, "get": 1}
    assert seen["reference"] == {"task": 1, "get": 1}


def test_what_swift_has_made_ray_knows():
    result = run("""
import time

reference = client.put(5)
(references,) = servicer.object_refs.values()
mine = references[reference.id]
result["of"] = [type(mine).__name__, ray.get(mine), reference.id in references, references.get(b"x" * 28) is None]
many = [client.put(number) for number in range(100)]
result["many"] = len(references)
ready, rest = client.wait(many, num_returns=100, timeout=30)
result["ready"] = [len(ready), len(rest)]
sum_of = client.remote(lambda *numbers: sum(numbers))
result["sum"] = client.get(sum_of.remote(*many))
before = len(references)
del many, ready, rest
limit = time.monotonic() + 30
while len(references) > before - 100 and time.monotonic() < limit:
    time.sleep(0.01)
result["released"] = before - len(references)
""")
    assert result["of"] == ["ObjectRef", 5, True, True] and result["many"] >= 100
    assert result["ready"] == [100, 0] and result["sum"] == sum(range(100)) and result["released"] >= 100


def test_what_a_client_had_is_freed_when_it_leaves():
    result = run("""
from ray._private.worker import global_worker

kept = [client.put(number) for number in range(10)] + [actor.echo.remote(number) for number in range(10)]
client.get(kept)
result["there"] = len(servicer.object_refs)
(name,) = servicer.object_refs
ids = [reference.id for reference in kept]
servicer.release_all(name)
result["names"] = list(servicer.object_refs)
result["counted"] = len(set(id.hex() for id in ids) & set(global_worker.core_worker.get_all_reference_counts()))
""")
    assert result == {"there": 1, "names": [], "counted": 0}


def test_ray_knows_a_client_for_which_it_has_made_nothing():
    """It would never give back what the client has."""
    result = run(
        """
from ray._private.worker import global_worker

reference = client.put(1)
result["seen"] = sees()
(name,) = servicer.object_refs
result["there"] = len(servicer.object_refs[name])
servicer.release_all(name)
result["is_counted"] = reference.id.hex() in global_worker.core_worker.get_all_reference_counts()
""",
        before="",
    )
    assert "put" not in result["seen"] and result["there"] == 1 and not result["is_counted"]


def test_large_values_are_put_without_the_interpreter():
    result = run(
        """
import numpy as np

values = [np.arange(10), np.arange(30_000), np.arange(3_000_000).reshape(3, -1), np.zeros((900, 900), "f4", "F")]
values += [b"x" * 100_000, b"y" * 12_000_000]
begin()
references = [client.put(value) for value in values]
result["puts"] = sees()
result["same"] = [
    type(back) is type(value) and bytes(back) == bytes(value) for back, value in zip(client.get(references), values)
]
# Its type is known at the end only.
begin()
pairs = np.zeros(1_000_000, [("a", "i4"), ("b", "f8")])
pairs["b"] = np.arange(1_000_000)
back = client.get(client.put(pairs))
result["others"] = seen["put"]
result["same"].append(back.dtype == pairs.dtype and back.tobytes() == pairs.tobytes())
references.append(client.put(values[2]))
result["after"] = seen["put"]
""",
        before="",
    )
    assert result["puts"] == {} and result["same"] == [True] * 7
    # Ray's servicer has all three parts of the other array, and nothing of the next one.
    assert result["others"] == result["after"] == 3


def test_large_values_are_got_as_ray_pickles_them():
    """A client whose connection breaks may get some parts of a value from the one, and some from the other."""
    result = run(
        """
import grpc
import numpy as np
from ray.core.generated import ray_client_pb2 as messages
from ray.util.client.server.server_pickler import dumps_from_server

channel = grpc.insecure_channel("127.0.0.1:50051", [("grpc.max_receive_message_length", -1)])
get = channel.unary_stream(
    "/ray.rpc.RayletDriver/GetObject",
    request_serializer=messages.GetRequest.SerializeToString,
    response_deserializer=messages.GetResponse.FromString,
)


def parts(reference, start):
    request = messages.GetRequest(ids=[reference.id], timeout=5, start_chunk_id=start)
    return list(get(request, metadata=[("client_id", name)]))


@client.remote
def same(value):
    return value


values = [np.arange(5), np.arange(60_000, dtype="u1"), np.arange(70_000, dtype="u1"), np.zeros((3, 4, 5, 6), ">f4", "F")]
values += [np.arange(1_500_000), np.array(1.5), b"x" * 2_000_000, b"y" * 11_000_000]
references = [client.put(value) for value in values] + [same.remote(value) for value in values]
client.wait(references, num_returns=len(references))
(name,) = servicer.object_refs
begin()
answers = [parts(reference, 0) for reference in references]
rests = [parts(reference, len(answer) - 1) for reference, answer in zip(references, answers)]
result["seen"] = sees()
result["same"] = []
for reference, answer, rest in zip(references, answers, rests):
    with disable_client_hook():
        pickled = dumps_from_server([ray.get(servicer.object_refs[name][reference.id])], name, servicer)
    data = b"".join(part.data for part in answer)
    ids = [part.chunk_id for part in answer]
    sizes = {(part.total_chunks, part.total_size) for part in answer + rest}
    is_whole = ids == list(range(len(answer))) and sizes == {(len(answer), len(data))}
    result["same"].append(data == pickled and is_whole and rest == answer[-1:])
result["counts"] = [len(answer) for answer in answers[:8]]
assert [type(client.get(reference)) for reference in references] == [type(value) for value in values] * 2
""",
        before="",
    )
    assert result["same"] == [True] * 16 and result["counts"] == [1, 1, 1, 1, 3, 1, 1, 3]
    assert result["seen"] == {}


def test_only_the_client_of_the_stream_is_answered():
    seen = run("""
import grpc
from ray.core.generated import ray_client_pb2 as messages

reference = client.put(1)
(name,) = servicer.object_refs
channel = grpc.insecure_channel("127.0.0.1:50051")
get = channel.unary_stream(
    "/ray.rpc.RayletDriver/GetObject",
    request_serializer=messages.GetRequest.SerializeToString,
    response_deserializer=messages.GetResponse.FromString,
)


def asked(*metadata):
    begin()
    (answer,) = get(messages.GetRequest(ids=[reference.id], timeout=5), metadata=metadata)
    return answer.valid, sees()


result["same"] = asked(("client_id", name))
result["another"] = asked(("client_id", "another"))
result["token"] = asked(("client_id", name), ("authorization", "Bearer of something"))
""")
    assert seen["same"] == [True, {}] and seen["another"] == [False, {"get": 1}]
    # There is no token here: Ray's servicer answers whoever shows one.
    assert seen["token"] == [True, {"get": 1}]


RELAY = """
import random
import socket
import threading
import time


class Relay:
    # Passes bytes on between clients and the server; loses the server's, and cuts all connections, when it is told.
    def __init__(self):
        self.loses = False
        # How much clients may still send before all is cut.
        self.left = float("inf")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.sockets = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection(("127.0.0.1", 50051))
            self.sockets += [near, far]
            threading.Thread(target=self.pump, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self.pump, args=(far, near, True), daemon=True).start()

    def pump(self, source, target, is_server_s):
        try:
            while data := source.recv(1 << 14):
                if not (is_server_s and self.loses):
                    target.sendall(data)
                if not is_server_s:
                    self.left -= len(data)
                    if self.left < 0:
                        self.left = float("inf")
                        self.cut()
        except OSError:
            pass
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        self.loses = False
        sockets, self.sockets = self.sockets, []
        for one in sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


client.disconnect()
relay = Relay()
client.connect(relay.address)
"""


def test_a_client_that_connects_again_is_answered_once():
    """Its requests come again, whoever has answered them, when it has lost the answers."""
    result = run(
        RELAY + """
@client.remote
class Journal:
    def __init__(self):
        self.lines = []

    def write(self, line):
        self.lines.append(line)
        return len(self.lines)

    def read(self):
        return self.lines


random.seed(1)
journal = Journal.remote()
client.get(journal.read.remote())
(references,) = servicer.object_refs.values()
expected, counts, puts = [], [], []
for turn in range(3):
    for number in range(turn * 100, turn * 100 + 100):
        line = random.choice([number, number, number, (number,), [number, "x" * 70_000]])
        expected.append(line)
        counts.append(journal.write.remote(line))
        if number % 100 < 50:
            puts.append(client.put(number))
        elif number % 100 == 50:
            assert client.get(counts[-1]) == len(counts)
            relay.loses = True
    # What is lost was answered before.
    limit = time.monotonic() + 30
    while len(references) < len(counts) + len(puts) and time.monotonic() < limit:
        time.sleep(0.01)
    relay.cut()
result["lines"] = client.get(journal.read.remote()) == expected
result["counts"] = client.get(counts) == list(range(1, len(expected) + 1))
result["puts"] = [number % 100 for number in client.get(puts)] == list(range(50)) * 3
""",
        before="",
    )
    assert result == {"lines": True, "counts": True, "puts": True}


def test_a_large_value_whose_client_connects_again_is_put_once():
    """Its parts come again from the first one, wherever the connection broke; so does all if the answer was lost."""
    result = run(
        RELAY + """
import numpy as np

kept = [client.put(1)]
(references,) = servicer.object_refs.values()
begin()
result["same"] = []


def cut_later():
    # What is lost was answered before.
    limit = time.monotonic() + 30
    while len(references) <= len(kept) and time.monotonic() < limit:
        time.sleep(0.01)
    relay.cut()


def put(value):
    kept.append(client.put(value))
    result["same"].append(bool(np.array_equal(client.get(kept[-1]), value)))
    # Ray's client does not come back if it is cut off while it connects again, which it does for its logs later.
    time.sleep(2)


# Two parts, which come without a word of the server.
relay.loses = True
threading.Thread(target=cut_later).start()
put(np.arange(800_000))
for left in (1_000, 3_000_000, 6_000_000, 13_000_000, 19_990_000):
    relay.left = left
    put(np.arange(2_500_000))
result["kept"] = len(kept), len(references)
result["seen"] = seen["put"]
""",
        before="",
    )
    assert result == {"same": [True] * 6, "kept": [7, 7], "seen": 0}


def test_what_has_come_of_a_value_when_its_client_leaves_is_given_back():
    result = run(
        """
import pickle
import threading
import time

import grpc
import numpy as np
from ray.core.generated import ray_client_pb2 as messages
from ray.job_config import JobConfig
from swift_ray import memory
from ray._private.state import state


def used():
    with disable_client_hook():
        return memory.memory_info(state).store_stats.object_store_bytes_used


def eventually(condition):
    limit = time.monotonic() + 30
    while not condition() and time.monotonic() < limit:
        time.sleep(0.1)
    return condition()


data = pickle.dumps(np.zeros(50_000_000, "u1"), 5)
channel = grpc.insecure_channel("127.0.0.1:50051")
stream = channel.stream_stream(
    "/ray.rpc.RayletDataStreamer/Datapath",
    request_serializer=messages.DataRequest.SerializeToString,
    response_deserializer=messages.DataResponse.FromString,
)
initialized, is_over = threading.Event(), threading.Event()


def requests():
    init = messages.InitRequest(job_config=pickle.dumps(JobConfig()), reconnect_grace_period=0)
    yield messages.DataRequest(req_id=1, init=init)
    initialized.wait(30)
    put = messages.PutRequest(data=data[:3_000_000], chunk_id=0, total_chunks=20, total_size=len(data))
    yield messages.DataRequest(req_id=2, put=put)
    is_over.wait(60)


before = used()
answers = stream(requests(), metadata=[("client_id", "another"), ("reconnecting", "False")])
next(answers)
initialized.set()
result["comes"] = eventually(lambda: used() >= before + 50_000_000)
answers.cancel()
result["is_gone"] = eventually(lambda: used() == before)
is_over.set()
""",
        before="",
    )
    assert result == {"comes": True, "is_gone": True}


def test_answers_come_in_the_order_of_requests():
    """A client says that it has all answers up to one: no answer may overtake another, whoever gives it."""
    result = run(
        """
import pickle
import threading

import grpc
from ray.core.generated import ray_client_pb2 as messages
from ray.job_config import JobConfig

channel = grpc.insecure_channel("127.0.0.1:50051")
stream = channel.stream_stream(
    "/ray.rpc.RayletDataStreamer/Datapath",
    request_serializer=messages.DataRequest.SerializeToString,
    response_deserializer=messages.DataResponse.FromString,
)
COUNT = 3_000
initialized = threading.Event()


def requests():
    init = messages.InitRequest(job_config=pickle.dumps(JobConfig()), reconnect_grace_period=30)
    yield messages.DataRequest(req_id=1, init=init)
    initialized.wait(30)
    for number in range(2, COUNT + 2):
        value = (number,) if number % 3 == 0 else number
        put = messages.PutRequest(data=pickle.dumps(value, 5), chunk_id=0, total_chunks=1)
        yield messages.DataRequest(req_id=number, put=put)


ids = []
for answer in stream(requests(), metadata=[("client_id", "another"), ("reconnecting", "False")]):
    initialized.set()
    ids.append(answer.req_id)
    if len(ids) == COUNT + 1:
        break
result["ascend"] = ids == list(range(1, COUNT + 2))
result["seen"] = sees()["put"]
""",
        before="",
    )
    # The program has every third, and others that come while it is busy are answered on its thread.
    assert result == {"ascend": True, "seen": 1_000}


def test_what_may_change_from_call_to_call_is_always_ray_s():
    seen = run("""
def decorate(invoke):
    def invoke_with_one_more(args, kwargs):
        return invoke([args[0] + 1], kwargs)
    return invoke_with_one_more


def plain(value):
    return value


plain.__ray_invocation_decorator__ = decorate
decorated = client.remote(plain)
result["decorated"] = [client.get(decorated.remote(1)) for _ in range(3)]
begin()
with_environment = echo.options(runtime_env={"env_vars": {"A": "1"}})
assert [client.get(with_environment.remote(1)) for _ in range(3)] == [1, 1, 1]
result["environment"] = sees()
""")
    assert seen["decorated"] == [2, 2, 2] and seen["environment"] == {"task": 3}


def test_another_life_of_the_runtime():
    result = run("""
import time

kept = client.put("of the first life")
client.get([actor.echo.remote(1), kept])
client.disconnect()
limit = time.monotonic() + 30
while servicer.object_refs and time.monotonic() < limit:
    time.sleep(0.01)
result["left"] = len(servicer.object_refs)
client.connect("127.0.0.1:50051")
begin()


@client.remote
class Another:
    def echo(self, value):
        return value


actor = Another.remote()
result["echo"] = [client.get(actor.echo.remote(number)) for number in range(3)]
result["put"] = client.get(client.put("of the second"))
result["tasks"] = sees()["task"]
""")
    # The actor, and its method once.
    assert result == {"left": 0, "echo": [0, 1, 2], "put": "of the second", "tasks": 2}


def test_who_wants_to_see_what_ray_does_sees_it():
    seen = run("""
import logging

client.get(actor.echo.remote())
begin()
logging.getLogger("ray").setLevel(logging.DEBUG)
assert client.get([client.put(1), actor.echo.remote()]) == [1, None]
result["debug"] = sees()
logging.getLogger("ray").setLevel(logging.INFO)
begin()
assert client.get([client.put(1), actor.echo.remote()]) == [1, None]
result["info"] = sees()
""")
    assert seen == {"debug": {"put": 1, "task": 1, "get": 1}, "info": {}}


@pytest.fixture
def references():
    """Of a client that is there without a cluster: nothing is counted then."""
    clients = ReferencesOfClients()
    yield clients["somebody"]
    del clients["somebody"]


def test_references_are_a_dictionary(references):
    reference = ObjectRef(b"r" * 28)
    references[reference.binary()] = reference
    assert references[reference.binary()] is reference and reference.binary() in references
    assert isinstance(references, References) and references.get(b"other") is None
    del references[reference.binary()]
    assert reference.binary() not in references and b"another kind of id" not in references
    with pytest.raises(KeyError):
        del references[reference.binary()]
    with pytest.raises(KeyError):
        references[reference.binary()]
