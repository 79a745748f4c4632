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
#include <stdio.h>
#include <stdlib.h>
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

int ray_send_fds(int socket, const int *descriptors, int descriptor_count, const void *bytes, size_t count) {
    if (count == 0 || descriptor_count < 1 || descriptor_count > RAY_DESCRIPTORS_MAX) { return -EINVAL; }
    size_t size = sizeof(int) * (size_t)descriptor_count;
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * RAY_DESCRIPTORS_MAX)];
    } control;
    memset(&control, 0, sizeof(control));
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = CMSG_SPACE(size)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(header), descriptors, size);
    ssize_t sent;
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) { return -errno; }
    // The bytes of a handshake are few; a socket that takes only a part of them is of no use.
    return (size_t)sent == count ? 0 : -EMSGSIZE;
}

/// Hands out the first `capacity` descriptors of a message and closes the others; how many there were.
static int take_descriptors(struct msghdr *message, int *descriptors, int capacity) {
    int found = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL; header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) { continue; }
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t index = 0; index < count; index++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(header) + index * sizeof(int), sizeof(int));
            if (found < capacity) {
                descriptors[found] = descriptor;
            } else {
                close(descriptor);
            }
            found++;
        }
    }
    return found;
}

int ray_recv_fds(int socket, int *descriptors, int descriptor_capacity, void *bytes, size_t capacity, size_t *count) {
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
    int found = take_descriptors(&message, descriptors, descriptor_capacity);
    if (found < 1 || found > descriptor_capacity || (message.msg_flags & MSG_CTRUNC) != 0) {
        for (int index = 0; index < found && index < descriptor_capacity; index++) { close(descriptors[index]); }
        return -EBADMSG;
    }
    *count = (size_t)received;
    return found;
}

int ray_file_create(const char *folder) {
    char path[4096];
    int length = snprintf(path, sizeof(path), "%s/ray_fallback_XXXXXX", folder);
    if (length < 0 || (size_t)length >= sizeof(path)) { return -ENAMETOOLONG; }
    int descriptor = mkostemp(path, O_CLOEXEC);
    if (descriptor < 0) { return -errno; }
    // Without a name it goes with the last process that has it open, however that ends.
    if (unlink(path) != 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

int ray_file_reserve(int descriptor, uint64_t offset, uint64_t size) {
    int error;
    do {
        error = posix_fallocate(descriptor, (off_t)offset, (off_t)size);
    } while (error == EINTR);
    return -error;
}

int ray_file_discard(int descriptor, uint64_t offset, uint64_t size) {
    int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    return fallocate(descriptor, mode, (off_t)offset, (off_t)size) == 0 ? 0 : -errno;
}

void *ray_file_map(int descriptor, uint64_t offset, uint64_t size, int *error) {
    struct stat status;
    if (fstat(descriptor, &status) != 0) {
        *error = errno;
        return NULL;
    }
    // Touching a page beyond the end would end the process.
    if (status.st_size < 0 || offset > (uint64_t)status.st_size || size > (uint64_t)status.st_size - offset) {
        *error = ERANGE;
        return NULL;
    }
    void *address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, (off_t)offset);
    if (address == MAP_FAILED) {
        *error = errno;
        return NULL;
    }
    madvise(address, size, MADV_DONTDUMP);
    return address;
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
