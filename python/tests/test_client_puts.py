"""Large values that a client puts: their parts are those that Ray makes, without the value in a message before."""

import types

import pytest
from client_program import run
from ray.core.generated import ray_client_pb2 as messages
from ray.util.client import dataclient
from ray.util.client.common import OBJECT_TRANSFER_CHUNK_SIZE
from ray.util.client.worker import Worker

from swift_ray import client_puts


class Line:
    """In the place of a client's stream: what would be written, and what the value's message takes."""

    def PutObject(self, request: messages.PutRequest) -> messages.PutResponse:
        whole = messages.DataRequest(req_id=7, put=request)
        self.size = whole.ByteSize()
        self.parts = [part.SerializeToString() for part in dataclient.chunk_put(whole)]
        # A connection that breaks has all of them sent again.
        assert [part.SerializeToString() for part in dataclient.chunk_put(whole)] == self.parts
        return messages.PutResponse(id=b"i" * 28, valid=True)


@pytest.mark.parametrize("reference", [None, b"r" * 28])
@pytest.mark.parametrize(
    "size", [1, client_puts.LARGE_BYTES - 1, client_puts.LARGE_BYTES, OBJECT_TRANSFER_CHUNK_SIZE]
)
@pytest.mark.parametrize("more", [0, 1])
def test_parts_are_those_of_ray(size, more, reference):
    data = bytes(range(256)) * ((size + more) // 256) + b"." * ((size + more) % 256)
    request = messages.PutRequest(data=data)
    if reference is not None:
        request.client_ref_id = reference
    whole = messages.DataRequest(req_id=7, put=request)
    line = Line()
    worker = types.SimpleNamespace(data_client=line)
    try:
        Worker._put_pickled(worker, data, reference)
    except AttributeError:
        # The reference wants a whole client.
        pass
    assert line.parts == [part.SerializeToString() for part in dataclient.chunk_put(whole)]
    assert line.size < client_puts.LARGE_BYTES + 100 and not client_puts._held


def test_nothing_is_held_for_a_put_that_fails():
    class Broken:
        def PutObject(self, request):
            raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        Worker._put_pickled(types.SimpleNamespace(data_client=Broken()), b"x" * client_puts.LARGE_BYTES, None)
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
