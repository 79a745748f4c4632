//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef RAY_DEVICES_H
#define RAY_DEVICES_H

#include <stddef.h>

/// Asks NVIDIA's management library, opened at run time: the number of GPUs, or -1 where the library or the driver is
/// missing. Stores the product name of the first one, empty where it has none.
int ray_nvml_read(const char *_Nonnull library, char *_Nonnull name, size_t capacity);

/// Stores the numbers of the CPUs that this thread may use, ascending; how many, or 0 if that cannot be told.
int ray_allowed_cpus(int *_Nonnull cpus, int capacity);

/// Where a thread was: its CPUs and its memory policy, one bit for each CPU and node up to 1024.
struct ray_place {
    unsigned long cpus[1024 / (8 * sizeof(long))];
    unsigned long nodes[1024 / (8 * sizeof(long))];
    int has_cpus;
    int has_policy;
    int policy;
};

/// Moves this thread to these CPUs, and its new memory to a node (if it is 0 or more) where that has room. What cannot
/// be set stays as it is. Stores where the thread was.
void ray_place_enter(const int *_Nonnull cpus, int count, int memory_node, struct ray_place *_Nonnull before);

/// Goes back to where the thread was.
void ray_place_leave(const struct ray_place *_Nonnull before);

#endif
