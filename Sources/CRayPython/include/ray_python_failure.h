//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef RAY_PYTHON_FAILURE_H
#define RAY_PYTHON_FAILURE_H

#include <stddef.h>

// Keeps the reason of a failure for `ray_python_error` on this thread; always -1.
int ray_python_fail(int type, const char *text, size_t size);

#endif
