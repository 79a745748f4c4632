//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "ray_grpc.h"

int ray_grpc_interface(void) { return RAY_GRPC_INTERFACE; }
