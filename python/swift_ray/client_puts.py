"""Large values that a client puts go into Ray's requests part by part, and not as a whole before."""

import os
from types import ModuleType, SimpleNamespace
from typing import Any

LARGE_BYTES = 1 << 16

# What is being put, by what stands for it in the request. No pickle begins with a zero.
_held: dict[bytes, bytes] = {}


def is_wanted(client: Any, name: bytes) -> bool:
    """Whether the client may still send it: who waited was interrupted, and what he put goes its way, as in Ray."""
    return not client._in_shutdown and any(
        request.put.data == name
        for request in list(client.outstanding_requests.values())
        if request.WhichOneof("type") == "put"
    )


def patch(worker: ModuleType) -> None:
    """Ray copies the whole value into a `PutRequest`, this into a `DataRequest`, and back, to cut it (`chunk_put`).

    Here these messages say only which value is meant.
    """
    from ray.util.client import dataclient

    put, parts_of = worker.Worker._put_pickled, dataclient.chunk_put

    def put_pickled(self, data, client_ref_id):
        if len(data) < LARGE_BYTES:
            return put(self, data, client_ref_id)
        name = b"\0" + os.urandom(16)
        _held[name] = data
        try:
            reference = put(self, name, client_ref_id)
        except BaseException:
            if not is_wanted(self.data_client, name):
                del _held[name]
            raise
        del _held[name]
        return reference

    def chunk_put(request):
        """The parts of a request; again from the first if a connection broke."""
        data = _held.get(request.put.data) if _held else None
        if data is None:
            return parts_of(request)
        put = SimpleNamespace(data=data, client_ref_id=request.put.client_ref_id)
        return parts_of(SimpleNamespace(req_id=request.req_id, put=put))

    worker.Worker._put_pickled = put_pickled
    dataclient.chunk_put = chunk_put
