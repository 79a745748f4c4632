"""In every process of the runs of Ray's own tests: our core, and Ray's tests as the package `ray.tests`.

Ray's tests are not in its wheel; RAY_TESTS names the checkout of Ray's repository that has them.
"""

import importlib.machinery
import importlib.util
import os
import sys

TESTS = os.path.join(os.environ.get("RAY_TESTS", ""), "python", "ray", "tests")


class TestsFinder:
    """Answers for `ray.tests` alone."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "ray.tests":
            return None
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [TESTS]
        return spec


sys.meta_path.append(TestsFinder)
if importlib.util.find_spec("swift_ray") is not None:
    import swift_ray

    swift_ray.install()
