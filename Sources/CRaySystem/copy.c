//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

// Copies of large values. The C library writes past the caches only where a copy is larger than what it takes for the
// last one, which in a virtual machine can be ten times the truth; until then each line is read before it is
// overwritten. The processor's own instruction (`rep movsb`) would know, but depends on how the two places lie to each
// other. One core does not use all that the memory can do, so others help (Ray's store has threads for it, too).

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "copy.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

enum { LINE = 64, PAGE = 4096, GROUP = 4 * PAGE, THREADS_MAX = 4 };

/// What a thread takes at a time: whoever is late, or has to share its core, holds the others up for no longer.
static const size_t BLOCK = (size_t)2 << 20;

#if defined(__x86_64__)
#include <immintrin.h>

static inline void copy_line(unsigned char *target, const unsigned char *source) {
    __m128i first = _mm_loadu_si128((const __m128i *)source);
    __m128i second = _mm_loadu_si128((const __m128i *)(source + 16));
    __m128i third = _mm_loadu_si128((const __m128i *)(source + 32));
    __m128i fourth = _mm_loadu_si128((const __m128i *)(source + 48));
    _mm_stream_si128((__m128i *)target, first);
    _mm_stream_si128((__m128i *)(target + 16), second);
    _mm_stream_si128((__m128i *)(target + 32), third);
    _mm_stream_si128((__m128i *)(target + 48), fourth);
}

/// Two lines as one write each: 8 % faster than `copy_line` where two threads copy all that the memory can take.
__attribute__((target("avx512f"))) static void copy_group_wide(unsigned char *target, const unsigned char *source) {
    for (size_t line = 0; line < PAGE; line += 2 * LINE) {
        for (size_t page = 0; page < GROUP; page += PAGE) {
            const unsigned char *from = source + page + line;
            __m512i first = _mm512_loadu_si512(from);
            __m512i second = _mm512_loadu_si512(from + LINE);
            _mm512_stream_si512((void *)(target + page + line), first);
            _mm512_stream_si512((void *)(target + page + line + LINE), second);
        }
    }
}

static void copy_group(unsigned char *target, const unsigned char *source) {
    for (size_t line = 0; line < PAGE; line += LINE) {
        for (size_t page = 0; page < GROUP; page += PAGE) {
            copy_line(target + page + line, source + page + line);
        }
    }
}

/// Copies `count` bytes, whole lines, to a target that begins with one, without reading there first. Four pages at a
/// time, line by line in turn: the processor fetches ahead in each of them (a third faster than one after the other).
static void copy_past_caches(unsigned char *target, const unsigned char *source, size_t count) {
    bool is_wide = __builtin_cpu_supports("avx512f");
    for (; count >= GROUP; count -= GROUP, target += GROUP, source += GROUP) {
        if (is_wide) {
            copy_group_wide(target, source);
        } else {
            copy_group(target, source);
        }
    }
    for (; count >= LINE; count -= LINE, target += LINE, source += LINE) {
        copy_line(target, source);
    }
    // Such stores are seen in no order of their own: whoever is told that the value is there must find all of it.
    _mm_sfence();
}
#else
static void copy_past_caches(unsigned char *target, const unsigned char *source, size_t count) {
    memcpy(target, source, count);
}
#endif

/// A copy that several threads make, block by block.
struct shared_copy {
    unsigned char *target;
    const unsigned char *source;
    size_t count;
    atomic_size_t taken;  // bytes of blocks that have a thread
};

static void *copy_blocks(void *context) {
    struct shared_copy *copy = context;
    for (;;) {
        size_t begin = atomic_fetch_add_explicit(&copy->taken, BLOCK, memory_order_relaxed);
        if (begin >= copy->count) {
            return NULL;
        }
        size_t left = copy->count - begin;
        copy_past_caches(copy->target + begin, copy->source + begin, left < BLOCK ? left : BLOCK);
    }
}

/// How many threads are to help: one for each further processor that this one may use.
static int helpers(void) {
    cpu_set_t processors;
    if (sched_getaffinity(0, sizeof processors, &processors) != 0) {
        return 0;
    }
    int usable = CPU_COUNT(&processors);
    return (usable < THREADS_MAX ? usable : THREADS_MAX) - 1;
}

/// Copies with the help of threads that end with the copy; one that cannot be started is done without.
static void copy_with_helpers(struct shared_copy *copy) {
    pthread_t threads[THREADS_MAX];
    int started = 0;
    // Signals are for the program's own threads, but a fault is this one's: the kernel would end the process at once, and
    // its handler would not run, if it were held back.
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT};
    sigset_t others, before;
    sigfillset(&others);
    for (size_t index = 0; index < sizeof faults / sizeof *faults; index += 1) {
        sigdelset(&others, faults[index]);
    }
    pthread_sigmask(SIG_SETMASK, &others, &before);
    for (int wanted = helpers(); started < wanted; started += 1) {
        if (pthread_create(&threads[started], NULL, copy_blocks, copy) != 0) {
            break;
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    copy_blocks(copy);
    for (int index = 0; index < started; index += 1) {
        pthread_join(threads[index], NULL);
    }
}

void ray_copy(void *target, const void *source, size_t count) {
    if (count < RAY_COPY_LARGE_BYTES) {
        if (count > 0) {
            memcpy(target, source, count);
        }
        return;
    }
    size_t before = (size_t)(-(uintptr_t)target & (LINE - 1));
    struct shared_copy copy = {
        .target = (unsigned char *)target + before,
        .source = (const unsigned char *)source + before,
        .count = (count - before) & ~(size_t)(LINE - 1),
    };
    size_t done = before + copy.count;
    memcpy(target, source, before);
    memcpy((unsigned char *)target + done, (const unsigned char *)source + done, count - done);
    if (count < RAY_COPY_SHARED_BYTES) {
        copy_blocks(&copy);
    } else {
        copy_with_helpers(&copy);
    }
}
