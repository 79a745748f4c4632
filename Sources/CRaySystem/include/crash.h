//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef RAY_CRASH_H
#define RAY_CRASH_H

// Has a crash of this process wait a moment before it ends it, so that another thread can send what is gathered.
// What else was to be done about the signal is done then.
void ray_settle_on_crash(void);

#endif
