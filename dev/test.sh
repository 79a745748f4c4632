#!/usr/bin/env bash
# Builds and runs all tests in the one configuration that is shipped: release. Arguments go to "swift test",
# e.g. dev/test.sh --filter SchedulerTests. The package outside is built as its user first would, for debugging. With
# NIGHTLY=1 also what takes long and seldom finds anything: that package for release with Swift's libraries in it, and
# all features on Ray's own core.
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
run() { "${SWIFT:-swift}" test -c release --skip-build --disable-xctest "$@"; }
if (($# > 0)); then
    phase "Tests" run "$@"
    exit
fi
phase "Unit tests and simulation" run --skip IntegrationTests
phase "Package outside" dev/outside-package.sh
if [[ -n ${NIGHTLY:-} ]]; then
    phase "Package outside, static" dev/outside-package.sh --static
    # A test of the processes runs it on a node that has no Swift libraries.
    export RAY_TEST_STATIC=$PWD/.build/outside/static/OutsideCommand
fi
phase "Python" dev/python.sh test
# By themselves: they measure times of whole processes, and two processors are soon busy.
phase "Processes" run --filter IntegrationTests
