"""Ray Client's proxy with nothing of Python between a client and the server that it was given.

Ray's proxy takes each message into the interpreter and sends it again. Here it still begins and ends what a client does,
sees the few answers that it changes or learns from, and passes on what workers print (`Logstream`); all else goes through its
connections alone (`Sources/GRPC/Relay`).
"""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import grpc
from swift_ray.grpc_server import LOOK_MS, answered_here

# Calls that a client makes beside its stream of data, and how it names itself in them.
SERVICE = "/ray.rpc.RayletDriver/"
KEY = "client_id"
DATA = "/ray.rpc.RayletDataStreamer/Datapath"
# Answers of a server that the proxy wants to see.
KEPT = ("init", "connection_info", "connection_cleanup")
CODES = {code.value[0]: code for code in grpc.StatusCode}


class Ended(grpc.RpcError):
    """A server has ended a call with an error."""

    def __init__(self, code: int, details: str):
        super().__init__(details)
        self._code = CODES.get(code, grpc.StatusCode.UNKNOWN)
        self._details = details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details


class Channel:
    """A channel to the server of a client, whose stream of data is passed on in Swift."""

    def __init__(self, channel: grpc.Channel, address: str, is_begun: Callable[[Any], bool]):
        self._channel = channel
        self._address = address
        self._is_begun = is_begun

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def stream_stream(self, method: str, *serializers: Callable, **named: Any) -> Callable:
        call = answered_here()
        if method != DATA or call is None:
            return self._channel.stream_stream(method, *serializers, **named)
        serialize, deserialize = named["request_serializer"], named["response_deserializer"]

        def pass_on(requests: Iterator, metadata: Any = None) -> Iterator:
            host, _, port = self._address.rpartition(":")
            outgoing = call.begin(host.strip("[]"), int(port), SERVICE, KEY)
            if not self._is_begun(requests):
                outgoing.send(serialize(next(requests)))
            call.pass_on(outgoing, kept_fields())
            return kept(outgoing, deserialize)

        return pass_on


def kept_fields() -> tuple[int, ...]:
    from ray.core.generated.ray_client_pb2 import DataResponse

    return tuple(DataResponse.DESCRIPTOR.fields_by_name[name].number for name in KEPT)


def kept(outgoing: Any, deserialize: Callable) -> Iterator:
    """The answers that were kept, until the server has ended the call."""
    while True:
        received = outgoing.receive(LOOK_MS)
        if isinstance(received, bytes):
            yield deserialize(received)
        elif received is not None:
            code, details = received
            if code != 0:
                raise Ended(code, details)
            return


def pass_on_natively(proxier: ModuleType) -> None:
    """Has Ray's proxy pass on what clients and their servers say without looking at it."""
    make_channel = proxier.init_grpc_channel

    def is_begun(requests: Iterator) -> bool:
        """Whether a client has connected again; else the proxy has changed its first request and put it before."""
        return isinstance(requests, proxier.RequestIteratorProxy)

    def init_grpc_channel(address: str, *rest: Any, **named: Any) -> Channel:
        return Channel(make_channel(address, *rest, **named), address, is_begun)

    proxier.init_grpc_channel = init_grpc_channel
