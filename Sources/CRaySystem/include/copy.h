//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef RAY_COPY_H
#define RAY_COPY_H

#include <stddef.h>
#include <stdint.h>

/// From here on `ray_copy` writes past the caches; what is smaller is likely to be read from them soon.
#define RAY_COPY_LARGE_BYTES ((size_t)8 << 20)

/// From here on threads of its own help `ray_copy`, which cost some 50 us to start.
#define RAY_COPY_SHARED_BYTES ((size_t)32 << 20)

/// Copies `count` bytes between places that do not overlap, as `memcpy` does, by several threads if they are many.
void ray_copy(void *target, const void *source, size_t count);

#endif
