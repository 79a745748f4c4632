"""What importing Ray takes, and what it leaves for later."""

from types import ModuleType

import pytest
from test_finder import run

from swift_ray.imports import Deferred, defer


def executed(code: str, names: tuple[str, ...]) -> ModuleType:
    module = ModuleType("importer")
    defer(module, names)
    exec(compile(code, "importer", "exec"), vars(module))
    return module


def test_a_module_is_imported_when_it_is_used():
    module = executed("import colorsys\ndef call(): return colorsys.rgb_to_hsv(0, 0, 0)", ("colorsys",))
    assert isinstance(module.colorsys, Deferred)
    assert module.call() == (0.0, 0.0, 0)
    import colorsys

    assert module.colorsys.rgb_to_hsv is colorsys.rgb_to_hsv
    with pytest.raises(AttributeError):
        module.colorsys.nothing


def test_other_imports_are_as_ever():
    code = (
        "import json, os.path\nfrom colorsys import rgb_to_hsv\ndef load():\n    import wave\n    return wave"
    )
    module = executed(code, ("colorsys",))
    import colorsys
    import json
    import os
    import wave

    assert module.json is json and module.os is os and module.rgb_to_hsv is colorsys.rgb_to_hsv
    assert module.load() is wave and module.load.__module__ == "importer"


def test_one_that_is_missing_is_missed_at_its_use():
    module = executed("import no_such_module", ("no_such_module",))
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        module.no_such_module.anything


def test_ray_leaves_out_what_it_hardly_uses():
    program = (
        "import sys; import swift_ray; swift_ray.install(); import ray\n"
        "import ray._private.accelerators.tpu as tpu\n"
        "from ray._private.runtime_env import plugin_schema_manager as manager\n"
        "print([name in sys.modules for name in ('requests', 'jsonschema')])\n"
        "print(tpu.requests.exceptions.HTTPError.__module__, manager.jsonschema.ValidationError.__name__)\n"
        "print([name in sys.modules for name in ('requests', 'jsonschema')])"
    )
    shown, errors, code = run(program)
    assert code == 0, errors
    assert shown.splitlines() == ["[False, False]", "requests.exceptions ValidationError", "[True, True]"]


@pytest.mark.parametrize("is_enabled", [True, False])
def test_collections_are_as_before(is_enabled):
    program = (
        f"import gc; {'gc.enable' if is_enabled else 'gc.disable'}()\n"
        "import swift_ray; swift_ray.install(); import ray; print(gc.isenabled())"
    )
    shown, errors, code = run(program)
    assert (shown, code) == (str(is_enabled), 0), errors


def test_a_ray_that_cannot_be_imported_leaves_collections_on(tmp_path):
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "__init__.py").write_text("raise ImportError('broken')")
    program = (
        f"import sys, gc; sys.path.insert(0, {str(tmp_path)!r}); import swift_ray; swift_ray.install()\n"
        "try:\n    import ray\nexcept ImportError as error:\n    print(error, gc.isenabled())"
    )
    shown, errors, code = run(program)
    assert (shown, code) == ("broken True", 0), errors
