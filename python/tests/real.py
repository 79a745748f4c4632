"""Calls a function of a module beside this file in a process that uses Ray's own core."""

import importlib.util
import os
import pickle
import subprocess
import sys
from typing import Any, Callable

TESTS = os.path.dirname(os.path.abspath(__file__))
# Where the tests have the package from.
PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(importlib.util.find_spec("swift_ray").origin)))

_PROGRAM = """
import importlib, os, pickle, sys
answer = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
module, function = sys.argv[1:3]
result = getattr(importlib.import_module(module), function)(*pickle.load(sys.stdin.buffer))
pickle.dump(result, answer)
"""


def call(function: Callable, *arguments: Any) -> Any:
    """The function's result there. Arguments and results are pickled: builtins only."""
    environment = {**os.environ, "SWIFT_RAY": "0", "PYTHONPATH": os.pathsep.join((TESTS, PACKAGE))}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, function.__module__, function.__name__],
        input=pickle.dumps(arguments),
        env=environment,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-3000:]
    return pickle.loads(done.stdout)
