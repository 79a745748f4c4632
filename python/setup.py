"""The parts of the wheel that pyproject.toml cannot say: the extension, and the finder beside the packages.

The extension uses Python's stable interface from 3.11 on, so one wheel serves all later interpreters.
"""

from glob import glob

from setuptools import Extension, setup
from setuptools.command.build_py import build_py

LIMITED_API = "0x030B0000"


class BuildWithFinder(build_py):
    """Puts `swift_ray_core.pth` at the top of the wheel, where the interpreter reads it at its start."""

    def run(self) -> None:
        super().run()
        self.copy_file("swift_ray_core.pth", f"{self.build_lib}/swift_ray_core.pth", preserve_mode=False)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        return [*super().get_outputs(include_bytecode), f"{self.build_lib}/swift_ray_core.pth"]


def extension(name: str, includes: list[str], others: list[str], *libraries: str) -> Extension:
    """The extension whose sources lie in the folder `name`; the libraries and Swift's own lie beside it in the wheel.

    `others` are what it needs of other folders: headers, and sources that are compiled with its own.
    """
    linked = {}
    if libraries:
        linked = {
            "library_dirs": ["swift_ray/lib"],
            "libraries": list(libraries),
            "runtime_library_dirs": ["$ORIGIN/lib"],
        }
    return Extension(
        f"swift_ray._{name}",
        sources=[*sorted(glob(f"{name}/*.c")), *(path for path in others if path.endswith(".c"))],
        depends=[*sorted(glob(f"{name}/*.h")), *(path for path in others if path.endswith(".h"))],
        include_dirs=includes,
        define_macros=[("Py_LIMITED_API", LIMITED_API)],
        extra_compile_args=["-std=c11", "-O2", "-Wall", "-fvisibility=hidden", "-pthread"],
        extra_link_args=["-pthread"],
        py_limited_api=True,
        **linked,
    )


SYSTEM, PYTHON, GRPC = (f"../Sources/C{name}/include" for name in ("RaySystem", "RayPython", "RayGRPC"))

setup(
    ext_modules=[
        extension("native", [SYSTEM], [f"{SYSTEM}/copy.h", "../Sources/CRaySystem/copy.c"]),
        extension(
            "core", ["native", PYTHON], ["native/swift_ray_native.h", f"{PYTHON}/ray_python.h"], "RayPython"
        ),
        extension(
            "grpc", [GRPC, PYTHON], [f"{GRPC}/ray_grpc.h", f"{PYTHON}/ray_python.h"], "RayGRPC", "RayPython"
        ),
    ],
    cmdclass={"build_py": BuildWithFinder},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
