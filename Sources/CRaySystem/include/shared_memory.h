//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef RAY_SHARED_MEMORY_H
#define RAY_SHARED_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/// Creates shared memory of `size` bytes that cannot shrink or grow; a descriptor, or a negative errno.
int ray_memfd_create(const char *_Nonnull name, uint64_t size);

/// Whether `descriptor` is shared memory that no process can shrink, so that reading it never faults: 1, 0 or a
/// negative errno. Stores its size.
int ray_memfd_check(int descriptor, uint64_t *_Nonnull size);

/// Maps `size` bytes for reading and writing without reserving memory; NULL and `*error` = errno on failure.
void *_Nullable ray_map(int descriptor, uint64_t size, int *_Nonnull error);

/// Unmaps what `ray_map` mapped.
void ray_unmap(void *_Nonnull address, uint64_t size);

/// Brings pages in, ready for writing, without changing them; 0 or a negative errno (-EINVAL before Linux 5.14).
int ray_populate(void *_Nonnull address, uint64_t size);

/// Duplicates a descriptor, close-on-exec; the new one, or a negative errno.
int ray_duplicate_fd(int descriptor);

/// Most descriptors in one message.
#define RAY_DESCRIPTORS_MAX 2

/// Sends descriptors with `count` bytes (at least one of each) over a Unix socket; 0 or a negative errno.
int ray_send_fds(
    int socket, const int *_Nonnull descriptors, int descriptor_count, const void *_Nonnull bytes, size_t count);

/// Receives descriptors with up to `capacity` bytes; how many, or a negative errno: -ENOTCONN at the end of the
/// stream, -EBADMSG if the message carries none or too many. Stores the number of bytes received.
int ray_recv_fds(
    int socket, int *_Nonnull descriptors, int descriptor_capacity, void *_Nonnull bytes, size_t capacity,
    size_t *_Nonnull count);

/// Makes an empty file without a name on the disk of `folder`; a descriptor, or a negative errno.
int ray_file_create(const char *_Nonnull folder);

/// Has the disk set blocks aside for a range of a file, which grows to its end if it is shorter; 0 or a negative errno.
int ray_file_reserve(int descriptor, uint64_t offset, uint64_t size);

/// Gives the blocks of a range of a file back to the disk; 0 or a negative errno.
int ray_file_discard(int descriptor, uint64_t offset, uint64_t size);

/// Maps a range of a file, from a page's beginning; NULL and `*error` = errno on failure, ERANGE beyond its end.
void *_Nullable ray_file_map(int descriptor, uint64_t offset, uint64_t size, int *_Nonnull error);

/// Spreads the pages of a range over the machine's memory nodes: 1 if done, 0 where there is one node or no libnuma.
int ray_numa_interleave(void *_Nonnull address, uint64_t size);

#endif
