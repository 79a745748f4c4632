"""`pip` in runtime environments: a wheel that the test makes, so that no index is needed."""

import importlib.util
import subprocess
import sys
import zipfile

import pytest
import ray
from ray.exceptions import RuntimeEnvSetupError

pytestmark = pytest.mark.usefixtures("cluster")
FIRST_MAY_TAKE_SECONDS = 120


def make_wheel(folder, version: str) -> str:
    """A package with one module, which tells its version."""
    name, info = f"swift_ray_sample-{version}-py3-none-any.whl", f"swift_ray_sample-{version}.dist-info"
    with zipfile.ZipFile(folder / name, "w") as wheel:
        wheel.writestr("swift_ray_sample.py", f"VERSION = {version!r}\n")
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: swift-ray-sample\nVersion: {version}\n"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return str(folder / name)


@ray.remote
def version():
    import swift_ray_sample

    return swift_ray_sample.VERSION, sys.prefix


@ray.remote
class Holder:
    def version(self):
        return ray.get(version.remote())


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    return make_wheel(folder, "1.0"), make_wheel(folder, "2.0")


def test_versions_side_by_side(wheels):
    first, second = (
        ray.get(version.options(runtime_env={"pip": [wheel]}).remote(), timeout=FIRST_MAY_TAKE_SECONDS)
        for wheel in wheels
    )
    assert (first[0], second[0]) == ("1.0", "2.0")
    assert first[1] != second[1] != sys.prefix
    assert importlib.util.find_spec("swift_ray_sample") is None


def test_made_once_and_inherited(wheels):
    environment = {"pip": {"packages": [wheels[0]], "pip_check": False}}
    once = ray.get(version.options(runtime_env=environment).remote(), timeout=FIRST_MAY_TAKE_SECONDS)
    other = {**environment, "env_vars": {"COLOUR": "red"}}
    assert ray.get(version.options(runtime_env=other).remote(), timeout=60) == once
    holder = Holder.options(runtime_env=environment, num_cpus=0).remote()
    assert ray.get(holder.version.remote(), timeout=60) == once


def test_what_cannot_be_installed(tmp_path):
    missing = version.options(runtime_env={"pip": [str(tmp_path / "absent-1.0-py3-none-any.whl")]})
    with pytest.raises(RuntimeEnvSetupError, match="absent-1.0"):
        ray.get(missing.remote(), timeout=FIRST_MAY_TAKE_SECONDS)

    @ray.remote
    def plain() -> int:
        return 1

    assert ray.get(plain.remote(), timeout=60) == 1


BESIDE = """
import ray
ray.init("local", num_cpus=1, include_dashboard=False)

@ray.remote(runtime_env={"pip": [WHEEL]})
def version():
    import swift_ray_sample
    return swift_ray_sample.VERSION

print("version", ray.get(version.remote(), timeout=SECONDS))
"""


def test_a_module_beside_the_program_is_not_taken_for_pip(wheels, tmp_path):
    (tmp_path / "pip.py").write_text("raise SystemExit('not this one')\n")
    program = BESIDE.replace("WHEEL", repr(wheels[0])).replace("SECONDS", str(FIRST_MAY_TAKE_SECONDS))
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert "version 1.0" in done.stdout, done.stdout + done.stderr
