//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "devices.h"

#include <dlfcn.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// MARK: GPUs

typedef int (*nvml_plain)(void);
typedef int (*nvml_count)(unsigned int *);
typedef int (*nvml_handle)(unsigned int, void **);
typedef int (*nvml_name)(void *, char *, unsigned int);

int ray_nvml_read(const char *library, char *name, size_t capacity) {
    if (capacity == 0) { return -1; }
    name[0] = '\0';
    // The driver brings the library; machines without one lack it, and that is the usual case.
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) { return -1; }
    nvml_plain begin = (nvml_plain)dlsym(handle, "nvmlInit_v2");
    nvml_plain end = (nvml_plain)dlsym(handle, "nvmlShutdown");
    nvml_count get_count = (nvml_count)dlsym(handle, "nvmlDeviceGetCount_v2");
    nvml_handle get_device = (nvml_handle)dlsym(handle, "nvmlDeviceGetHandleByIndex_v2");
    nvml_name get_name = (nvml_name)dlsym(handle, "nvmlDeviceGetName");
    int result = -1;
    if (begin != NULL && end != NULL && get_count != NULL && begin() == 0) {
        unsigned int count = 0;
        void *device = NULL;
        if (get_count(&count) == 0 && count <= 1 << 16) { result = (int)count; }
        if (result > 0 && get_device != NULL && get_name != NULL && get_device(0, &device) == 0
            && get_name(device, name, (unsigned int)capacity) != 0) {
            name[0] = '\0';
        }
        name[capacity - 1] = '\0';
        end();
    }
    dlclose(handle);
    return result;
}

// MARK: CPUs and memory nodes

int ray_allowed_cpus(int *cpus, int capacity) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) { return 0; }
    int count = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE && count < capacity; cpu++) {
        if (CPU_ISSET(cpu, &set)) { cpus[count++] = cpu; }
    }
    return count;
}

// The kernel's MPOL_PREFERRED: from this node as long as it has room.
static const int policy_preferred = 1;
static const unsigned long long_bits = 8 * sizeof(long);
// The kernel counts one more bit than it reads.
static const unsigned long node_bits = 1024 + 1;

_Static_assert(sizeof(cpu_set_t) == sizeof(((struct ray_place *)NULL)->cpus), "a set has one bit for each CPU");

void ray_place_enter(const int *cpus, int count, int memory_node, struct ray_place *before) {
    memset(before, 0, sizeof *before);
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int index = 0; index < count; index++) {
        if (cpus[index] >= 0 && cpus[index] < CPU_SETSIZE) { CPU_SET(cpus[index], &set); }
    }
    if (CPU_COUNT(&set) > 0 && sched_getaffinity(0, sizeof before->cpus, (cpu_set_t *)before->cpus) == 0) {
        before->has_cpus = sched_setaffinity(0, sizeof set, &set) == 0;
    }
    if (memory_node < 0 || memory_node >= 1024) { return; }
    // System calls, not libnuma: children inherit the policy of the thread, and images may lack the library.
    if (syscall(SYS_get_mempolicy, &before->policy, before->nodes, node_bits, NULL, 0) != 0) { return; }
    unsigned long nodes[sizeof before->nodes / sizeof(long)] = {0};
    nodes[(unsigned)memory_node / long_bits] = 1UL << ((unsigned)memory_node % long_bits);
    before->has_policy = syscall(SYS_set_mempolicy, policy_preferred, nodes, node_bits) == 0;
}

void ray_place_leave(const struct ray_place *before) {
    if (before->has_cpus) { sched_setaffinity(0, sizeof before->cpus, (const cpu_set_t *)before->cpus); }
    if (before->has_policy) { syscall(SYS_set_mempolicy, before->policy, before->nodes, node_bits); }
}
