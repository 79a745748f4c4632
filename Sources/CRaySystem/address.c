// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int ray_local_address(const char *peer, char *own, size_t capacity) {
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(peer, "1", &hints, &found) != 0) {
        return -EINVAL;
    }
    // Connecting a datagram socket sends nothing; it only chooses the way.
    int descriptor = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int status = -EIO;
    if (descriptor >= 0 && connect(descriptor, found->ai_addr, found->ai_addrlen) == 0) {
        struct sockaddr_storage address;
        socklen_t length = sizeof address;
        if (getsockname(descriptor, (struct sockaddr *)&address, &length) == 0 &&
            getnameinfo((struct sockaddr *)&address, length, own, (socklen_t)capacity, NULL, 0, NI_NUMERICHOST) == 0) {
            status = 0;
        }
    }
    if (descriptor >= 0) {
        close(descriptor);
    }
    freeaddrinfo(found);
    return status;
}

int ray_first_address(char *own, size_t capacity) {
    struct ifaddrs *list = NULL;
    if (getifaddrs(&list) != 0) {
        return -errno;
    }
    int status = -ENOENT;
    for (struct ifaddrs *entry = list; entry != NULL && status != 0; entry = entry->ifa_next) {
        if (entry->ifa_addr == NULL || entry->ifa_addr->sa_family != AF_INET ||
            (entry->ifa_flags & IFF_LOOPBACK) != 0 || (entry->ifa_flags & IFF_UP) == 0) {
            continue;
        }
        if (getnameinfo(entry->ifa_addr, sizeof(struct sockaddr_in), own, (socklen_t)capacity, NULL, 0,
                        NI_NUMERICHOST) == 0) {
            status = 0;
        }
    }
    freeifaddrs(list);
    return status;
}

int ray_affinity_cpus(void) {
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count > 0 ? count : 1;
}
