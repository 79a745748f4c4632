#!/usr/bin/env bash
# Runs the benchmarks, which are a package of their own so that programs do not get what they depend on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [[ ! -f Benchmarks/Package.swift ]]; then
    echo "There are no benchmarks: Benchmarks/Package.swift is missing." >&2
    exit 1
fi
exec "${SWIFT:-swift}" run -c release --package-path Benchmarks "$@"
