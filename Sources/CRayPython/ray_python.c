//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "ray_python.h"
#include "ray_python_failure.h"

#include <stdlib.h>
#include <string.h>

static __thread int failure_type;
static __thread char *failure_text;
static __thread size_t failure_size;

int ray_python_interface(void) { return RAY_PYTHON_INTERFACE; }

int ray_python_fail(int type, const char *text, size_t size) {
    // A thread that ends leaves its last sentence behind; there are few threads.
    char *copy = realloc(failure_text, size + 1);
    if (copy == NULL) return -1;
    memcpy(copy, text, size);
    failure_text = copy;
    failure_size = size;
    failure_type = type;
    return -1;
}

int ray_python_error(struct ray_python_bytes *message) {
    message->data = failure_text;
    message->count = failure_size;
    return failure_type;
}
