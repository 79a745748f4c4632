"""Servers of gRPC for Ray Client, with the connections in Swift.

What Ray's servicers use of `grpc.server` is here, with the same meaning. Python comes in where a
call has come with its message, and leaves when it has its answer; connections, frames and flow control need neither
the interpreter nor its lock (`Sources/GRPC`).
"""

import logging
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import grpc
from swift_ray import _grpc

logger = logging.getLogger(__name__)

# How often a wait looks whether the server is stopped.
LOOK_MS = 1_000
# What gRPC takes where nothing is said.
MESSAGE_MAX = 4 << 20


# Whose call a thread answers.
_answering = threading.local()


def answered_here() -> _grpc.Call | None:
    """The call that this thread answers, if it is one of ours."""
    return getattr(_answering, "call", None)


class CallDetails(NamedTuple):
    """What handlers and interceptors are chosen by."""

    method: str
    invocation_metadata: tuple


class Context:
    """What a servicer may say and ask of its call; the part of `grpc.ServicerContext` that Ray's use."""

    def __init__(self, call: _grpc.Call, metadata: tuple):
        self._call = call
        self._metadata = metadata
        self._code = grpc.StatusCode.OK
        self._details = ""
        self._aborted = False

    def invocation_metadata(self) -> tuple:
        return self._metadata

    def set_code(self, code: grpc.StatusCode) -> None:
        self._code = code

    def set_details(self, details: str) -> None:
        self._details = details

    def abort(self, code: grpc.StatusCode, details: str) -> None:
        self._code, self._details, self._aborted = code, details, True
        raise Exception

    def cancel(self) -> None:
        self._call.cancel()


class Server:
    """Takes calls and answers each on a thread of its own, up to `max_workers` at a time."""

    def __init__(self, max_workers: float, name: str, interceptors: Sequence, message_max: int):
        self._server = _grpc.Server(message_max)
        self._max_workers = max_workers
        self._name = name
        self._interceptors = interceptors
        self._handlers: list[grpc.GenericRpcHandler] = []
        self._lock = threading.Lock()
        self._threads = 0
        self._idle = 0

    def add_generic_rpc_handlers(self, handlers: Sequence) -> None:
        self._handlers.extend(handlers)

    def add_insecure_port(self, address: str) -> int:
        host, _, port = address.rpartition(":")
        return self._server.bind(host.strip("[]"), int(port))

    def start(self) -> None:
        self._add_thread()

    def stop(self, grace: float | None) -> threading.Event:
        """Takes no more calls, and cuts off after `grace` seconds what has not ended; the event tells when."""
        done = threading.Event()

        def end() -> None:
            self._server.stop(int((grace or 0) * 1_000))
            done.set()

        threading.Thread(target=end, name=f"{self._name}_stop", daemon=True).start()
        return done

    def _add_thread(self) -> None:
        with self._lock:
            self._threads += 1
            self._idle += 1
        try:
            threading.Thread(target=self._answer_calls, name=self._name, daemon=True).start()
        except RuntimeError:
            with self._lock:
                self._threads -= 1
                self._idle -= 1
            raise

    def _answer_calls(self) -> None:
        """What a thread does: there is always one that waits for the next call, as long as there may be more."""
        while True:
            call = self._server.next_call(LOOK_MS)
            if call is None:
                if self._is_spare():
                    return
                continue
            if call == "stopped":
                return
            with self._lock:
                self._idle -= 1
                is_last = self._idle == 0 and self._threads < self._max_workers
            if is_last:
                try:
                    self._add_thread()
                except RuntimeError as error:
                    logger.warning("Calls wait for this one, %s: %s", call.method, error)
            try:
                _answering.call = call
                answer(call, self._handler)
            except BaseException:
                logger.exception("A call of %s was not answered", call.method)
            finally:
                # Ends the call, if nothing else has.
                del call, _answering.call
                with self._lock:
                    self._idle += 1

    def _is_spare(self) -> bool:
        """Whether a thread that has found no call may end, since another one waits; it is no longer counted then."""
        with self._lock:
            if self._idle == 1:
                return False
            self._idle -= 1
            self._threads -= 1
            return True

    def _handler(self, details: CallDetails) -> grpc.RpcMethodHandler | None:
        def find(details: Any) -> grpc.RpcMethodHandler | None:
            return next(
                (found for one in self._handlers if (found := one.service(details)) is not None), None
            )

        for interceptor in reversed(self._interceptors):
            find = continued(interceptor, find)
        return find(details)


def continued(interceptor: grpc.ServerInterceptor, find: Callable) -> Callable:
    """Handlers as `interceptor` has them, of those that `find` finds."""
    return lambda details: interceptor.intercept_service(find, details)


def answer(call: _grpc.Call, handler_of: Callable) -> None:
    """Has a call answered by its handler, with the status that gRPC gives it."""
    metadata = call.metadata
    context = Context(call, metadata)
    try:
        handler = handler_of(CallDetails(call.method, metadata))
        if handler is None:
            context.set_code(grpc.StatusCode.UNIMPLEMENTED)
            context.set_details("Method not found!")
            return finish(call, context)
        serialize = handler.response_serializer or bytes
        requests = Requests(call, handler.request_deserializer or bytes)
        request = requests if handler.request_streaming else next(requests)
        if handler.request_streaming and handler.response_streaming:
            send_all(call, handler.stream_stream(request, context), serialize)
            finish(call, context)
        elif handler.response_streaming:
            responses = handler.unary_stream(request, context)
            finish(call, context, send_but_last(call, responses, serialize))
        else:
            behaviour = handler.stream_unary if handler.request_streaming else handler.unary_unary
            finish(call, context, serialize(behaviour(request, context)))
    except Exception as error:
        if not call.is_active():
            return
        if not context._aborted:
            logger.exception("Exception calling application: %s", error)
            context.set_code(grpc.StatusCode.UNKNOWN)
            context.set_details(f"Exception calling application: {error}")
        finish(call, context)


def send(call: _grpc.Call, message: bytes) -> bool:
    """Sends a message as soon as the client takes it; whether somebody waits for it."""
    while (sent := call.send(message, LOOK_MS)) is None:
        pass
    return sent


def send_all(call: _grpc.Call, responses: Iterator, serialize: Callable) -> None:
    """Sends what a servicer yields; what nobody waits for any more is not asked for."""
    for response in responses:
        if not send(call, serialize(response)):
            return


def send_but_last(call: _grpc.Call, responses: Iterator, serialize: Callable) -> bytes | None:
    """Sends what a servicer yields, each when the next is there; the last one is left to go with the status.

    Ray's client cancels a call that has given it all parts of a value and no status yet.
    """
    last = None
    for response in responses:
        if last is not None and not send(call, last):
            return None
        last = serialize(response)
    return last


def finish(call: _grpc.Call, context: Context, last: bytes | None = None) -> None:
    """Ends a call with the status of its context, after its one response if it has one."""
    code, details = context._code.value[0], context._details
    if isinstance(details, bytes):
        details = details.decode(errors="replace")
    if last is None or code != 0:
        call.finish(code, details)
    else:
        call.finish(code, details, last)


class Requests:
    """What a client sends; ends when that has sent all, with an error of gRPC if it is gone."""

    def __init__(self, call: _grpc.Call, deserialize: Callable):
        self._call = call
        self._deserialize = deserialize
        self.wake = call.wake
        # Those of all clients, set by Ray's servicer of data.
        self.references: Any = None

    @property
    def metadata(self) -> dict[str, str]:
        return dict(self._call.metadata)

    def serve(self, caches: bool) -> None:
        """Has Swift answer plain requests from now on; `caches` if the client may come again and ask once more."""
        self._call.serve(self.references[self.metadata["client_id"]].session, caches)

    def __iter__(self) -> "Requests":
        return self

    def __next__(self) -> Any:
        while True:
            try:
                return self.next_unless_woken()
            except Woken:
                continue

    def next_unless_woken(self) -> Any:
        """The next one; raises `Woken` if there is something else to look at."""
        received = self._call.receive(LOOK_MS)
        if received is None:
            raise Woken
        if received == "end":
            raise StopIteration
        if received == "over":
            raise grpc.RpcError()
        return self._deserialize(received)


class Woken(Exception):
    """No request has come, or not yet."""


class RequestQueue(queue.Queue):
    """Where Ray's servicer of data takes requests from, and the answers that are ready later.

    Ray has a thread that moves requests into its queue. Here who asks the queue gets them from the connection itself,
    and is woken for what others put; requests of other servers are moved as always.
    """

    def __init__(self):
        super().__init__()
        self._requests: Requests | None = None
        self._is_attached = threading.Event()
        # Whether the client may come again, once that is known and has not been said yet.
        self._caches: bool | None = None

    def attach(self, requests: Iterator) -> bool:
        """Takes requests from a connection of ours; whether it is one."""
        if isinstance(requests, Requests):
            self._requests = requests
            if requests.metadata.get("reconnecting") == "True":
                self._caches = True
        self._is_attached.set()
        return self._requests is not None

    def put(self, item: Any, *rest: Any, **named: Any) -> None:
        super().put(item, *rest, **named)
        if self._requests is not None:
            self._requests.wake()

    def get(self, *rest: Any, **named: Any) -> Any:
        if rest or named:
            return super().get(*rest, **named)
        self._is_attached.wait()
        if self._requests is None:
            return super().get()
        # What came before is answered.
        if self._caches is not None:
            self._requests.serve(self._caches)
            self._caches = None
        while True:
            try:
                return super().get_nowait()
            except queue.Empty:
                pass
            try:
                return self._seen(self._requests.next_unless_woken())
            except Woken:
                continue
            except (StopIteration, grpc.RpcError):
                return None

    def _seen(self, request: Any) -> Any:
        if request.HasField("init"):
            self._caches = request.init.reconnect_grace_period != 0
        return request


def take_requests_directly(module: ModuleType) -> None:
    """Has Ray's servicer of data take requests without a thread between."""
    fill_queue = module.fill_queue

    def fill(requests: Iterator, output: RequestQueue) -> None:
        if not output.attach(requests):
            fill_queue(requests, output)

    module.Queue = RequestQueue
    module.fill_queue = fill
    datapath = module.DataServicer.Datapath

    def answer_stream(self: Any, requests: Iterator, context: Any) -> Iterator:
        if isinstance(requests, Requests):
            requests.references = self.basic_service.object_refs
        return datapath(self, requests, context)

    module.DataServicer.Datapath = answer_stream


def collect_one_at_a_time(collector: type) -> None:
    """Has the parts of a value be added by one thread at a time.

    A client that connects again sends them again while the thread of its lost connection may still add one.
    """
    add_chunk = collector.add_chunk
    lock = threading.Lock()

    def add(self, request: Any, chunk: Any) -> bool | None:
        with lock:
            return add_chunk(self, request, chunk)

    collector.add_chunk = add


def serve_natively(module: ModuleType) -> None:
    """Has Ray's servers that run threads be ours, but those with certificates, which stay gRPC's own."""
    original = module.create_grpc_server_with_interceptors

    def create(max_workers=None, thread_name_prefix="grpc_server", options=None, asynchronous=False):
        if asynchronous or uses_certificates():
            return original(max_workers, thread_name_prefix, options, asynchronous)
        interceptors = []
        if module.authentication_utils.is_token_auth_enabled():
            from ray._private.authentication import grpc_authentication_server_interceptor as access

            interceptors.append(access.SyncAuthenticationServerInterceptor())
        size = dict(options or ()).get("grpc.max_receive_message_length", MESSAGE_MAX)
        return Server(max_workers, thread_name_prefix, interceptors, size if size >= 0 else 2**31 - 1)

    module.create_grpc_server_with_interceptors = create


def uses_certificates() -> bool:
    """Whether Ray was told to encrypt what it sends."""
    return os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true")
