//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "checksum.h"

#include <string.h>

#define POLYNOMIAL 0x82f63b78u  // Reversed.

#define ZIP_POLYNOMIAL 0xedb88320u  // Reversed.

static uint32_t table[256];
static uint32_t zip_table[256];

static void make_table(uint32_t *entries, uint32_t polynomial) {
    for (uint32_t value = 0; value < 256; value++) {
        uint32_t rest = value;
        for (int bit = 0; bit < 8; bit++) { rest = (rest >> 1) ^ ((rest & 1) != 0 ? polynomial : 0); }
        entries[value] = rest;
    }
}

__attribute__((constructor)) static void make_tables(void) {
    make_table(table, POLYNOMIAL);
    make_table(zip_table, ZIP_POLYNOMIAL);
}

static uint32_t by_table(uint32_t crc, const uint8_t *bytes, size_t count) {
    for (size_t index = 0; index < count; index++) { crc = table[(crc ^ bytes[index]) & 0xff] ^ (crc >> 8); }
    return crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *bytes, size_t count) {
    uint64_t wide = crc;
    for (; count >= 8; bytes += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    return by_table((uint32_t)wide, bytes, count);
}

static int has_instruction(void) { return __builtin_cpu_supports("sse4.2"); }

#else

static uint32_t by_instruction(uint32_t crc, const uint8_t *bytes, size_t count) { return by_table(crc, bytes, count); }
static int has_instruction(void) { return 0; }

#endif

uint32_t ray_crc32c(const void *bytes, size_t count) {
    uint32_t start = ~0u;
    return ~(has_instruction() ? by_instruction(start, bytes, count) : by_table(start, bytes, count));
}

uint32_t ray_crc32_add(uint32_t crc, const void *bytes, size_t count) {
    const uint8_t *next = bytes;
    crc = ~crc;
    for (size_t index = 0; index < count; index++) { crc = zip_table[(crc ^ next[index]) & 0xff] ^ (crc >> 8); }
    return ~crc;
}

uint32_t ray_crc32(const void *bytes, size_t count) { return ray_crc32_add(0, bytes, count); }
