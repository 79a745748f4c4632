//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "network.h"

#include "devices.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

_Static_assert((int)RAY_EVENT_READ == (int)EPOLLIN, "event bits are the kernel's");
_Static_assert((int)RAY_EVENT_WRITE == (int)EPOLLOUT, "event bits are the kernel's");
_Static_assert((int)RAY_EVENT_ERROR == (int)EPOLLERR, "event bits are the kernel's");
_Static_assert((int)RAY_EVENT_HANGUP == (int)EPOLLHUP, "event bits are the kernel's");
_Static_assert((int)RAY_EVENT_READ_CLOSED == (int)EPOLLRDHUP, "event bits are the kernel's");

static int result(int value) { return value < 0 ? -errno : value; }

// MARK: epoll, eventfd, futex, clock

int ray_epoll_create(void) { return result(epoll_create1(EPOLL_CLOEXEC)); }

static int change(int epoll, int operation, int descriptor, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data = {.u64 = token}};
    return result(epoll_ctl(epoll, operation, descriptor, &event));
}

int ray_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t token) {
    return change(epoll, EPOLL_CTL_ADD, descriptor, events, token);
}

int ray_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t token) {
    return change(epoll, EPOLL_CTL_MOD, descriptor, events, token);
}

int ray_epoll_remove(int epoll, int descriptor) { return change(epoll, EPOLL_CTL_DEL, descriptor, 0, 0); }

// Waits for less than a millisecond, too, where the kernel can.
static int wait_precisely(int epoll, struct epoll_event *buffer, int count, int64_t nanoseconds) {
    struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    int found = epoll_pwait2(epoll, buffer, count, &limit, NULL);
    if (found >= 0 || errno != ENOSYS) return found;
    return epoll_wait(epoll, buffer, count, (int)((nanoseconds + 999999) / 1000000));
}

int ray_epoll_wait(int epoll, struct ray_event *events, int count, int64_t nanoseconds) {
    struct epoll_event buffer[64];
    if (count > 64) count = 64;
    int found = nanoseconds > 0 ? wait_precisely(epoll, buffer, count, nanoseconds)
                                : epoll_wait(epoll, buffer, count, nanoseconds < 0 ? -1 : 0);
    if (found < 0) return errno == EINTR ? 0 : -errno;
    for (int index = 0; index < found; index++) {
        events[index].token = buffer[index].data.u64;
        events[index].events = buffer[index].events;
    }
    return found;
}

int ray_eventfd_create(void) { return result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

void ray_eventfd_signal(int descriptor) {
    uint64_t one = 1;
    // A counter that is full is signalled already.
    ssize_t ignored = write(descriptor, &one, sizeof one);
    (void)ignored;
}

void ray_eventfd_clear(int descriptor) {
    uint64_t value;
    ssize_t ignored = read(descriptor, &value, sizeof value);
    (void)ignored;
}

void ray_eventfd_await(int descriptor, int64_t nanoseconds) {
    struct pollfd one = {.fd = descriptor, .events = POLLIN};
    struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    ppoll(&one, 1, &limit, NULL);
}

void ray_futex_wait(uint32_t *word, uint32_t expected, uint64_t microseconds) {
    struct timespec timeout = {.tv_sec = microseconds / 1000000, .tv_nsec = microseconds % 1000000 * 1000};
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &timeout, NULL, 0);
}

void ray_futex_wake(uint32_t *word, int count) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0); }

uint64_t ray_monotonic_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static __thread void *current_turn;

void *ray_thread_turn(void) { return current_turn; }
void ray_thread_set_turn(void *reactor) { current_turn = reactor; }

// MARK: Unix sockets

// Fills the address. A path that is too long goes through its directory, whose descriptor is returned in
// `directory` and must be closed by the caller.
static int unix_address(const char *path, struct sockaddr_un *address, int *directory) {
    *directory = -1;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    size_t length = strlen(path);
    if (length < sizeof address->sun_path) {
        memcpy(address->sun_path, path, length + 1);
        return 0;
    }
    const char *slash = strrchr(path, '/');
    if (slash == NULL) return -ENAMETOOLONG;
    char *parent = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (parent == NULL) return -ENOMEM;
    *directory = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int error = errno;
    free(parent);
    if (*directory < 0) return -error;
    int written =
        snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", *directory, slash + 1);
    if (written >= (int)sizeof address->sun_path) {
        close(*directory);
        *directory = -1;
        return -ENAMETOOLONG;
    }
    return 0;
}

static int unix_socket(void) { return result(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }

int ray_unix_listen(const char *path, int backlog) {
    struct sockaddr_un address;
    int directory;
    int status = unix_address(path, &address, &directory);
    if (status < 0) return status;
    int descriptor = unix_socket();
    if (descriptor < 0) goto done;
    if (bind(descriptor, (struct sockaddr *)&address, sizeof address) < 0) {
        int error = errno;
        struct stat found;
        // Only a socket is replaced, and only one that nobody serves.
        if (error == EADDRINUSE && lstat(path, &found) == 0 && S_ISSOCK(found.st_mode)) {
            int probe = ray_unix_connect(path);
            if (probe >= 0) {
                close(probe);
            } else if (probe == -ECONNREFUSED && unlink(path) == 0
                       && bind(descriptor, (struct sockaddr *)&address, sizeof address) == 0) {
                error = 0;
            }
        }
        if (error != 0) {
            close(descriptor);
            descriptor = -error;
            goto done;
        }
    }
    if (chmod(path, 0600) < 0 || listen(descriptor, backlog) < 0) {
        int error = errno;
        close(descriptor);
        descriptor = -error;
    }
done:
    if (directory >= 0) close(directory);
    return descriptor;
}

int ray_unix_connect(const char *path) {
    struct sockaddr_un address;
    int directory;
    int status = unix_address(path, &address, &directory);
    if (status < 0) return status;
    int descriptor = unix_socket();
    if (descriptor >= 0 && connect(descriptor, (struct sockaddr *)&address, sizeof address) < 0) {
        int error = errno;
        close(descriptor);
        descriptor = -error;
    }
    if (directory >= 0) close(directory);
    return descriptor;
}

// MARK: TCP

static int numeric_address(const char *host, uint16_t port, struct sockaddr_storage *address, socklen_t *length) {
    memset(address, 0, sizeof *address);
    struct sockaddr_in *four = (struct sockaddr_in *)address;
    if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        *length = sizeof *four;
        return AF_INET;
    }
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
    if (inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        *length = sizeof *six;
        return AF_INET6;
    }
    return -EINVAL;
}

int ray_tcp_listen(const char *host, uint16_t port, int backlog, uint16_t *bound) {
    struct sockaddr_storage address;
    socklen_t length;
    int family = numeric_address(host, port, &address, &length);
    if (family < 0) return family;
    int descriptor = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    int on = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(descriptor, (struct sockaddr *)&address, length) < 0 || listen(descriptor, backlog) < 0
        || getsockname(descriptor, (struct sockaddr *)&address, &length) < 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    *bound = ntohs(family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                     : ((struct sockaddr_in6 *)&address)->sin6_port);
    return descriptor;
}

// Fails on Unix sockets, which have no delay, and whose peers the kernel knows.
static void set_habits(int descriptor) {
    int on = 1, idle_seconds = 60, interval_seconds = 10, count = 3;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // A machine that is switched off says nothing: an idle connection to it would stay for ever.
    setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &interval_seconds, sizeof interval_seconds);
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

int ray_tcp_connect(const char *host, uint16_t port) {
    struct sockaddr_storage address;
    socklen_t length;
    int family = numeric_address(host, port, &address, &length);
    if (family < 0) return family;
    int descriptor = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    set_habits(descriptor);
    if (connect(descriptor, (struct sockaddr *)&address, length) < 0 && errno != EINPROGRESS) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

int ray_resolve(const char *name, char *numeric, size_t capacity) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int status = getaddrinfo(name, NULL, &hints, &list);
    if (status != 0) return status < 0 ? status : -status;
    const struct addrinfo *chosen = list;
    // IPv4 first: our listeners are IPv4 unless an IPv6 address was named.
    for (const struct addrinfo *entry = list; entry != NULL; entry = entry->ai_next) {
        if (entry->ai_family == AF_INET) {
            chosen = entry;
            break;
        }
    }
    status = getnameinfo(chosen->ai_addr, chosen->ai_addrlen, numeric, (socklen_t)capacity, NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(list);
    return status == 0 ? 0 : (status < 0 ? status : -status);
}

const char *ray_resolve_error(int code) { return gai_strerror(code); }

int ray_accept(int listener) {
    int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor < 0) return -errno;
    set_habits(descriptor);
    return descriptor;
}

int ray_socket_error(int descriptor) {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return errno;
    return error;
}

int64_t ray_peer_user(int descriptor) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0) return -errno;
    return credentials.uid;
}

int64_t ray_peer_process(int descriptor) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0) return -errno;
    return credentials.pid;
}

ssize_t ray_socket_send(int descriptor, const void *bytes, size_t count) {
    ssize_t sent;
    do {
        sent = send(descriptor, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

ssize_t ray_socket_receive(int descriptor, void *bytes, size_t count) {
    ssize_t received;
    do {
        received = recv(descriptor, bytes, count, MSG_DONTWAIT);
    } while (received < 0 && errno == EINTR);
    return received < 0 ? -errno : received;
}

void ray_socket_end_writing(int descriptor) { shutdown(descriptor, SHUT_WR); }
void ray_socket_break(int descriptor) { shutdown(descriptor, SHUT_RDWR); }

void ray_socket_reset(int descriptor) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(descriptor);
}

void ray_close(int descriptor) { close(descriptor); }

void ray_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
    // Not without end: some programs go through all numbers that are possible.
    rlim_t wanted = limit.rlim_max < RAY_DESCRIPTOR_LIMIT_MAX ? limit.rlim_max : RAY_DESCRIPTOR_LIMIT_MAX;
    if (limit.rlim_cur >= wanted) return;
    limit.rlim_cur = wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int ray_pair_create(int descriptors[2]) {
    return result(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, descriptors));
}

int ray_pipe_create(int descriptors[2]) { return result(pipe2(descriptors, O_CLOEXEC)); }

void ray_socket_limit(int descriptor, int milliseconds) {
    struct timeval limit = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

int ray_send_descriptors(int socket, const void *bytes, size_t count, const int *descriptors, int descriptor_count) {
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(8 * sizeof(int))];
    } control;
    if (count == 0 || descriptor_count < 1 || descriptor_count > 8) return -EINVAL;
    size_t size = (size_t)descriptor_count * sizeof(int);
    memset(&control, 0, sizeof control);
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = CMSG_SPACE(size)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(header), descriptors, size);
    while (part.iov_len > 0) {
        ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return -errno;
        part.iov_base = (char *)part.iov_base + sent;
        part.iov_len -= (size_t)sent;
        // They travel once.
        message.msg_control = NULL;
        message.msg_controllen = 0;
    }
    return 0;
}

ssize_t ray_read_blocking(int descriptor, void *bytes, size_t count) {
    ssize_t received;
    do {
        received = read(descriptor, bytes, count);
    } while (received < 0 && errno == EINTR);
    return received < 0 ? -errno : received;
}

// MARK: processes

int ray_spawn(const struct ray_spawn_request *request) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int moved[64];
    int moved_count = 0;
    int base = 2;
    int process = -ENOMEM;
    struct ray_place place;
    if (request->descriptor_count > 64) return -EINVAL;
    for (int index = 0; index < request->descriptor_count; index++) {
        if (request->targets[index] > base) base = request->targets[index];
    }
    if (posix_spawn_file_actions_init(&actions) != 0) return -ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) goto no_attributes;
    // Sources are first moved above all targets: else one dup2 could overwrite the source of another.
    for (int index = 0; index < request->descriptor_count; index++) {
        int copy = fcntl(request->descriptors[index], F_DUPFD_CLOEXEC, base + 1);
        if (copy < 0) {
            process = -errno;
            goto done;
        }
        moved[moved_count++] = copy;
        posix_spawn_file_actions_adddup2(&actions, copy, request->targets[index]);
    }
    if (request->directory != NULL) posix_spawn_file_actions_addchdir_np(&actions, request->directory);
    posix_spawn_file_actions_addclosefrom_np(&actions, base + 1);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    pid_t child;
    // A child is where the thread is that starts it.
    if (request->cpu_count > 0) ray_place_enter(request->cpus, request->cpu_count, request->memory_node, &place);
    int status =
        posix_spawn(&child, request->path, &actions, &attributes, request->arguments, request->environment);
    if (request->cpu_count > 0) ray_place_leave(&place);
    process = status == 0 ? child : -status;
done:
    for (int index = 0; index < moved_count; index++) close(moved[index]);
    posix_spawnattr_destroy(&attributes);
no_attributes:
    posix_spawn_file_actions_destroy(&actions);
    return process;
}

int ray_pidfd_open(pid_t process) {
    int descriptor = (int)syscall(SYS_pidfd_open, process, 0);
    return descriptor < 0 ? -errno : descriptor;
}

int ray_reap(pid_t process, int *exit_code, int *signal_number) {
    int status;
    pid_t found = waitpid(process, &status, WNOHANG);
    if (found < 0) return -errno;
    if (found == 0) return 0;
    *exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    *signal_number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return 1;
}

pid_t ray_ended_child(void) {
    siginfo_t information = {0};
    if (waitid(P_ALL, 0, &information, WEXITED | WNOHANG | WNOWAIT) < 0) return 0;
    return information.si_pid;
}

int ray_become_subreaper(void) { return result(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)); }

int ray_open_log(const char *path) {
    return result(open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
}

// MARK: threads

struct thread_start {
    char name[16];
    void (*body)(void *);
    void *argument;
};

static void *run_thread(void *raw) {
    struct thread_start start = *(struct thread_start *)raw;
    free(raw);
    pthread_setname_np(pthread_self(), start.name);
    start.body(start.argument);
    return NULL;
}

int ray_thread_start(const char *name, void (*body)(void *), void *argument) {
    struct thread_start *start = malloc(sizeof *start);
    if (start == NULL) return -ENOMEM;
    snprintf(start->name, sizeof start->name, "%s", name);
    start->body = body;
    start->argument = argument;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    int status = pthread_create(&thread, &attributes, run_thread, start);
    pthread_attr_destroy(&attributes);
    if (status != 0) free(start);
    return -status;
}
