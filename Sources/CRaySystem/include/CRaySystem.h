//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef RAY_SYSTEM_H
#define RAY_SYSTEM_H

#include "address.h"
#include "sha256.h"
#include "network.h"
#include "arena.h"
#include "checksum.h"
#include "copy.h"
#include "crash.h"
#include "devices.h"
#include "disk.h"
#include "shared_memory.h"
#include "tls.h"

#endif
