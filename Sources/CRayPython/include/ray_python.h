//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

// What the runtime offers to Python: plain C, so that a Python extension with the stable ABI can call it.
//
// One runtime per process, opened once. No function calls back into Python; those that wait say so and must be called
// without the interpreter's lock. Functions that can fail return a negative number and leave the reason with
// `ray_python_error` of the same thread. Ids are raw bytes in Ray's layouts: 28 for objects, 24 for tasks, 16 for
// actors. Structured values travel as MessagePack.

#ifndef RAY_PYTHON_H
#define RAY_PYTHON_H

#include <stddef.h>
#include <stdint.h>

// Changes whenever a function or struct here does; the extension refuses another one.
#define RAY_PYTHON_INTERFACE 6

struct ray_python_bytes {
    const void *data;
    size_t count;
};

// An object that was fetched, or what stands in its place. `owner` keeps the bytes valid until it is released.
struct ray_python_object {
    struct ray_python_bytes data;
    struct ray_python_bytes metadata;
    void *owner;
    // Whether `data` is the description of an error, as MessagePack.
    int is_error;
};

// An argument of a call: a value with the references inside of it, or, if `reference` is given, an object's id.
struct ray_python_argument {
    const void *reference;
    struct ray_python_bytes data;
    struct ray_python_bytes metadata;
    // Ids of the contained references, one after the other.
    const void *contained;
    size_t contained_count;
};

// A task to be run, with its id. Tasks with the same number differ in nothing that their description says.
struct ray_python_task {
    void *task;
    unsigned char id[24];
    long call;
    long attempt;
    size_t argument_count;
};

int ray_python_interface(void);

// The reason for the last failure on this thread: ErrorType, sentence. Valid until the next call.
int ray_python_error(struct ray_python_bytes *message);

// MARK: Life

// Opens the runtime as a driver (`options` as MessagePack) or as the worker that the environment describes.
int ray_python_open(struct ray_python_bytes options);
// Says goodbye; waits a moment.
void ray_python_close(void);

// MARK: Control

// Asks for what is not hot, by name, and waits; `result` is MessagePack and is given back with `ray_python_free`.
int ray_python_control(const char *operation, struct ray_python_bytes payload, struct ray_python_bytes *result);
void ray_python_free(struct ray_python_bytes bytes);

// A connection to a control store of its own, before there is a runtime. NULL on failure.
void *ray_python_connect(const char *host, int port);
int ray_python_request(
    void *connection, const char *operation, struct ray_python_bytes payload, int milliseconds,
    struct ray_python_bytes *result);
void ray_python_disconnect(void *connection);

// The next lines that workers printed: 1 with MessagePack to be freed, 0 after `milliseconds`. Waits.
int ray_python_next_log(int milliseconds, struct ray_python_bytes *lines);

// MARK: Calls

// Prepares calls that differ in their arguments only; NULL on failure. To be given back with `ray_python_release`.
void *ray_python_template(struct ray_python_bytes description);
// Submits a call on behalf of `task` (NULL outside of one); the ids of its results are written to `results`. Each counts
// as one reference. `actor` is NULL for functions. The number of results.
long ray_python_submit(
    void *call_template, const void *actor, const void *task, const struct ray_python_argument *arguments,
    size_t argument_count, void *results, size_t results_max);

// MARK: Objects

// Stores a small object; its id counts as one reference.
int ray_python_put(const void *task, const struct ray_python_argument *value, void *object);
// Asks for room for a large one, which ends with `ray_python_seal` or `ray_python_abort`.
int ray_python_create(const void *task, const struct ray_python_argument *value, void **room);
// Whether there is room: 1, and `*bytes` is where the data goes; 0 after `milliseconds`, -1 if there will be none. Waits.
int ray_python_await_room(void *room, int milliseconds, void **bytes);
int ray_python_seal(void *room, void *object);
void ray_python_abort(void *room);

// The objects, if all are at hand and none is an error: 1, and each one's owner must be released; else 0. Does not wait.
int ray_python_get_now(const void *objects, size_t count, struct ray_python_object *found);
// Begins to fetch objects; the number that must be waited for. 0 at once if all are at hand.
int ray_python_get(const void *objects, size_t count, const void *task, int64_t milliseconds, void **request);
// The same for a program that does not wait: unless this is 0, `done` is called once, with `context`, when all are there,
// the time is over or the runtime ends, on a thread of the runtime or the one that ends it.
int ray_python_get_then(
    const void *objects, size_t count, int64_t milliseconds, void (*done)(void *context), void *context,
    void **request);
// Tells of the first `wanted` of these objects that exist: 1 for each in `ready`. `are_all`: nothing else is waited for;
// else these are a part. 0 if only a wait can tell, for instance since one is to be fetched. Does not wait.
int ray_python_wait_now(
    const void *objects, size_t count, size_t wanted, int fetch, int are_all, unsigned char *ready);
// Begins to wait for `wanted` of the objects; 0 at once if so many exist, of which the first `wanted` are told. With
// `fetch` they are brought to this node, and count when they are there.
int ray_python_wait(
    const void *objects, size_t count, size_t wanted, int fetch, const void *task, int64_t milliseconds,
    void **request);
// Waits for a request: 1 when it is done, 0 after `milliseconds`, -1 if the runtime has ended meanwhile. Waits.
int ray_python_await(void *request, int milliseconds);
// What a fetch gave; each object's owner must be released.
void ray_python_take_objects(void *request, struct ray_python_object *objects, size_t count);
// What a wait gave: 1 for each object that is ready.
void ray_python_take_ready(void *request, unsigned char *ready, size_t count);
// Ends a request, done or not.
void ray_python_drop(void *request);
// For one more who refers to it, until `ray_python_release`.
void ray_python_retain(void *owner);
void ray_python_release(void *owner);

// Tells when an object is there: its number comes out of `ray_python_next_event`.
int ray_python_notify(const void *object, int fetch, uint64_t number);
// The next number; INT64_MAX if garbage is to be collected, 0 after `milliseconds`, -1 when the runtime is closed. Waits.
int64_t ray_python_next_event(int milliseconds);

// MARK: References

// Counts one more reference. `owner` is the owner's address, empty where that is not known; then 0 is returned if the
// object is not known either: nothing is counted.
int ray_python_add_reference(const unsigned char *object, const void *owner, size_t owner_size);
void ray_python_remove_reference(const unsigned char *object);

// MARK: Tasks

// The next task to run: 1, 0 after `milliseconds`, -1 when the process is to end. Waits.
int ray_python_next_task(int milliseconds, struct ray_python_task *task);
// What is to be run, as MessagePack; to be given back with `ray_python_free`.
struct ray_python_bytes ray_python_task_description(void *task);
int ray_python_task_argument(const struct ray_python_task *task, size_t index, struct ray_python_object *argument);
// Ends a task with one object for each return.
void ray_python_finish_task(void *task, const struct ray_python_argument *results, size_t count);
// Ends a task with an error: MessagePack, as errors are fetched.
void ray_python_fail_task(void *task, struct ray_python_bytes error);
// Sends an item of a generator; `request`, to be dropped, tells when the next one may be made.
int ray_python_yield(void *task, const struct ray_python_argument *item, void **request);
// Asks whether a generator of an actor with a limit for all of them may make its next `count` items; `request` as above.
int ray_python_admit(void *task, int count, void **request);
// Whether the next item may be made: 1, 0 after `milliseconds`, -1 if no more are wanted. Waits.
int ray_python_await_sent(void *request, int milliseconds);

#endif
