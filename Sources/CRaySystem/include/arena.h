//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

// Layout of one node's object store in shared memory, and the only ways to touch it.
//
//     0                header, one page
//     buckets_offset   bucket_count words of 32 bits: index + 1 of the chain's first entry, 0 for none
//     entries_offset   entry_count entries of 128 bytes
//     slots_offset     slot_count client slots: 128 bytes of head, then pins_per_slot words of 64 bits
//     data_offset      objects; each begins at an offset divisible by 64: data, metadata, contained references
//
// Every word has a single writer. The raylet writes header, buckets, entries and the first 64 bytes of a slot; a
// client writes the rest of its own slot. All access goes through the functions below, which are atomic: the other
// side of a word is another process. Nothing here is a pointer, and nothing read from here may be trusted.
//
// How an object is read while it may be freed (Dekker's handshake; every step is sequentially consistent):
//
//     reader                                     raylet
//     control = entry.control, is it sealed?     entry.control = retracted
//     pin word = (entry, generation)             fence
//     fence                                      scan all pin words
//     entry.control still the same? else unpin   pinned: the room stays until a later scan finds no pin
//     read entry, read object, unpin             not pinned: entry and room may be used again

#ifndef RAY_ARENA_H
#define RAY_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define RAY_ARENA_MAGIC 0x3159415254465753ULL // "SWFTRAY1" in little-endian order
#define RAY_ARENA_LAYOUT_VERSION 1u
#define RAY_ARENA_ALIGNMENT 64u

/// States of an entry, in the low 8 bits of its control word; the rest of the word is its generation.
#define RAY_ENTRY_VACANT 0u
#define RAY_ENTRY_SEALED 1u
#define RAY_ENTRY_RETRACTED 2u

/// The first page of the arena. Sizes and offsets are written once, before a client maps it.
typedef struct ray_arena_header {
    uint64_t magic;
    uint32_t layout_version;
    uint32_t page_size;
    uint64_t arena_size;
    uint64_t arena_nonce;
    uint64_t buckets_offset;
    uint64_t entries_offset;
    uint64_t slots_offset;
    uint64_t data_offset;
    uint64_t data_size;
    uint32_t bucket_count;
    uint32_t entry_count;
    uint32_t entry_size;
    uint32_t slot_count;
    uint32_t slot_size;
    uint32_t pins_per_slot;
    uint64_t reserved[4];
    /// Counts retractions: a lookup that finds nothing and sees another value afterwards looks again.
    uint64_t table_sequence;
    uint64_t padding[7];
} ray_arena_header;

/// One object. Readers need the first cache line only.
typedef struct ray_arena_entry {
    uint64_t control;
    uint64_t id0;
    uint64_t id1;
    uint64_t id2;
    uint32_t id3;
    /// Index + 1 of the chain's next entry, 0 for none.
    uint32_t next;
    uint64_t data_offset;
    uint64_t data_size;
    uint32_t metadata_size;
    uint32_t contained_size;
    uint64_t owner0;
    uint64_t owner1;
    uint64_t owner2;
    uint32_t owner3;
    uint32_t padding0;
    uint64_t padding[4];
} ray_arena_entry;

/// Head of a client's slot; its pin words follow.
typedef struct ray_arena_slot {
    /// Written by the raylet: odd while a client is attached.
    uint64_t generation;
    uint32_t process_id;
    uint32_t padding0;
    uint64_t padding1[6];
    /// Written by the client: one more than the highest index of a pin word that it ever used.
    uint64_t pin_high_water;
    /// Written by the client: its clock in nanoseconds when it last showed life.
    uint64_t heartbeat;
    uint64_t padding2[6];
} ray_arena_slot;

_Static_assert(sizeof(ray_arena_header) == 192, "the header has three cache lines");
_Static_assert(offsetof(ray_arena_header, magic) == 0, "the magic comes first in every version");
_Static_assert(offsetof(ray_arena_header, layout_version) == 8, "the version comes second in every version");
_Static_assert(offsetof(ray_arena_header, table_sequence) == 128, "the sequence has its own cache line");
_Static_assert(sizeof(ray_arena_entry) == 128, "an entry has two cache lines");
_Static_assert(offsetof(ray_arena_entry, control) == 0, "control comes first");
_Static_assert(offsetof(ray_arena_entry, data_offset) == 40, "layout of the entry");
_Static_assert(offsetof(ray_arena_entry, contained_size) == 60, "readers need one cache line");
_Static_assert(offsetof(ray_arena_entry, owner0) == 64, "the owner is on the second line");
_Static_assert(sizeof(ray_arena_slot) == 128, "a slot's head has two cache lines");
_Static_assert(offsetof(ray_arena_slot, pin_high_water) == 64, "each line of a slot has one writer");
_Static_assert(__atomic_always_lock_free(8, 0) && __atomic_always_lock_free(4, 0), "words are lock-free");

// MARK: Words

static inline void ray_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

/// The bucket of an object id, for a table of `mask` + 1 buckets.
static inline uint32_t ray_bucket_of(uint64_t id0, uint64_t id1, uint64_t id2, uint32_t id3, uint32_t mask) {
    uint64_t mixed = id0 ^ (id1 * 0x9e3779b97f4a7c15ULL) ^ (id2 * 0xc2b2ae3d27d4eb4fULL) ^ (uint64_t)id3;
    mixed ^= mixed >> 32;
    mixed *= 0xd6e8feb86659fd93ULL;
    mixed ^= mixed >> 32;
    return (uint32_t)mixed & mask;
}

static inline uint32_t ray_bucket_load(const uint32_t *_Nonnull bucket) {
    return __atomic_load_n(bucket, __ATOMIC_ACQUIRE);
}

static inline void ray_bucket_store(uint32_t *_Nonnull bucket, uint32_t value) {
    __atomic_store_n(bucket, value, __ATOMIC_RELEASE);
}

static inline uint64_t ray_table_sequence_load(const ray_arena_header *_Nonnull header) {
    return __atomic_load_n(&header->table_sequence, __ATOMIC_SEQ_CST);
}

static inline void ray_table_sequence_store(ray_arena_header *_Nonnull header, uint64_t value) {
    __atomic_store_n(&header->table_sequence, value, __ATOMIC_SEQ_CST);
}

// MARK: Entries

static inline uint64_t ray_entry_control(const ray_arena_entry *_Nonnull entry) {
    return __atomic_load_n(&entry->control, __ATOMIC_SEQ_CST);
}

static inline void ray_entry_set_control(ray_arena_entry *_Nonnull entry, uint64_t value) {
    __atomic_store_n(&entry->control, value, __ATOMIC_SEQ_CST);
}

static inline uint32_t ray_entry_next(const ray_arena_entry *_Nonnull entry) {
    return __atomic_load_n(&entry->next, __ATOMIC_ACQUIRE);
}

static inline void ray_entry_set_next(ray_arena_entry *_Nonnull entry, uint32_t value) {
    __atomic_store_n(&entry->next, value, __ATOMIC_RELEASE);
}

/// Whether the entry has this id; only certain while the entry is pinned or by the raylet.
static inline _Bool ray_entry_has_id(
    const ray_arena_entry *_Nonnull entry, uint64_t id0, uint64_t id1, uint64_t id2, uint32_t id3) {
    return __atomic_load_n(&entry->id0, __ATOMIC_RELAXED) == id0
        && __atomic_load_n(&entry->id1, __ATOMIC_RELAXED) == id1
        && __atomic_load_n(&entry->id2, __ATOMIC_RELAXED) == id2
        && __atomic_load_n(&entry->id3, __ATOMIC_RELAXED) == id3;
}

/// Where an object lies, as its entry says it.
typedef struct ray_extent {
    uint64_t data_offset;
    uint64_t data_size;
    uint32_t metadata_size;
    uint32_t contained_size;
} ray_extent;

static inline ray_extent ray_entry_extent(const ray_arena_entry *_Nonnull entry) {
    ray_extent extent;
    extent.data_offset = __atomic_load_n(&entry->data_offset, __ATOMIC_RELAXED);
    extent.data_size = __atomic_load_n(&entry->data_size, __ATOMIC_RELAXED);
    extent.metadata_size = __atomic_load_n(&entry->metadata_size, __ATOMIC_RELAXED);
    extent.contained_size = __atomic_load_n(&entry->contained_size, __ATOMIC_RELAXED);
    return extent;
}

static inline void ray_entry_set_extent(ray_arena_entry *_Nonnull entry, ray_extent extent) {
    __atomic_store_n(&entry->data_offset, extent.data_offset, __ATOMIC_RELAXED);
    __atomic_store_n(&entry->data_size, extent.data_size, __ATOMIC_RELAXED);
    __atomic_store_n(&entry->metadata_size, extent.metadata_size, __ATOMIC_RELAXED);
    __atomic_store_n(&entry->contained_size, extent.contained_size, __ATOMIC_RELAXED);
}

static inline void ray_entry_set_id(
    ray_arena_entry *_Nonnull entry, uint64_t id0, uint64_t id1, uint64_t id2, uint32_t id3) {
    __atomic_store_n(&entry->id0, id0, __ATOMIC_RELAXED);
    __atomic_store_n(&entry->id1, id1, __ATOMIC_RELAXED);
    __atomic_store_n(&entry->id2, id2, __ATOMIC_RELAXED);
    __atomic_store_n(&entry->id3, id3, __ATOMIC_RELAXED);
}

static inline void ray_entry_set_owner(
    ray_arena_entry *_Nonnull entry, uint64_t owner0, uint64_t owner1, uint64_t owner2, uint32_t owner3) {
    __atomic_store_n(&entry->owner0, owner0, __ATOMIC_RELAXED);
    __atomic_store_n(&entry->owner1, owner1, __ATOMIC_RELAXED);
    __atomic_store_n(&entry->owner2, owner2, __ATOMIC_RELAXED);
    __atomic_store_n(&entry->owner3, owner3, __ATOMIC_RELAXED);
}

// MARK: Slots

static inline uint64_t ray_slot_generation(const ray_arena_slot *_Nonnull slot) {
    return __atomic_load_n(&slot->generation, __ATOMIC_SEQ_CST);
}

static inline void ray_slot_set_generation(ray_arena_slot *_Nonnull slot, uint64_t value) {
    __atomic_store_n(&slot->generation, value, __ATOMIC_SEQ_CST);
}

static inline void ray_slot_set_process(ray_arena_slot *_Nonnull slot, uint32_t process_id) {
    __atomic_store_n(&slot->process_id, process_id, __ATOMIC_RELAXED);
}

static inline uint64_t ray_slot_heartbeat(const ray_arena_slot *_Nonnull slot) {
    return __atomic_load_n(&slot->heartbeat, __ATOMIC_RELAXED);
}

static inline void ray_slot_set_heartbeat(ray_arena_slot *_Nonnull slot, uint64_t value) {
    __atomic_store_n(&slot->heartbeat, value, __ATOMIC_RELAXED);
}

static inline uint64_t ray_slot_pin_high_water(const ray_arena_slot *_Nonnull slot) {
    return __atomic_load_n(&slot->pin_high_water, __ATOMIC_SEQ_CST);
}

static inline void ray_slot_set_pin_high_water(ray_arena_slot *_Nonnull slot, uint64_t value) {
    __atomic_store_n(&slot->pin_high_water, value, __ATOMIC_SEQ_CST);
}

/// Raises the high water to at least `value`; several threads of the client may do so at once.
static inline void ray_slot_raise_pin_high_water(ray_arena_slot *_Nonnull slot, uint64_t value) {
    uint64_t seen = __atomic_load_n(&slot->pin_high_water, __ATOMIC_SEQ_CST);
    while (seen < value
        && !__atomic_compare_exchange_n(
            &slot->pin_high_water, &seen, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    }
}

static inline uint64_t ray_pin_load(const uint64_t *_Nonnull pin) { return __atomic_load_n(pin, __ATOMIC_SEQ_CST); }

static inline void ray_pin_store(uint64_t *_Nonnull pin, uint64_t value) {
    __atomic_store_n(pin, value, __ATOMIC_SEQ_CST);
}

/// Takes a free pin word; whether it was free.
static inline _Bool ray_pin_take(uint64_t *_Nonnull pin, uint64_t value) {
    uint64_t free_word = 0;
    if (__atomic_load_n(pin, __ATOMIC_RELAXED) != 0) { return 0; }
    return __atomic_compare_exchange_n(pin, &free_word, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/// Frees a pin word if it still holds `value`: the slot may have been taken from a client thought dead.
static inline void ray_pin_drop(uint64_t *_Nonnull pin, uint64_t value) {
    uint64_t seen = value;
    __atomic_compare_exchange_n(pin, &seen, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

#endif
