//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

// SHA-256 as in FIPS 180-4, for naming executables by their content. Portable C; about 300 MB/s when optimised.

#ifndef RAY_SHA256_H
#define RAY_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { RAY_SHA256_BYTES = 32 };

// A hash under way.
struct ray_sha256_state {
    uint32_t words[8];
    uint64_t byte_count;
    // The last byte_count % 64 bytes, which do not make up a block yet.
    uint8_t rest[64];
};

void ray_sha256_start(struct ray_sha256_state *_Nonnull state);
void ray_sha256_add(struct ray_sha256_state *_Nonnull state, const void *_Nullable bytes, size_t count);
// Writes the digest of all that was added; the state is used up.
void ray_sha256_finish(struct ray_sha256_state *_Nonnull state, uint8_t *_Nonnull digest);

// The digest of `count` bytes, at once.
void ray_sha256(const void *_Nullable bytes, size_t count, uint8_t *_Nonnull digest);

#endif
