#!/usr/bin/env bash
# `ray microbenchmark`, unmodified, on our core and on Ray's own, side by side; writes build/bench-python.json.
# Arguments go to the program, e.g. --rows "tasks async".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
umask 077
dev/python.sh
exec .venv/bin/python python/benchmarks/microbenchmark.py "$@"
