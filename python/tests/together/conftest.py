"""Swift and Python together, over real processes: `RAY_TEST_TOGETHER` names the program of examples/Together."""

import atexit
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator

import pytest

os.environ["HOME"] = tempfile.mkdtemp(prefix="ray-home-")
atexit.register(shutil.rmtree, os.environ["HOME"], ignore_errors=True)

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), *[os.pardir] * 3))
if importlib.util.find_spec("swift_ray") is None:
    sys.path.insert(0, os.path.join(ROOT, "python"))

import swift_ray  # noqa: E402

swift_ray.install()

import ray  # noqa: E402

MODULES = os.path.join(ROOT, "examples", "Together")


@pytest.fixture(scope="session")
def together() -> str:
    """The program in Swift."""
    build = os.environ.get("RAY_BUILD", ".build/release")
    return os.environ.get("RAY_TEST_TOGETHER", os.path.join(ROOT, build, "together"))


@pytest.fixture(scope="module")
def cluster(together: str) -> Iterator[None]:
    """A cluster that knows the program."""
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [MODULES, os.environ.get("PYTHONPATH")]))
    ray.init("local", num_cpus=4, object_store_memory=256 << 20, include_dashboard=False, log_to_driver=False)
    swift_ray.program(together)
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def modules() -> str:
    """The folder of the modules that Swift calls."""
    return MODULES
