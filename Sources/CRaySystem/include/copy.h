//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef RAY_COPY_H
#define RAY_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/// From here on `ray_copy` writes past the caches; what is smaller is likely to be read from them soon.
#define RAY_COPY_LARGE_BYTES ((size_t)8 << 20)

#if defined(__SSE2__)
#include <emmintrin.h>

/// Copies `lines` times 64 bytes to an aligned `target`, without reading there first.
static inline void ray_copy_streamed(unsigned char *target, const unsigned char *source, size_t lines) {
    for (; lines > 0; lines -= 1, target += 64, source += 64) {
        __m128i first = _mm_loadu_si128((const __m128i *)source);
        __m128i second = _mm_loadu_si128((const __m128i *)(source + 16));
        __m128i third = _mm_loadu_si128((const __m128i *)(source + 32));
        __m128i fourth = _mm_loadu_si128((const __m128i *)(source + 48));
        _mm_stream_si128((__m128i *)target, first);
        _mm_stream_si128((__m128i *)(target + 16), second);
        _mm_stream_si128((__m128i *)(target + 32), third);
        _mm_stream_si128((__m128i *)(target + 48), fourth);
    }
    // Such stores are seen in no order of their own: whoever is told that the value is there must find all of it.
    _mm_sfence();
}
#endif

/// Copies `count` bytes between places that do not overlap, as `memcpy` does.
///
/// The C library writes past the caches only where a copy is larger than what it takes for the last one, which in a
/// virtual machine can be ten times the truth; until then each line is read before it is overwritten. The processor's
/// own instruction (`rep movsb`) would know, but depends on how the two places lie to each other: from an array of
/// numpy's into the store, which differ by 16 bytes in their lines, it took up to three times as long on the machine
/// of docs/STATUS.md.
static inline void ray_copy(void *target, const void *source, size_t count) {
#if defined(__SSE2__)
    if (count >= RAY_COPY_LARGE_BYTES) {
        size_t before = (size_t)(-(uintptr_t)target & 15);
        memcpy(target, source, before);
        unsigned char *aligned = (unsigned char *)target + before;
        const unsigned char *rest = (const unsigned char *)source + before;
        size_t lines = (count - before) / 64;
        ray_copy_streamed(aligned, rest, lines);
        memcpy(aligned + lines * 64, rest + lines * 64, count - before - lines * 64);
        return;
    }
#endif
    memcpy(target, source, count);
}

#endif
