#!/usr/bin/env bash
# Runs the example that counts words; it starts a cluster on this machine and takes it down again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec "${SWIFT:-swift}" run -c release wordindex "$@"
