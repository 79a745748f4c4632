#!/usr/bin/env bash
# Python on our core: puts the library, the programs and Swift's own libraries into the package, builds its
# extensions, installs it beside Ray from PyPI into .venv, and with "test" runs its tests on our core and on Ray's own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly ray=2.60.0
readonly build=${RAY_BUILD:-.build/release}
readonly libraries=python/swift_ray/lib

stage() {
    if [[ ! -e $build/libRayPython.so || ! -e $build/ray ]]; then
        echo "There is no $build/libRayPython.so: run 'make build' first." >&2
        exit 1
    fi
    rm -rf "$libraries"
    mkdir -p "$libraries"
    cp "$build/libRayPython.so" "$libraries/"
    # Under these names the program takes Ray's flags (Sources/CLI/Roles).
    cp "$build/ray" "$libraries/gcs_server"
    cp "$build/ray" "$libraries/raylet"
    ldd "$build/libRayPython.so" "$build/ray" | awk '/\/swift\// {print $3}' | sort -u | while read -r library; do
        cp "$library" "$libraries/"
    done
}

environment() {
    [[ -x .venv/bin/python ]] || python3 -m venv .venv
    local wanted=("ray==$ray" numpy pytest setuptools wheel msgpack)
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "${wanted[@]}"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps \
        --force-reinstall ./python
}

# Runs a file of features on Ray's own core. That loses nodes where the machine is busy, so what fails is run again, and
# now and then it ends the driver by a signal: then there is nothing to compare with.
own() {
    local status=0
    for _ in 1 2 3; do
        status=0
        SWIFT_RAY=0 timeout 900 ../../.venv/bin/python -m pytest -q -p no:cacheprovider "$1" || status=$?
        if ((status == 0)); then return; fi
    done
    ((status > 128)) && echo "$1: Ray's own core ended the driver with signal $((status - 128)), three times"
}

tests() {
    # Elsewhere than in python/, so that the package that was installed is the one that is tested.
    cd python/tests
    ../../.venv/bin/python -m pytest -q -p no:cacheprovider --ignore=features .
    echo "Features on our core:"
    ../../.venv/bin/python -m pytest -q -p no:cacheprovider features
    echo "The same on Ray's own:"
    # Cancellation is compared by hand: there it now and then leaves a later call without an answer.
    local file
    for file in features/test_*.py; do
        [[ $file == */test_cancel.py ]] || own "$file"
    done
}

stage
environment
if [[ ${1:-} == test ]]; then tests; fi
