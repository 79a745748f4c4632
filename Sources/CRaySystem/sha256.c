//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "include/sha256.h"

#include <string.h>

// FIPS 180-4, section 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes.
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline uint32_t rotate(uint32_t word, int count) { return word >> count | word << (32 - count); }

static inline uint32_t load(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3];
}

static inline void store(uint8_t *bytes, uint32_t word) {
    bytes[0] = (uint8_t)(word >> 24);
    bytes[1] = (uint8_t)(word >> 16);
    bytes[2] = (uint8_t)(word >> 8);
    bytes[3] = (uint8_t)word;
}

// Section 6.2.2, for one block of 64 bytes.
static void add_block(uint32_t *words, const uint8_t *block) {
    uint32_t schedule[64];
    for (int index = 0; index < 16; index++) { schedule[index] = load(block + 4 * index); }
    for (int index = 16; index < 64; index++) {
        uint32_t near = schedule[index - 2];
        uint32_t far = schedule[index - 15];
        uint32_t sigma1 = rotate(near, 17) ^ rotate(near, 19) ^ near >> 10;
        uint32_t sigma0 = rotate(far, 7) ^ rotate(far, 18) ^ far >> 3;
        schedule[index] = sigma1 + schedule[index - 7] + sigma0 + schedule[index - 16];
    }
    uint32_t a = words[0], b = words[1], c = words[2], d = words[3];
    uint32_t e = words[4], f = words[5], g = words[6], h = words[7];
    for (int index = 0; index < 64; index++) {
        uint32_t sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
        uint32_t choice = (e & f) ^ (~e & g);
        uint32_t first = h + sum1 + choice + constants[index] + schedule[index];
        uint32_t sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
        uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
        h = g;
        g = f;
        f = e;
        e = d + first;
        d = c;
        c = b;
        b = a;
        a = first + sum0 + majority;
    }
    words[0] += a;
    words[1] += b;
    words[2] += c;
    words[3] += d;
    words[4] += e;
    words[5] += f;
    words[6] += g;
    words[7] += h;
}

void ray_sha256_start(struct ray_sha256_state *state) {
    // Section 5.3.3: the fractional parts of the square roots of the first eight primes.
    static const uint32_t first[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    };
    memcpy(state->words, first, sizeof first);
    state->byte_count = 0;
}

void ray_sha256_add(struct ray_sha256_state *state, const void *bytes, size_t count) {
    const uint8_t *next = bytes;
    size_t used = state->byte_count % 64;
    if (count == 0) { return; }
    state->byte_count += count;
    if (used > 0) {
        size_t taken = count < 64 - used ? count : 64 - used;
        memcpy(state->rest + used, next, taken);
        if (used + taken < 64) { return; }
        add_block(state->words, state->rest);
        next += taken;
        count -= taken;
    }
    for (; count >= 64; count -= 64, next += 64) { add_block(state->words, next); }
    memcpy(state->rest, next, count);
}

void ray_sha256_finish(struct ray_sha256_state *state, uint8_t *digest) {
    uint64_t bit_count = state->byte_count * 8;
    size_t used = state->byte_count % 64;
    // Section 5.1.1: a 1 bit, zeros, and the number of bits in the last eight bytes of a block.
    state->rest[used++] = 0x80;
    if (used > 56) {
        memset(state->rest + used, 0, 64 - used);
        add_block(state->words, state->rest);
        used = 0;
    }
    memset(state->rest + used, 0, 56 - used);
    store(state->rest + 56, (uint32_t)(bit_count >> 32));
    store(state->rest + 60, (uint32_t)bit_count);
    add_block(state->words, state->rest);
    for (int index = 0; index < 8; index++) { store(digest + 4 * index, state->words[index]); }
}

void ray_sha256(const void *bytes, size_t count, uint8_t *digest) {
    struct ray_sha256_state state;
    ray_sha256_start(&state);
    ray_sha256_add(&state, bytes, count);
    ray_sha256_finish(&state, digest);
}
