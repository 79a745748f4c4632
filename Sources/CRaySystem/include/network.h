//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

// Sockets, epoll and process start, with plain arguments and results: a non-negative value, or -errno.
// Every descriptor that is made here is close-on-exec and non-blocking unless said otherwise.

#ifndef RAY_NETWORK_H
#define RAY_NETWORK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// One event of an epoll set: which descriptor's token, and what it is ready for.
struct ray_event {
    uint64_t token;
    uint32_t events;
};

enum {
    RAY_EVENT_READ = 1,
    RAY_EVENT_WRITE = 4,
    RAY_EVENT_ERROR = 8,
    RAY_EVENT_HANGUP = 16,
    RAY_EVENT_READ_CLOSED = 0x2000,
};

int ray_epoll_create(void);
int ray_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t token);
int ray_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t token);
int ray_epoll_remove(int epoll, int descriptor);
// Waits up to `nanoseconds` (0: only looks, -1: without end). An interruption counts as no event.
// On a kernel before 5.11 the time is rounded up to milliseconds.
int ray_epoll_wait(int epoll, struct ray_event *events, int count, int64_t nanoseconds);

int ray_eventfd_create(void);
void ray_eventfd_signal(int descriptor);
void ray_eventfd_clear(int descriptor);
// Waits up to `nanoseconds` until it is signalled, which it stays. Spurious returns are possible.
void ray_eventfd_await(int descriptor, int64_t nanoseconds);

// Sleeps while `*word == expected`, up to `microseconds`. Spurious returns are possible.
void ray_futex_wait(uint32_t *word, uint32_t expected, uint64_t microseconds);
void ray_futex_wake(uint32_t *word, int count);

uint64_t ray_monotonic_nanoseconds(void);

// How deep this thread is in the turn of a reactor, and which reactor's turn it is.
void *ray_thread_turn(void);
void ray_thread_set_turn(void *reactor);

// Paths of any length: those over 107 bytes go through /proc/self/fd. Replaces a socket that nobody serves.
int ray_unix_listen(const char *path, int backlog);
int ray_unix_connect(const char *path);
// `host` must be numeric, IPv4 or IPv6. The port that was bound goes to `bound`.
int ray_tcp_listen(const char *host, uint16_t port, int backlog, uint16_t *bound);
// Starts to connect; readiness for writing tells the end, then `ray_socket_error` the outcome.
int ray_tcp_connect(const char *host, uint16_t port);
// Writes the first numeric address of `name`; blocks. Returns 0, or a getaddrinfo error (negative).
int ray_resolve(const char *name, char *numeric, size_t capacity);
const char *ray_resolve_error(int code);
int ray_accept(int listener);
enum { RAY_DESCRIPTOR_LIMIT_MAX = 1 << 20 };
// Lets this process and its children open as many files as the system's hard limit allows, up to the number above.
void ray_raise_descriptor_limit(void);
int ray_socket_error(int descriptor);
// User id of the process behind a Unix socket.
int64_t ray_peer_user(int descriptor);
int64_t ray_peer_process(int descriptor);
ssize_t ray_socket_send(int descriptor, const void *bytes, size_t count);
ssize_t ray_socket_receive(int descriptor, void *bytes, size_t count);
void ray_socket_end_writing(int descriptor);
// Ends both directions, so that both sides see the end; for tests that break connections.
void ray_socket_break(int descriptor);
// Closes with a reset instead of an orderly end (TCP).
void ray_socket_reset(int descriptor);
void ray_close(int descriptor);
int ray_pair_create(int descriptors[2]);
int ray_pipe_create(int descriptors[2]);
// Reading and writing end with -EAGAIN after so long without any progress.
void ray_socket_limit(int descriptor, int milliseconds);
// Writes all bytes, with copies of at most 8 descriptors; 0, or the error (negative).
int ray_send_descriptors(int socket, const void *bytes, size_t count, const int *descriptors, int descriptor_count);
ssize_t ray_read_blocking(int descriptor, void *bytes, size_t count);

// What to start. `descriptors[i]` of the parent becomes `targets[i]` in the child; everything else is closed.
struct ray_spawn_request {
    const char *path;
    char *const *arguments;
    char *const *environment;
    const char *directory;
    const int *descriptors;
    const int *targets;
    int descriptor_count;
    // Where the child runs: these CPUs if there are any, and memory of this node if it is 0 or more.
    const int *cpus;
    int cpu_count;
    int memory_node;
};

// Starts a process that leads its own group, with default signals; its process id.
int ray_spawn(const struct ray_spawn_request *request);
int ray_pidfd_open(pid_t process);
// Collects a child's end: 1 and its code (or signal), 0 if it still runs.
int ray_reap(pid_t process, int *exit_code, int *signal_number);
// Any child that has ended, left to be collected; 0 if there is none.
pid_t ray_ended_child(void);
int ray_become_subreaper(void);
int ray_open_log(const char *path);

// A detached thread with a name. 0 or -errno.
int ray_thread_start(const char *name, void (*body)(void *), void *argument);

#endif
