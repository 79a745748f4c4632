//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "disk.h"

#include <errno.h>
#include <fcntl.h>

// What other errors say is that the file system has no such call.
static int range_synced(int result) {
    int is_failure = result < 0 && (errno == EIO || errno == ENOSPC || errno == EDQUOT);
    return is_failure ? -1 : 0;
}

int ray_disk_begin(int file, int64_t offset, int64_t count) {
    return range_synced(sync_file_range(file, offset, count, SYNC_FILE_RANGE_WRITE));
}

int ray_disk_await(int file, int64_t offset, int64_t count) {
    return range_synced(sync_file_range(file, offset, count, SYNC_FILE_RANGE_WAIT_BEFORE));
}
