"""Our module stands in Ray's place, and only where it should."""

import os
import subprocess
import sys

import pytest

PATH = os.pathsep.join(sys.path)


def run(program, **environment):
    """Output, errors and exit code, started where no package lies in the current folder."""
    merged = {**os.environ, "PYTHONPATH": PATH, **environment}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=merged, cwd="/", capture_output=True, text=True, timeout=60)
    return done.stdout.strip(), done.stderr, done.returncode


def test_the_module_is_found_under_both_names():
    import ray
    import ray._raylet

    import swift_ray.raylet

    assert sys.modules["ray._raylet"] is swift_ray.raylet is ray._raylet
    assert swift_ray.raylet.__spec__.name == "swift_ray.raylet"
    assert ray.ObjectRef.__module__ == "ray" and ray.JobID.__module__ == "ray._raylet"


def test_ray_starts_our_programs_and_no_others():
    import ray._private.node
    import ray._private.services as services

    import swift_ray

    home = os.path.dirname(swift_ray.__file__)
    assert services.GCS_SERVER_EXECUTABLE == os.path.join(home, "lib", "gcs_server")
    assert services.RAYLET_EXECUTABLE == os.path.join(home, "lib", "raylet")
    assert services.start_api_server(True, True, host="x") == ("", None)
    assert ray._private.node.Node.start_monitor(object()) is None
    assert ray._private.node.Node.start_log_monitor(object()) is None
    assert "start_gcs_server" in __import__("inspect").getsource(services)


def test_ray_s_own_core_is_not_in_the_process():
    """It takes 15 MB and has its own opinion of the environment's variables: one it cannot read ends the process."""
    program = """
import os
exists = os.path.exists
import swift_ray; swift_ray.install(); import ray
print(ray.__path__[0] + "/_raylet.so" in open("/proc/self/maps").read(), os.path.exists is exists)
"""
    assert run(program, RAY_min_spilling_size="much") == ("False True", "", 0)


def test_switched_off():
    program = "import swift_ray; swift_ray.install(); import ray; print(ray._raylet.__file__, ray._private.services.RAYLET_EXECUTABLE)"
    shown, errors, code = run(program, SWIFT_RAY="0")
    assert code == 0, errors
    assert "swift_ray" not in shown and "_raylet.so" in shown


def test_too_late():
    shown, errors, code = run(
        "import os, ray, swift_ray; os.environ.pop('SWIFT_RAY'); swift_ray.install()", SWIFT_RAY="0"
    )
    assert code != 0 and "must run before `import ray`" in errors


def test_our_module_does_not_replace_rays_own():
    shown, errors, code = run("import ray, swift_ray.raylet", SWIFT_RAY="0")
    assert code != 0 and "Ray's own core is loaded already" in errors
    shown, errors, code = run("import swift_ray.raylet")
    assert code != 0 and "imported by `import ray`" in errors


def test_another_version_of_ray_is_refused():
    program = (
        "import sys, types; import swift_ray; swift_ray.install()\n"
        "ray = types.ModuleType('ray'); ray.__version__ = '2.61.0'; ray.__path__ = []; sys.modules['ray'] = ray\n"
        "import ray._raylet"
    )
    shown, errors, code = run(program)
    assert code != 0 and "install ray==2.60.0" in errors and "SWIFT_RAY=0" in errors


def test_starting_costs_next_to_nothing(tmp_path):
    """No modules but its own are imported."""
    import shutil

    import swift_ray

    for name in ("__init__.py", "finder.py"):
        os.makedirs(tmp_path / "swift_ray", exist_ok=True)
        shutil.copy(os.path.join(os.path.dirname(swift_ray.__file__), name), tmp_path / "swift_ray" / name)
    program = (
        "import os, sys; before = set(sys.modules)\n"
        "import swift_ray.finder; swift_ray.finder.install()\n"
        "print(sorted(set(sys.modules) - before))"
    )
    # Without the site packages, in which it may be installed.
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "['swift_ray', 'swift_ray.finder']", done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    source = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    copy = folder / "repository" / "python"
    import shutil

    ignored = shutil.ignore_patterns("build", "*.egg-info", "__pycache__", "*.abi3.so", "tests")
    shutil.copytree(source, copy, ignore=ignored)
    for module in ("CRayPython", "CRayGRPC", "CRaySystem"):
        sources = os.path.join("Sources", module)
        shutil.copytree(os.path.join(source, "..", sources), copy.parent / sources)
    command = [sys.executable, "setup.py", "-q", "bdist_wheel", "--dist-dir", str(folder)]
    subprocess.run(command, cwd=copy, check=True, capture_output=True, timeout=300)
    (made,) = folder.glob("*.whl")
    return made


def test_wheel(wheel, tmp_path):
    import zipfile

    assert wheel.name.startswith("swift_ray_core-0.1.0-cp311-abi3-")
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "swift_ray_core.pth",
        "swift_ray/_core.abi3.so",
        "swift_ray/_grpc.abi3.so",
        "swift_ray/_native.abi3.so",
        "swift_ray/lib/gcs_server",
        "swift_ray/lib/libRayGRPC.so",
        "swift_ray/lib/libRayPython.so",
        "swift_ray/lib/raylet",
        "swift_ray/finder.py",
        "swift_ray/raylet/__init__.py",
    ):
        assert wanted in names
    assert not [name for name in names if name.startswith(("tests", "benchmarks", "grpc", "native"))]
    zipfile.ZipFile(wheel).extractall(tmp_path)
    # As a folder of site packages: its .pth file is run.
    program = (
        f"import site; site.addsitedir({str(tmp_path)!r}); import sys; assert 'swift_ray.finder' in sys.modules\n"
        "import ray; print(ray._raylet.__file__)"
    )
    # Before one that may be installed.
    shown, errors, code = run(program, PYTHONPATH=str(tmp_path))
    assert code == 0 and shown.startswith(str(tmp_path)), errors
