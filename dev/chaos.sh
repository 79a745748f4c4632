#!/usr/bin/env bash
# A long job on a head and three nodes of this machine, while workers, nodes and the head are killed and stopped by a
# seed; checks every result. SEED=… SECONDS=… dev/chaos.sh does the same again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Bash goes on counting where the caller's value stood.
limit=$((SECONDS > 0 ? SECONDS : 120))
"${SWIFT:-swift}" build -c release --product ray
"${SWIFT:-swift}" build -c release --product raychaos
exec env SECONDS="$limit" .build/release/raychaos
