"""The server of Ray Client's connections, asked by gRPC's own client."""

import socket
import threading
import time

import pytest

import grpc
from swift_ray.grpc_server import Server

MESSAGE_MAX = 1 << 20


class Service(grpc.GenericRpcHandler):
    """Methods of each kind on plain bytes."""

    def __init__(self):
        self.ended = threading.Event()
        self.error = None

    def service(self, details):
        name = details.method.rpartition("/")[2]
        behaviour = getattr(self, name, None)
        if behaviour is None:
            return None
        if name in ("exchange", "listen"):
            return grpc.stream_stream_rpc_method_handler(behaviour)
        if name == "count":
            return grpc.unary_stream_rpc_method_handler(behaviour)
        return grpc.unary_unary_rpc_method_handler(behaviour)

    def echo(self, request, context):
        return request

    def tell(self, request, context):
        return repr(dict(context.invocation_metadata())[request.decode()]).encode()

    def fail(self, request, context):
        raise ValueError("no")

    def refuse(self, request, context):
        context.abort(grpc.StatusCode.NOT_FOUND, "100 % nicht da: ä")

    def mark(self, request, context):
        context.set_code(grpc.StatusCode.ABORTED)
        context.set_details("marked")
        return b"not seen"

    def count(self, request, context):
        for number in range(int(request)):
            yield str(number).encode()

    def exchange(self, requests, context):
        for request in requests:
            yield request.upper()

    def listen(self, requests, context):
        try:
            for _ in requests:
                pass
        except grpc.RpcError as error:
            self.error = error
        self.ended.set()
        return iter(())

    def wait(self, request, context):
        self.ended.wait(20)
        return b"waited"


@pytest.fixture
def served():
    service = Service()
    server = Server(8, "test", (), MESSAGE_MAX)
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield service, server, channel, port
    assert server.stop(0).wait(10)


def call(channel, name, request=b"", **named):
    return channel.unary_unary(f"/test.Service/{name}")(request, timeout=20, **named)


@pytest.mark.parametrize("size", [0, 1, 100_000, MESSAGE_MAX])
def test_answers(served, size):
    message = b"x" * size
    assert call(served[2], "echo", message) == message


def test_metadata(served):
    assert call(served[2], "tell", b"user", metadata=(("user", "me"),)) == b"'me'"


def test_status(served):
    channel = served[2]
    for name, code, details in (
        ("fail", grpc.StatusCode.UNKNOWN, "Exception calling application: no"),
        ("refuse", grpc.StatusCode.NOT_FOUND, "100 % nicht da: ä"),
        ("mark", grpc.StatusCode.ABORTED, "marked"),
        ("nothing", grpc.StatusCode.UNIMPLEMENTED, "Method not found!"),
    ):
        with pytest.raises(grpc.RpcError) as raised:
            call(channel, name)
        assert (raised.value.code(), raised.value.details()) == (code, details)
    assert call(channel, "echo", b"goes on") == b"goes on"


def test_streams(served):
    channel = served[2]
    count = channel.unary_stream("/test.Service/count")
    assert list(count(b"0", timeout=20)) == []
    assert list(count(b"2000", timeout=20)) == [str(number).encode() for number in range(2000)]
    answers = channel.stream_stream("/test.Service/exchange")(iter([b"a", b"b"] * 500), timeout=20)
    assert list(answers) == [b"A", b"B"] * 500


def test_more_than_the_other_side_takes_at_once(served):
    """Both directions are held up by flow control, and go on."""
    large = b"y" * MESSAGE_MAX
    answers = served[2].stream_stream("/test.Service/exchange")(iter([large] * 100), timeout=60)
    time.sleep(0.5)
    assert sum(len(answer) for answer in answers) == 100 * MESSAGE_MAX


def test_too_large(served):
    with pytest.raises(grpc.RpcError) as raised:
        call(served[2], "echo", b"x" * (MESSAGE_MAX + 1))
    assert raised.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert str(MESSAGE_MAX + 1) in raised.value.details()


def test_client_that_goes(served):
    service, _, channel, _ = served
    blocked = threading.Event()
    answers = channel.stream_stream("/test.Service/listen")(iter(blocked.wait, True))
    time.sleep(0.2)
    assert not service.ended.is_set()
    answers.cancel()
    assert service.ended.wait(10)
    assert type(service.error) is grpc.RpcError
    blocked.set()


def test_as_many_at_a_time_as_there_are_threads(served):
    service, _, channel, _ = served
    wait = channel.unary_unary("/test.Service/wait")
    waiting = [wait.future(b"", timeout=20) for _ in range(7)]
    assert call(channel, "echo", b"beside") == b"beside"
    service.ended.set()
    assert [one.result() for one in waiting] == [b"waited"] * 7
    # Those that are not wanted any more end.
    end = time.monotonic() + 20
    while sum(thread.name == "test" for thread in threading.enumerate()) > 1:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert call(channel, "echo", b"still") == b"still"


def test_wrong_bytes(served):
    _, _, channel, port = served
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 100, b""):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
    assert call(channel, "echo", b"still") == b"still"


def test_stop(served):
    service, server, channel, port = served
    running = channel.unary_unary("/test.Service/wait").future(b"", timeout=20)
    time.sleep(0.2)
    stopped = server.stop(20)
    assert not stopped.wait(0.2)
    service.ended.set()
    assert running.result() == b"waited"
    assert stopped.wait(10)
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


def test_port_in_use(served):
    port = served[3]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(RuntimeError, match=f"port {number}"):
            served[1].add_insecure_port(f"127.0.0.1:{number}")
    assert port != number


def test_a_part_is_added_once():
    """Two connections of one client bring the same part: the second finds that it is there."""
    from ray.util.client.server.dataservicer import ChunkCollector

    collector = ChunkCollector()
    request = type("Request", (), {"req_id": 1})
    inside, beside = threading.Event(), threading.Event()

    class Chunk:
        chunk_id, total_chunks = 0, 2

        @property
        def data(self):
            if inside.is_set():
                beside.set()
            inside.set()
            beside.wait(0.3)
            return b"part"

    threads = [threading.Thread(target=collector.add_chunk, args=(request, Chunk())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bytes(collector.data) == b"part"


def test_requests_of_other_servers_come_through_a_thread():
    """With certificates gRPC's own server answers, and Ray's thread moves the requests."""
    from ray.util.client.server import dataservicer

    requests = dataservicer.Queue()
    mover = threading.Thread(target=dataservicer.fill_queue, args=(iter(["first", "second"]), requests))
    mover.start()
    mover.join()
    requests.put("answer")
    assert [requests.get() for _ in range(4)] == ["first", "second", None, "answer"]
