"""Programs of Ray's users. Run once on this core and once, with SWIFT_RAY=0, on Ray's own: the outcome is the same."""

import atexit
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator

import pytest

# Somebody's own ~/.ray/auth_token would be sent by some of Ray's processes and be unknown to the others.
os.environ["HOME"] = tempfile.mkdtemp(prefix="ray-home-")
atexit.register(shutil.rmtree, os.environ["HOME"], ignore_errors=True)

if importlib.util.find_spec("swift_ray") is None:
    # Not installed: the checkout.
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

import swift_ray  # noqa: E402

swift_ray.install()

import ray  # noqa: E402


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A cluster of one node with four CPUs for the tests of one file."""
    ray.init("local", num_cpus=4, object_store_memory=256 << 20, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()
