//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "shared_memory.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

// Names that older C libraries lack.
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

int ray_memfd_create(const char *name, uint64_t size) {
    int descriptor = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0) { return -errno; }
    if (ftruncate(descriptor, (off_t)size) != 0
        || fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

int ray_memfd_check(int descriptor, uint64_t *size) {
    struct stat status;
    if (fstat(descriptor, &status) != 0) { return -errno; }
    *size = status.st_size < 0 ? 0 : (uint64_t)status.st_size;
    int seals = fcntl(descriptor, F_GET_SEALS);
    if (seals < 0) { return -errno; }
    return (seals & F_SEAL_SHRINK) != 0;
}

void *ray_map(int descriptor, uint64_t size, int *error) {
    void *address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor, 0);
    if (address == MAP_FAILED) {
        *error = errno;
        return NULL;
    }
    // A core file with the whole store in it helps nobody.
    madvise(address, size, MADV_DONTDUMP);
    return address;
}

void ray_unmap(void *address, uint64_t size) { munmap(address, size); }

int ray_populate(void *address, uint64_t size) {
    return madvise(address, size, MADV_POPULATE_WRITE) == 0 ? 0 : -errno;
}

int ray_duplicate_fd(int descriptor) {
    int duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    return duplicate < 0 ? -errno : duplicate;
}

int ray_send_fd(int socket, int descriptor, const void *bytes, size_t count) {
    if (count == 0) { return -EINVAL; }
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    memset(&control, 0, sizeof(control));
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
    ssize_t sent;
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) { return -errno; }
    // The bytes of a handshake are few; a socket that takes only a part of them is of no use.
    return (size_t)sent == count ? 0 : -EMSGSIZE;
}

/// Closes all descriptors of a message but hands out the first; how many there were.
static int take_descriptors(struct msghdr *message, int *first) {
    int found = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL; header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) { continue; }
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t index = 0; index < count; index++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(header) + index * sizeof(int), sizeof(int));
            if (found == 0) {
                *first = descriptor;
            } else {
                close(descriptor);
            }
            found++;
        }
    }
    return found;
}

int ray_recv_fd(int socket, void *bytes, size_t capacity, size_t *count) {
    struct iovec part = {.iov_base = bytes, .iov_len = capacity};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * 4)];
    } control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space)};
    ssize_t received;
    do {
        received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (received < 0 && errno == EINTR);
    if (received < 0) { return -errno; }
    if (received == 0) { return -ENOTCONN; }
    int first = -1;
    int found = take_descriptors(&message, &first);
    if (found != 1 || (message.msg_flags & MSG_CTRUNC) != 0) {
        if (first >= 0) { close(first); }
        return -EBADMSG;
    }
    *count = (size_t)received;
    return first;
}

int ray_numa_interleave(void *address, uint64_t size) {
    // Opened at run time: most machines have one memory node, and many images have no libnuma.
    void *library = dlopen("libnuma.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) { return 0; }
    int (*available)(void) = (int (*)(void))dlsym(library, "numa_available");
    int (*max_node)(void) = (int (*)(void))dlsym(library, "numa_max_node");
    void (*interleave)(void *, size_t, void *) =
        (void (*)(void *, size_t, void *))dlsym(library, "numa_interleave_memory");
    void **all_nodes = (void **)dlsym(library, "numa_all_nodes_ptr");
    if (available == NULL || max_node == NULL || interleave == NULL || all_nodes == NULL || available() < 0
        || max_node() < 1) {
        dlclose(library);
        return 0;
    }
    interleave(address, size, *all_nodes);
    return 1;
}
