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
#define RAY_GRPC_INTERFACE 5

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

// MARK: Clients of Ray, whose plain requests are answered without the program

// An object of the store, or an argument.
struct ray_grpc_value {
    struct ray_grpc_bytes data;
    struct ray_grpc_bytes metadata;
};

// What the runtime offers: functions of `ray_python.h`, which says more of them. Ids of objects have 28 bytes. Those that
// can fail return a negative number.
struct ray_grpc_runtime {
    // Submits a call of a function, or of the method of an actor; the ids of its results go to `results`, each as one
    // reference. The number of results.
    long (*submit)(
        void *call_template, const void *RAY_GRPC_NULLABLE actor,
        const struct ray_grpc_value *RAY_GRPC_NULLABLE arguments, size_t argument_count,
        void *RAY_GRPC_NULLABLE results, size_t results_max);
    // Stores a small object; its id counts as one reference.
    int (*put)(const struct ray_grpc_value *RAY_GRPC_NULLABLE value, void *RAY_GRPC_NULLABLE object);
    // Asks for room for an object of any size, which ends with `seal` or `abort`.
    int (*create)(size_t byte_count, struct ray_grpc_bytes metadata, void *RAY_GRPC_NULLABLE *RAY_GRPC_NULLABLE room);
    // Whether there is room: 1, and `*bytes` is where the data goes; 0 after `milliseconds`. Waits.
    int (*await_room)(void *room, int milliseconds, void *RAY_GRPC_NULLABLE *RAY_GRPC_NULLABLE bytes);
    // The object is written; its id counts as one reference.
    int (*seal)(void *room, void *RAY_GRPC_NULLABLE object);
    void (*abort)(void *room);
    // Begins to fetch objects. 0 if all are at hand; else `done` is called once, on any thread.
    int (*get)(
        const void *RAY_GRPC_NULLABLE objects, size_t count, int64_t milliseconds,
        void (*done)(void *RAY_GRPC_NULLABLE context), void *RAY_GRPC_NULLABLE context,
        void *RAY_GRPC_NULLABLE *RAY_GRPC_NULLABLE request);
    // The objects that were fetched, each valid until its owner is released; how many of them are errors.
    int (*take)(
        void *request, struct ray_grpc_value *values, void *RAY_GRPC_NULLABLE *RAY_GRPC_NULLABLE owners, size_t count);
    // Ends a request.
    void (*drop)(void *RAY_GRPC_NULLABLE request);
    // For one more who refers to what the runtime has lent, and for one less.
    void (*retain)(void *RAY_GRPC_NULLABLE owner);
    void (*release)(void *RAY_GRPC_NULLABLE owner);
    // Counts one more reference of an object; 0 if it is not known.
    int (*add_reference)(const void *RAY_GRPC_NULLABLE object);
    void (*remove_reference)(const void *RAY_GRPC_NULLABLE object);
};

// Sets the runtime, once, before any of the following.
void ray_grpc_set_runtime(const struct ray_grpc_runtime *runtime);
// Leaves all requests of all clients to the program, or no longer.
void ray_grpc_pause_sessions(int are_paused);
// What a client has of the cluster, by the client's name; to be released. `arrays` is the module whose
// `_frombuffer` makes NumPy arrays here; empty if there is none.
void *ray_grpc_session(struct ray_grpc_bytes client, struct ray_grpc_bytes arrays);
void ray_grpc_release_session(void *session);
// Gives back all that a client has; nobody finds the session any more.
void ray_grpc_end_session(void *session);
// Counts a reference for the client that the program holds as well; 0 if the object is not known.
int ray_grpc_session_insert(void *session, const void *object);
// Whether the client has an object.
int ray_grpc_session_contains(void *session, const void *object);
// The client has an object no longer; whether it had it.
int ray_grpc_session_remove(void *session, const void *object);
size_t ray_grpc_session_count(void *session);
// From now on plain requests on a client's stream of data are answered here, where the program has answered all before;
// `caches` if the client may connect again, and ask once more.
void ray_grpc_serve(void *call, void *session, int caches);
// Whether the message that the program took last is a call whose like the session could answer, if it knew how.
int ray_grpc_is_unlearned(void *call);
// Tells how: by this template, on this actor, with `marker` before each argument.
void ray_grpc_learn(
    void *call, void *call_template, const void *RAY_GRPC_NULLABLE actor, size_t results_max,
    struct ray_grpc_bytes marker);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif

#endif
