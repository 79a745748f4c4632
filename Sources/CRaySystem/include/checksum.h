//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef RAY_CHECKSUM_H
#define RAY_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// The CRC-32C (Castagnoli) of `count` bytes; by the processor where it can do that, else by a table.
uint32_t ray_crc32c(const void *_Nonnull bytes, size_t count);
/// The CRC-32 that zip archives use, of `count` bytes.
uint32_t ray_crc32(const void *_Nullable bytes, size_t count);
/// The same of the bytes behind those that `crc` is of; 0 at the beginning.
uint32_t ray_crc32_add(uint32_t crc, const void *_Nullable bytes, size_t count);

#endif
