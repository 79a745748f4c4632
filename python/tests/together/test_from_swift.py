"""A driver in Swift calls functions and actors in Python."""

import os
import subprocess
import sys

import swift_ray


def run(together: str, modules: str, *arguments: str, **variables: str) -> str:
    """What the program prints, with a cluster of its own."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(swift_ray.__file__)))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([modules, package]),
        "SWIFT_RAY_PYTHON": sys.executable,
        **variables,
    }
    done = subprocess.run(
        [together, *arguments], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr[-5000:]
    return done.stdout


def test_calls(together, modules):
    lines = [line for line in run(together, modules).splitlines() if not line.startswith("(")]
    assert lines == [
        "area 12.0",
        'description Description(name: "SQUARE", sides: 4, unit: "m", note: nil)',
        "doubled 100000 3.0",
        "total 300000.0",
        "scaled in Swift 6.0",
        "bytes [3, 2, 1]",
        "counter 42",
        "found 50",
        "waiter set",
    ]


def test_failures_say_what_is_wrong(together, modules):
    output = run(together, modules, "failures")
    # Names that workers in Python print are put before their lines.
    assert ":task_name:" not in output
    for expected in (
        "(fail pid=",
        "raise threw ValueError python - because",
        "raise traceback ValueError: because",
        "module threw ImportError python - the module 'shapeless' cannot be imported by the worker",
        f"function threw AttributeError python - the module 'shapes' ({modules}/shapes.py) has no function 'volume'",
        "kind threw TypeError python - a value of type object cannot be sent to Swift",
        "arguments threw TypeError python - area() takes from 1 to 2 positional arguments but 3 were given",
        "is not a String: expected String, found 2",
        "argument failed argument 1 of type Int128 cannot be sent to Python: Int128 is no kind of number",
        "has no class 'Square'",
        "method threw AttributeError python - the actor shapes.Counter has no method 'decrement'",
        "key threw KeyError python - 'nothing here'",
        "unknown name threw TypeError python - area() got an unexpected keyword argument 'depth'",
        "the program /nowhere/python cannot be run on this node: No such file or directory",
        "refused: no",
    ):
        assert expected in output, output


def test_a_python_without_the_package_is_named(together, modules, tmp_path):
    """An interpreter that finds no `swift_ray` ends at once, and its last lines are the error's."""
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    bare.chmod(0o755)
    output = run(together, modules, "failures", SWIFT_RAY_PYTHON=str(bare))
    assert "No module named" in output and "swift_ray" in output, output
