//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
#ifndef RAY_DISK_H
#define RAY_DISK_H

#include <stdint.h>

/// Has the disk begin with bytes of a file that were written, without a wait. 0, or -1 with `errno` if it does not take
/// them; file systems that cannot do this do nothing.
int ray_disk_begin(int file, int64_t offset, int64_t count);
/// Waits until the disk has taken bytes with which it was told to begin; they may still be in its cache. 0, or -1 with
/// `errno` if it did not take them, which `fsync` does not tell a second time.
int ray_disk_await(int file, int64_t offset, int64_t count);

#endif
