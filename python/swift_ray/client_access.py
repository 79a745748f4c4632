"""What a client is told that Ray Client's servers do not take.

Without the cluster's token Ray refuses all that it sends, so that it knocks until it gives up and does not learn why.
Here it may knock, and the first thing that it asks for is refused with a sentence that names the remedy.
"""

import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import grpc

REMEDY = (
    "Set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN (or RAY_AUTH_TOKEN_PATH, a file) to the cluster's token, in the "
    "environment of the client before it imports ray; `ray get-auth-token` prints the token where the head runs."
)
MISSING = f"This cluster asks for a token, and the client has sent none. {REMEDY}"
WRONG = f"The client's token is not that of this cluster. {REMEDY}"
# How long somebody without the token may take to ask, and to go.
REFUSAL_S = 10.0
# How long a client may take to read that its Init has failed.
READING_S = 2


def end_soon(proxier: ModuleType) -> None:
    """Has streams whose Init failed end soon: till then the client does not raise why.

    Ray's proxy waits for as long as a client may take to connect again.
    """
    serve = proxier.DataServicerProxy.Datapath

    def Datapath(self, request_iterator: Iterator, context: Any) -> Iterator:
        client = proxier._get_client_id_from_context(context)
        for response in serve(self, request_iterator, context):
            if response.WhichOneof("type") == "init" and not response.init.ok:
                with self.clients_lock:
                    self.reconnect_grace_periods[client] = READING_S
            yield response

    proxier.DataServicerProxy.Datapath = Datapath


def refuse_with_reason(module: ModuleType) -> None:
    """Gives Ray's interceptor of servers an answer for those who lack the token."""

    def intercept_service(self, continuation: Callable, details: Any) -> Any:
        handler = continuation(details)
        if handler is None or module._authenticate_request(details.invocation_metadata):
            return handler
        names = {name.lower() for name, _ in details.invocation_metadata}
        return refusing(
            details.method, handler, WRONG if module.AUTHORIZATION_HEADER_NAME in names else MISSING
        )

    module.SyncAuthenticationServerInterceptor.intercept_service = intercept_service


def refusing(method: str, handler: Any, sentence: str) -> Any:
    """What answers a method in the place of `handler`."""

    def refuse(request: Any, context: Any) -> None:
        # Ray's client asks again for ever after UNAUTHENTICATED.
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, sentence)

    def knock(request: Any, context: Any) -> Any:
        from ray.core.generated import ray_client_pb2

        if request.type == ray_client_pb2.ClusterInfoType.PING:
            return handler.unary_unary(request, context)
        return refuse(request, context)

    def refuse_first(requests: Iterator, context: Any) -> Iterator:
        from ray.core.generated import ray_client_pb2

        limit = threading.Timer(REFUSAL_S, context.cancel)
        limit.start()
        try:
            first = next(requests)
            if first.WhichOneof("type") != "init":
                refuse(first, context)
            refused = ray_client_pb2.InitResponse(ok=False, msg=sentence)
            yield ray_client_pb2.DataResponse(req_id=first.req_id, init=refused)
            # A client whose stream has ended does not read what came before: it is the one that goes.
            for _ in requests:
                pass
        finally:
            limit.cancel()

    def say_nothing(requests: Iterator, context: Any) -> Iterator:
        return iter(())

    name = method.rpartition("/")[2]
    if name == "Datapath":
        make, behaviour = grpc.stream_stream_rpc_method_handler, refuse_first
    elif name == "Logstream":
        make, behaviour = grpc.stream_stream_rpc_method_handler, say_nothing
    elif handler.response_streaming:
        make, behaviour = grpc.unary_stream_rpc_method_handler, refuse
    else:
        make, behaviour = grpc.unary_unary_rpc_method_handler, knock if name == "ClusterInfo" else refuse
    return make(behaviour, handler.request_deserializer, handler.response_serializer)
