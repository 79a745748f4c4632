#!/usr/bin/env bash
# Builds and runs all tests in the one configuration that is shipped: release. Arguments go to "swift test",
# e.g. dev/test.sh --filter SchedulerTests
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

phase() {
    local name=$1 began=$SECONDS
    shift
    "$@"
    local seconds=$((SECONDS - began))
    printf '%s: %d.%d minutes\n' "$name" $((seconds / 60)) $((seconds % 60 / 6))
}

phase "Format" make --no-print-directory lint
phase "Build" "${SWIFT:-swift}" build -c release --build-tests
# Swift Testing only: without this the empty XCTest run is reported too.
phase "Tests" "${SWIFT:-swift}" test -c release --skip-build --disable-xctest "$@"
# Not when a part of the tests is wanted.
(($# > 0)) || phase "Package outside" dev/outside-package.sh
