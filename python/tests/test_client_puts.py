"""Large values that a client puts: their parts are those that Ray makes, without the value in a message before."""

import types

import pytest
from client_program import run
from ray.core.generated import ray_client_pb2 as messages
from ray.util.client import dataclient, worker
from ray.util.client.common import OBJECT_TRANSFER_CHUNK_SIZE
from ray.util.client.worker import Worker

from swift_ray import client_puts


class Line:
    """In the place of a client's stream: what would be written, and what the value's message takes."""

    def __init__(self, failure: type[BaseException] | None = None, is_over: bool = False) -> None:
        self.failure = failure
        self.outstanding_requests = {}
        self._in_shutdown = is_over

    def PutObject(self, request: messages.PutRequest) -> messages.PutResponse:
        self.whole = messages.DataRequest(req_id=7, put=request)
        if self.failure is not None:
            self.outstanding_requests = {6: messages.DataRequest(req_id=6), 7: self.whole}
            raise self.failure
        self.parts = parts_of(self.whole)
        # A connection that breaks has all of them sent again.
        assert parts_of(self.whole) == self.parts
        return messages.PutResponse(id=b"i" * 28, valid=True)


def parts_of(request: messages.DataRequest) -> list[bytes]:
    return [part.SerializeToString() for part in dataclient.chunk_put(request)]


def put(line: Line, data: bytes, reference: bytes | None = None) -> bytes:
    return Worker._put_pickled(types.SimpleNamespace(data_client=line), data, reference)


@pytest.mark.parametrize("reference", [None, b"r" * 28])
@pytest.mark.parametrize(
    "size", [1, client_puts.LARGE_BYTES - 1, client_puts.LARGE_BYTES, OBJECT_TRANSFER_CHUNK_SIZE]
)
@pytest.mark.parametrize("more", [0, 1])
def test_parts_are_those_of_ray(size, more, reference, monkeypatch):
    monkeypatch.setattr(worker, "ClientObjectRef", bytes)
    data = bytes(range(256)) * ((size + more) // 256) + b"." * ((size + more) % 256)
    request = messages.PutRequest(data=data)
    if reference is not None:
        request.client_ref_id = reference
    line = Line()
    assert put(line, data, reference) == b"i" * 28
    assert line.parts == parts_of(messages.DataRequest(req_id=7, put=request))
    assert line.whole.ByteSize() < client_puts.LARGE_BYTES + 100 and not client_puts._held


def test_what_an_interrupted_put_has_begun_is_sent_whole():
    line, data = Line(KeyboardInterrupt), b"x" * client_puts.LARGE_BYTES
    with pytest.raises(KeyboardInterrupt):
        put(line, data)
    whole = messages.DataRequest(req_id=7, put=messages.PutRequest(data=data))
    assert parts_of(line.whole) == parts_of(whole)
    client_puts._held.clear()


def test_nothing_is_held_for_a_client_that_is_over():
    with pytest.raises(ConnectionError):
        put(Line(ConnectionError, is_over=True), b"x" * client_puts.LARGE_BYTES)
    assert not client_puts._held


def test_values_arrive_and_errors_come_back():
    result = run(
        """
import numpy as np
from swift_ray import client_puts

values = [np.arange(20_000), b"x" * 70_000, ["y" * 6_000_000, 1], np.arange(2_000_000, dtype="f8")]
back = client.get([client.put(value) for value in values])
result["same"] = [np.array_equal(one, other) for one, other in zip(back, values)]


class Unreadable:
    def __init__(self):
        self.size = b"z" * 100_000

    def __reduce__(self):
        return int, ("no number", ), {"size": self.size}


try:
    client.put(Unreadable())
except Exception as error:
    result["error"] = type(error).__name__
result["held"] = len(client_puts._held)
result["after"] = client.get(client.put(b"w" * 100_000)) == b"w" * 100_000
""",
        before="",
    )
    assert result == {"same": [True] * 4, "error": "ValueError", "held": 0, "after": True}
