"""What is answered for clients of Ray Client without the interpreter, and that Ray's servicer is in the know."""

import pytest
import ray  # noqa: F401
from client_program import run
from ray._raylet import ObjectRef

from swift_ray.client_sessions import References, ReferencesOfClients


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
