"""Puts `swift_ray.raylet` in the place of `ray._raylet`, and our programs in the place of Ray's.

This runs at every start of the interpreter where the wheel is installed, so it imports nothing but `sys` and `os`,
which are loaded anyway, and leaves everything else to the moment when `ray._raylet` is imported.
"""

import os
import sys

CORE = "ray._raylet"
PATCHED = {
    "ray._private.services": "patch_services",
    "ray._private.node": "patch_node",
    "ray.util.state.api": "patch_state",
    "ray._private.serialization": "patch_serialization",
    "ray.cross_language": "patch_cross_language",
}


class CoreLoader:
    """Gives our module under Ray's name; its own import puts it there (`swift_ray.raylet`)."""

    def create_module(self, spec):
        import swift_ray.raylet

        self.own_spec = swift_ray.raylet.__spec__
        return swift_ray.raylet

    def exec_module(self, module):
        # The import system has just written Ray's name into it; our relative imports need our own.
        module.__spec__ = self.own_spec


class PatchingLoader:
    """Loads a module of Ray's as always and then lets `swift_ray.services` change it."""

    def __init__(self, loader, patch):
        self.loader = loader
        self.patch = patch

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        self.loader.exec_module(module)
        import swift_ray.services

        getattr(swift_ray.services, self.patch)(module)

    def __getattr__(self, name):
        # get_source, get_data and others, for inspect and tracebacks.
        return getattr(self.loader, name)


class Finder:
    """An entry of `sys.meta_path` that answers for these names and no others."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == CORE:
            from importlib.machinery import ModuleSpec

            return ModuleSpec(name, CoreLoader())
        if name in PATCHED:
            from importlib.machinery import PathFinder

            spec = PathFinder.find_spec(name, path, target)
            if spec is not None:
                spec.loader = PatchingLoader(spec.loader, PATCHED[name])
            return spec
        return None


def install() -> None:
    """Makes the next import of Ray use our core. Does nothing if SWIFT_RAY=0, or if it is done already.

    RuntimeError: Ray's own core is loaded already.
    """
    if os.environ.get("SWIFT_RAY") == "0" or Finder in sys.meta_path:
        return
    if CORE in sys.modules and sys.modules[CORE] is not sys.modules.get("swift_ray.raylet"):
        raise RuntimeError(
            "swift_ray.install() must run before `import ray`: Ray's own core is loaded already"
        )
    sys.meta_path.insert(0, Finder)
