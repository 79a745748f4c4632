"""Puts `swift_ray.raylet` in the place of `ray._raylet`, and our programs in the place of Ray's.

This runs at every start of the interpreter where the wheel is installed, so it imports nothing but `sys` and `os`,
which are loaded anyway, and leaves everything else to the moment when `ray._raylet` is imported.
"""

import os
import sys

CORE = "ray._raylet"
RAY = "ray"
# What these import and hardly ever use is imported at its first use (`swift_ray/imports.py`).
DEFERRED = {
    "ray._common.usage.usage_lib": ("requests",),
    "ray._private.accelerators.tpu": ("requests",),
    "ray._private.state": ("requests",),
    "ray._private.runtime_env.plugin_schema_manager": ("jsonschema",),
}
PATCHED = {
    "ray._private.services": "patch_services",
    "ray._private.node": "patch_node",
    "ray._private.worker": "patch_worker",
    "ray.util.state.api": "patch_state",
    "ray.util.rpdb": "patch_debugger",
    "ray.util.client.worker": "patch_client",
    "ray.dashboard.utils": "patch_dashboard",
    "ray.autoscaler._private.commands": "patch_status",
    "ray.exceptions": "patch_exceptions",
    "ray._common.signature": "patch_signature",
    "ray._private.internal_api": "patch_internal_api",
    "ray._private.serialization": "patch_serialization",
    "ray.util.serialization_addons": "patch_serialization_addons",
    "ray.cross_language": "patch_cross_language",
    "ray.util.client.server.proxier": "patch_proxier",
    "ray.util.client.server.dataservicer": "patch_data_servicer",
    "ray.util.client.server.server": "patch_client_server",
    "ray._private.grpc_utils": "patch_grpc",
    "ray._private.authentication.grpc_authentication_server_interceptor": "patch_interceptor",
}
# What is to be done once these are imported (`swift_ray/addons.py`).
AWAITED = {}


class CoreLoader:
    """Gives our module under Ray's name; its own import puts it there (`swift_ray.raylet`)."""

    def create_module(self, spec):
        import swift_ray.raylet

        self.own_spec = swift_ray.raylet.__spec__
        return swift_ray.raylet

    def exec_module(self, module):
        # The import system has just written Ray's name into it; our relative imports need our own.
        module.__spec__ = self.own_spec


class OtherLoader:
    """Loads a module of Ray's as always, and does something beside it."""

    def __init__(self, loader):
        self.loader = loader

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        self.loader.exec_module(module)

    def __getattr__(self, name):
        # get_source, get_data and others, for inspect and tracebacks.
        return getattr(self.loader, name)


class PatchingLoader(OtherLoader):
    """Lets `swift_ray.services` change the module."""

    def exec_module(self, module):
        self.loader.exec_module(module)
        import swift_ray.services

        getattr(swift_ray.services, PATCHED[module.__name__])(module)


class DeferringLoader(OtherLoader):
    """Gives the module other modules that are imported when they are used."""

    def exec_module(self, module):
        from swift_ray.imports import defer

        defer(module, DEFERRED[module.__name__])
        self.loader.exec_module(module)


class AwaitingLoader(OtherLoader):
    """Does what waits for the module, when it is there."""

    def exec_module(self, module):
        self.loader.exec_module(module)
        # As the import system does, but only a moment later.
        folder, _, name = module.__name__.rpartition(".")
        if folder:
            setattr(sys.modules[folder], name, module)
        if (action := AWAITED.pop(module.__name__, None)) is not None:
            action()


class RayLoader(OtherLoader):
    """Loads Ray, without the file of its own core, and without collections.

    Before Ray imports `ray._raylet` it loads the file `_raylet.so`, if there is one, with its names for all: nothing
    here links to them. What is imported stays, and collections would look through all of it again and again.
    """

    def exec_module(self, module):
        import gc

        core = os.path.join(os.path.dirname(module.__spec__.origin), "_raylet.so")
        exists = os.path.exists

        def exists_beside_core(path):
            if path != core:
                return exists(path)
            os.path.exists = exists
            return False

        is_collecting = gc.isenabled()
        gc.disable()
        os.path.exists = exists_beside_core
        try:
            self.loader.exec_module(module)
        finally:
            if os.path.exists is exists_beside_core:
                os.path.exists = exists
            if is_collecting:
                gc.enable()


class Finder:
    """An entry of `sys.meta_path` that answers for these names and no others."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == CORE:
            from importlib.machinery import ModuleSpec

            return ModuleSpec(name, CoreLoader())
        if name in PATCHED:
            other = PatchingLoader
        elif name in DEFERRED:
            other = DeferringLoader
        elif name == RAY:
            other = RayLoader
        elif name in AWAITED:
            other = AwaitingLoader
        else:
            return None
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = other(spec.loader)
        return spec


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
