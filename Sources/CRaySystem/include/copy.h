//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef RAY_COPY_H
#define RAY_COPY_H

#include <stddef.h>
#include <string.h>

/// From here on `ray_copy` leaves the way to the processor; below it both ways are as fast.
#define RAY_COPY_LARGE_BYTES ((size_t)8 << 20)

/// Copies `count` bytes between places that do not overlap, as `memcpy` does.
///
/// The C library writes past the caches only where a copy is larger than what it takes for the last one, which in a
/// virtual machine can be ten times the truth; until then each line is read before it is overwritten. The processor's
/// own instruction knows: 24 GB/s instead of 14 for 64 MB on the machine of docs/STATUS.md.
static inline void ray_copy(void *target, const void *source, size_t count) {
#if defined(__x86_64__)
    if (count >= RAY_COPY_LARGE_BYTES) {
        __asm__ volatile("rep movsb" : "+D"(target), "+S"(source), "+c"(count) : : "memory");
        return;
    }
#endif
    memcpy(target, source, count);
}

#endif
