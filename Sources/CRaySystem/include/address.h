// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

#ifndef CRAYSYSTEM_ADDRESS_H
#define CRAYSYSTEM_ADDRESS_H

#include <stddef.h>

// Writes the address of the interface that leads to the numeric address `peer`; 0 or a negative error number.
int ray_local_address(const char *peer, char *own, size_t capacity);
// Writes the first IPv4 address that is not loopback; 0 or a negative error number.
int ray_first_address(char *own, size_t capacity);

// CPUs that this process may run on; at least 1.
int ray_affinity_cpus(void);

#endif
