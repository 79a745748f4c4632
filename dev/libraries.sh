#!/usr/bin/env bash
# joblib, Ray Tune, Data, Train (also with TensorFlow), Serve and a notebook over Ray Client, unmodified, on our core: each
# program checks what comes out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
umask 077
dev/python.sh
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
    "ray[data,serve,train,tune]==2.60.0" scikit-learn tensorflow tf-keras
for program in ${*:-joblib tune data train tensorflow serve notebook}; do
    echo "${program^}:"
    .venv/bin/python "python/libraries/${program}_digits.py"
done
