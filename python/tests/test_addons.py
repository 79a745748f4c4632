"""A process learns to pickle values of a package when it imports it, and not before."""

import os

from test_finder import run

PROGRAM = """
import sys
import swift_ray; swift_ray.install()
import ray
sys.path.insert(0, {folder!r})
from swift_ray import addons
calls = []
addons.ADDONS = {{name: ("teacher_" + name.partition(".")[0], "teach") for name in ("one", "two.inside", "none")}}
{code}
print(calls)
"""

TEACHER = """
try:
    import {name}
    is_there = True
except ImportError:
    is_there = False

def teach(context):
    import __main__
    __main__.calls.append(("{name}", context))
"""


def calls(tmp_path, code: str) -> list:
    (tmp_path / "one.py").write_text("ready = False\nready = True")
    os.makedirs(tmp_path / "two", exist_ok=True)
    (tmp_path / "two" / "__init__.py").write_text("")
    (tmp_path / "two" / "inside.py").write_text("")
    # As Ray's own it looks what is there when it is imported, and its functions come behind that.
    for name in ("one", "two.inside", "none"):
        (tmp_path / f"teacher_{name.partition('.')[0]}.py").write_text(TEACHER.format(name=name))
    shown, errors, code = run(PROGRAM.format(folder=str(tmp_path), code=code))
    assert code == 0, errors
    return eval(shown.splitlines()[-1])


APPLY = "ray.util.serialization_addons.apply"


def test_what_is_there_is_learnt_at_once(tmp_path):
    assert calls(tmp_path, f"import one\n{APPLY}(1)\nimport two.inside") == [("one", 1), ("two.inside", 1)]


def test_what_comes_later_is_learnt_then_and_once(tmp_path):
    code = (
        f"{APPLY}(1)\n{APPLY}(2)\nassert not calls\nimport two\nassert not calls\nimport two.inside, one, one"
    )
    assert calls(tmp_path, code) == [("two.inside", 2), ("one", 2)]


def test_who_teaches_may_be_who_imports(tmp_path):
    code = f"{APPLY}(1)\nimport teacher_one\nassert teacher_one.is_there\nimport one, two.inside"
    assert calls(tmp_path, code) == [("one", 1), ("two.inside", 1)]


def test_a_failed_import_is_not_the_last_try(tmp_path):
    code = f"""
{APPLY}(1)
import pathlib
path = pathlib.Path({str(tmp_path)!r}) / "one.py"
path.write_text("raise ImportError('broken')")
try:
    import one
except ImportError as error:
    assert str(error) == "broken" and not calls
path.write_text("fixed_and_longer = True")
import one
"""
    assert calls(tmp_path, code) == [("one", 1)]


def test_ray_itself_imports_none_of_them_for_plain_values():
    program = """
import sys
import swift_ray; swift_ray.install()
import ray
ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
names = ("numpy", "pyarrow", "pydantic", "starlette")
worker = ray.remote(lambda text: [name for name in names if name in sys.modules])
print(ray.get(worker.remote("text")), ray.get(ray.put({1: [2]})), [name for name in names if name in sys.modules])
"""
    shown, errors, code = run(program)
    assert code == 0, errors
    assert shown.splitlines()[-1] == "[] {1: [2]} []"
