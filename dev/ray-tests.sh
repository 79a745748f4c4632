#!/usr/bin/env bash
# Ray's own test files on our core: RAY_TESTS=<checkout of Ray's repository> dev/ray-tests.sh [file …]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
umask 077
: "${RAY_TESTS:?must name a checkout of the repository of Ray, with python/ray/tests in it}"
dev/python.sh
wanted=(psutil pytest-timeout pytest-asyncio pytest-lazy-fixtures "ray[default]==2.60.0")
.venv/bin/python -m pip install --quiet --disable-pip-version-check "${wanted[@]}"
exec .venv/bin/python python/tests/upstream/run.py "$@"
