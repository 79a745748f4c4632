#!/usr/bin/env bash
# What takes longer than a change should wait for: format, tests, killed processes, simulated clusters, benchmarks.
# SEEDS says how many clusters are simulated; half as many again have a head that dies, or placement
# groups, and an eighth reads late.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seeds=${SEEDS:-20000}
first=$((RANDOM * 32768 + RANDOM))
cores=$(nproc)

# simulate COUNT OPTION…: so many seeds, a part of them on each core
simulate() {
    local share=$((($1 + cores - 1) / cores)) parts=() status=0 part
    shift
    for ((part = 0; part < cores; part++)); do
        .build/release/ray simulate --seed $((first + part * share)) --count "$share" "$@" &
        parts+=($!)
    done
    for part in "${parts[@]}"; do wait "$part" || status=1; done
    return $status
}

make --no-print-directory lint
NIGHTLY=1 make --no-print-directory test
make --no-print-directory chaos
simulate "$seeds"
simulate $((seeds / 4)) --head-dies
simulate $((seeds / 8)) --workload groups
simulate $((seeds / 8)) --reads-late
simulate $((seeds / 4)) --reads-together
simulate $((seeds / 8)) --workload groups --head-dies
if [[ -n ${RAY_TESTS:-} ]]; then dev/ray-tests.sh; fi
make --no-print-directory bench
