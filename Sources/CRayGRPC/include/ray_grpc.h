//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

// A gRPC server for Python: plain C, so that a Python extension with the stable ABI can call it.
//
// No function calls back into Python; those that wait say so and must be called without the interpreter's lock.

#ifndef RAY_GRPC_H
#define RAY_GRPC_H

#include <stddef.h>
#include <stdint.h>

// Changes whenever a function or struct here does; the extension refuses another one.
#define RAY_GRPC_INTERFACE 3

// What a pointer may be in Swift; Clang alone asks.
#ifdef __clang__
#define RAY_GRPC_NULLABLE _Nullable
#pragma clang assume_nonnull begin
#else
#define RAY_GRPC_NULLABLE
#endif

struct ray_grpc_bytes {
    const void *RAY_GRPC_NULLABLE data;
    size_t count;
};

// A call; to be released.
struct ray_grpc_call {
    void *RAY_GRPC_NULLABLE call;
};

// A message that a client or a server has sent; `owner` keeps the bytes valid until it is released.
struct ray_grpc_message {
    struct ray_grpc_bytes bytes;
    void *RAY_GRPC_NULLABLE owner;
};

int ray_grpc_interface(void);

// MARK: Servers

// A server that takes messages of up to `message_max` bytes; to be released.
void *ray_grpc_server(size_t message_max);
// Listens on an address as well. The port, or -1 with the reason as text without its end in `reason`. Waits.
int ray_grpc_bind(void *server, const char *host, int port, char *reason, size_t reason_max);
// The next call: 1, 0 after `milliseconds`, -1 once the server is stopped. Waits.
int ray_grpc_next_call(void *server, int milliseconds, struct ray_grpc_call *call);
// Takes no more calls, gives those that run `milliseconds` to end, and cuts off the rest. Waits.
void ray_grpc_stop(void *server, int milliseconds);
void ray_grpc_release_server(void *server);

// MARK: Calls

// `/package.Service/Method`; valid as long as the call.
struct ray_grpc_bytes ray_grpc_method(void *call);
// The pair at `index` of what the client says of the call; 0 if there are no more. Valid as long as the call.
int ray_grpc_metadata(void *call, size_t index, struct ray_grpc_bytes *name, struct ray_grpc_bytes *value);
// The client's next message: 1, 0 after `milliseconds`, -1 if it has sent all, -2 if the call is over. Waits.
int ray_grpc_receive(void *call, int milliseconds, struct ray_grpc_message *message);
void ray_grpc_release_message(void *owner);
// Has who waits for a message get none, now or the next time.
void ray_grpc_wake(void *call);
// Sends a message: 1, 0 if the client takes nothing for `milliseconds`, -2 if the call is over. Waits.
int ray_grpc_send(void *call, struct ray_grpc_bytes message, int milliseconds);
// Ends the call with a status of gRPC (0 is OK) and a sentence, after a last message unless its `data` is NULL.
void ray_grpc_finish(void *call, int code, struct ray_grpc_bytes details, struct ray_grpc_bytes last);
// Ends the call without a status.
void ray_grpc_cancel(void *call);
// Whether the client still waits for an answer.
int ray_grpc_is_active(void *call);
// Ends the call, if it has not ended, and gives it back.
void ray_grpc_release_call(void *call);

// MARK: Calls that are passed on

// Begins a client's call at another server; to be released. As long as the call is held, other calls of `service`
// (`/package.Service/`) whose value of `key` is the same as this one's go there, too, and do not come out of
// `ray_grpc_next_call`.
void *ray_grpc_begin(void *call, const char *host, int port, const char *service, const char *key);
// Sends a message to the other server.
void ray_grpc_send_on(void *outgoing, struct ray_grpc_bytes message);
// From now on what the client sends goes to the other server and the answers to the client, but those that have one of
// the top-level fields `kept` (numbers of Protocol Buffers).
void ray_grpc_pass_on(void *call, void *outgoing, const int *kept, size_t kept_count);
// The next answer that is kept: 1, 0 after `milliseconds`, -1 if the call has ended with the status `code` and a
// sentence in the place of the message. Waits.
int ray_grpc_receive_kept(void *outgoing, int milliseconds, struct ray_grpc_message *message, int *code);
// Ends the call at the other server, if it has not ended, and gives it back.
void ray_grpc_release_outgoing(void *outgoing);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif

#endif
