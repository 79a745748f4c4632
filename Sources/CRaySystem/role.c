// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

#include <stdlib.h>
#include <string.h>

// The entry of the role processes, in Swift (RayNode); absent where that module is not linked in.
extern void ray_role_main(void) __attribute__((weak));

// A role process is this very program, started again by `ray.init()` or `ray start`. It must become `gcs_server` or
// `raylet` before any of the user's code runs: so before `main`.
__attribute__((constructor)) static void ray_role_start(void) {
    const char *role = getenv("SWIFT_RAY_ROLE");
    if (role != NULL && ray_role_main != NULL &&
        (strcmp(role, "gcs_server") == 0 || strcmp(role, "raylet") == 0)) {
        ray_role_main();
    }
}
