#!/usr/bin/env bash
# What takes longer than a change should wait for: format, tests, killed processes, simulated clusters, benchmarks.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

make --no-print-directory lint
RAY_OWN=strict make --no-print-directory test
make --no-print-directory chaos
if .build/release/ray simulate --help > /dev/null 2>&1; then
    first=$((RANDOM * 32768 + RANDOM))
    for ((seed = first; seed < first + ${SEEDS:-1000}; seed++)); do
        .build/release/ray simulate --seed "$seed" > /dev/null || {
            echo "The simulated cluster fails: ray simulate --seed $seed" >&2
            exit 1
        }
    done
fi
if [[ -n ${RAY_TESTS:-} ]]; then dev/ray-tests.sh; fi
make --no-print-directory bench
