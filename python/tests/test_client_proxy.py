"""What Ray Client's proxy passes on without Python: between gRPC's own client and a server behind."""

import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import pytest
from ray.core.generated import ray_client_pb2

import grpc
from swift_ray.client_proxy import DATA, SERVICE, Channel
from swift_ray.grpc_server import Server

MESSAGE_MAX = 1 << 20
# A client that has answers of 300 MiB coming and takes none.
DEAF = f"""
import sys
import time
import grpc
requests = (b"y" * {MESSAGE_MAX} for _ in range(300))
call = grpc.insecure_channel(sys.argv[1]).stream_stream(sys.argv[2])
answers = call(requests, metadata=(("client_id", "one"),))
time.sleep(60)
"""


class Service(grpc.GenericRpcHandler):
    """Methods on plain bytes under the names of Ray Client's."""

    def __init__(self, name):
        self.name = name
        self.asked = []
        self.answered = 0
        self.ended = threading.Event()

    def service(self, details):
        name = details.method.rpartition("/")[2]
        behaviour = getattr(self, name)
        if name == "Datapath":
            return grpc.stream_stream_rpc_method_handler(behaviour)
        if name == "GetObject":
            return grpc.unary_stream_rpc_method_handler(behaviour)
        return grpc.unary_unary_rpc_method_handler(behaviour)

    def Schedule(self, request, context):
        self.asked.append(dict(context.invocation_metadata()))
        return self.name.encode() + request

    def WaitObject(self, request, context):
        while context._call.is_active():
            time.sleep(0.02)
        self.ended.set()

    def Terminate(self, request, context):
        context.abort(grpc.StatusCode.NOT_FOUND, "100 % nicht da: ä")

    def GetObject(self, request, context):
        for _ in range(int(request)):
            yield b"z" * MESSAGE_MAX

    def Datapath(self, requests, context):
        for request in requests:
            if request == b"fail":
                context.abort(grpc.StatusCode.ABORTED, "as asked")
            yield request
            self.answered += 1
        self.ended.set()


class Proxy(Service):
    """What is before it: sees what it has kept."""

    def __init__(self):
        super().__init__("proxy")
        self.address = None
        self.kept = []
        self.status = None

    def Datapath(self, requests, context):
        channel = Channel(None, self.address, lambda requests: True)
        pass_on = channel.stream_stream(DATA, request_serializer=bytes, response_deserializer=bytes)
        try:
            for answer in pass_on(requests):
                self.kept.append(answer)
                yield answer
        except grpc.RpcError as error:
            self.status = error.code(), error.details()
            context.set_code(error.code())
            context.set_details(error.details())
        finally:
            self.ended.set()


def serve(service, stack):
    server = Server(8, "test", (), 4 * MESSAGE_MAX)
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    stack.callback(lambda: server.stop(0).wait(10))
    return server, f"127.0.0.1:{port}"


class Conversation:
    """A client's stream of data."""

    def __init__(self, channel, **metadata):
        self.metadata = tuple({"client_id": "one", **metadata}.items())
        self._more = threading.Event()
        self._requests = []
        self._is_over = False
        self._answers = channel.stream_stream(DATA)(
            iter(self._next, None), metadata=self.metadata, timeout=60
        )
        self.cancel = self._answers.cancel

    def _next(self):
        while not self._requests and not self._is_over:
            self._more.wait(0.05)
            self._more.clear()
        return self._requests.pop(0) if self._requests else None

    def say(self, message):
        self._requests.append(message)
        self._more.set()

    def hear(self):
        return next(self._answers)

    def ask(self, message):
        self.say(message)
        return self.hear()

    def end(self):
        self._is_over = True
        return list(self._answers)


@pytest.fixture
def passing():
    behind, proxy = Service("behind"), Proxy()
    with ExitStack() as stack:
        server, proxy.address = serve(behind, stack)
        _, address = serve(proxy, stack)
        channel = stack.enter_context(grpc.insecure_channel(address))
        proxy.own_address = address
        yield proxy, behind, channel, server


def call(channel, name, request=b"", metadata=(("client_id", "one"),), timeout=20):
    return channel.unary_unary(f"{SERVICE}{name}")(request, metadata=metadata, timeout=timeout)


def response(**fields):
    return ray_client_pb2.DataResponse(req_id=7, **fields).SerializeToString()


def test_what_is_kept(passing):
    proxy, _, channel, _ = passing
    data = Conversation(channel)
    put = response(put=ray_client_pb2.PutResponse(valid=True, id=b"i" * 28))
    info = response(connection_info=ray_client_pb2.ConnectionInfoResponse(num_clients=1))
    cleanup = response(connection_cleanup=ray_client_pb2.ConnectionCleanupResponse())
    for answer in (put, b"no message", b"", info, put, cleanup):
        assert data.ask(answer) == answer
    assert proxy.kept == [info, cleanup]
    assert data.end() == []
    assert proxy.ended.wait(10)
    assert proxy.status is None


def test_calls_of_a_client_with_a_server(passing):
    proxy, behind, channel, _ = passing
    assert call(channel, "Schedule", b"!") == b"proxy!"
    data = Conversation(channel)
    assert data.ask(b"x") == b"x"
    assert call(channel, "Schedule", b"!") == b"behind!"
    assert call(channel, "Schedule", b"!", (("client_id", "one"), ("user", "me"))) == b"behind!"
    assert behind.asked[-1]["user"] == "me"
    assert call(channel, "Schedule", b"!", (("client_id", "two"),)) == b"proxy!"
    assert call(channel, "Schedule", b"!", ()) == b"proxy!"
    with pytest.raises(grpc.RpcError) as raised:
        call(channel, "Terminate")
    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.NOT_FOUND, "100 % nicht da: ä")
    data.end()
    assert proxy.ended.wait(10)
    limit = time.monotonic() + 10
    while call(channel, "Schedule", b"!") != b"proxy!":
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_only_with_what_the_client_has_shown(passing):
    channel = passing[2]
    data = Conversation(channel, authorization="Bearer right")
    assert data.ask(b"x") == b"x"
    for token, answer in (("Bearer right", b"behind"), ("Bearer wrong", b"proxy"), ("Bearer righ", b"proxy")):
        assert call(channel, "Schedule", metadata=(("client_id", "one"), ("authorization", token))) == answer
    assert call(channel, "Schedule") == b"proxy"
    data.end()


def test_a_client_that_connects_again_keeps_its_calls(passing):
    proxy, _, channel, _ = passing
    first = Conversation(channel)
    assert first.ask(b"x") == b"x"
    second = Conversation(channel)
    assert second.ask(b"y") == b"y"
    first.end()
    assert proxy.ended.wait(10)
    for _ in range(20):
        assert call(channel, "Schedule") == b"behind"
        time.sleep(0.02)
    second.end()


def test_more_than_either_side_takes_at_once(passing):
    channel = passing[2]
    data = Conversation(channel)
    assert data.ask(b"x") == b"x"
    parts = channel.unary_stream(f"{SERVICE}GetObject")(b"100", metadata=data.metadata, timeout=60)
    large = b"y" * MESSAGE_MAX
    for _ in range(100):
        data.say(large)
    time.sleep(0.5)
    assert sum(len(part) for part in parts) == 100 * MESSAGE_MAX
    assert all(data.hear() == large for _ in range(100))
    assert data.end() == []


def test_status_of_a_stream(passing):
    proxy, _, channel, _ = passing
    with pytest.raises(grpc.RpcError) as raised:
        Conversation(channel).ask(b"fail")
    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.ABORTED, "as asked")
    assert proxy.status == (grpc.StatusCode.ABORTED, "as asked")


def test_a_call_that_nobody_waits_for_ends_behind(passing):
    _, behind, channel, _ = passing
    data = Conversation(channel)
    assert data.ask(b"x") == b"x"
    with pytest.raises(grpc.RpcError) as raised:
        call(channel, "WaitObject", timeout=0.3)
    assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert behind.ended.wait(10)
    data.end()


def test_a_client_that_goes_has_sent_all(passing):
    _, behind, channel, _ = passing
    data = Conversation(channel)
    assert data.ask(b"x") == b"x"
    data.cancel()
    assert behind.ended.wait(10)


def test_a_client_that_dies_before_it_took_its_answers(passing):
    """Its server is heard to the end, which else would wait for ever until somebody takes what it says."""
    proxy, behind, _, _ = passing
    with subprocess.Popen([sys.executable, "-c", DEAF, proxy.own_address, DATA]) as client:
        limit, before = time.monotonic() + 30, -1
        # Until nothing moves any more.
        while behind.answered == 0 or behind.answered != before:
            assert time.monotonic() < limit
            before = behind.answered
            time.sleep(0.5)
        assert behind.answered < 300
        client.kill()
    assert behind.ended.wait(20)
    assert proxy.ended.wait(20)


def test_a_server_that_goes(passing):
    proxy, behind, channel, server = passing
    data = Conversation(channel)
    assert data.ask(b"x") == b"x"
    waiting = channel.unary_unary(f"{SERVICE}WaitObject").future(b"", metadata=data.metadata, timeout=20)
    time.sleep(0.2)
    assert server.stop(0).wait(10)
    with pytest.raises(grpc.RpcError) as raised:
        waiting.result()
    assert raised.value.code() == grpc.StatusCode.UNAVAILABLE
    with pytest.raises(grpc.RpcError) as raised:
        data.hear()
    assert raised.value.code() == grpc.StatusCode.UNAVAILABLE
    assert proxy.ended.wait(10)


def test_a_server_that_is_not_there(passing):
    proxy, _, channel, server = passing
    assert server.stop(0).wait(10)
    with pytest.raises(grpc.RpcError) as raised:
        Conversation(channel).ask(b"x")
    assert raised.value.code() == grpc.StatusCode.UNAVAILABLE
    assert "not reached" in raised.value.details()
    assert proxy.ended.wait(10)
