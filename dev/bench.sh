#!/usr/bin/env bash
# Runs the benchmarks on a cluster of this machine's own. Arguments go to the program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec "${SWIFT:-swift}" run -c release raybench "$@"
