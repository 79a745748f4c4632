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


setup(
    ext_modules=[
        Extension(
            "swift_ray._native",
            sources=sorted(glob("native/*.c")),
            depends=[*sorted(glob("native/*.h")), "../Sources/CRaySystem/include/copy.h"],
            include_dirs=["../Sources/CRaySystem/include"],
            define_macros=[("Py_LIMITED_API", LIMITED_API)],
            extra_compile_args=["-std=c11", "-O2", "-Wall", "-fvisibility=hidden"],
            py_limited_api=True,
        ),
        Extension(
            "swift_ray._core",
            sources=sorted(glob("core/*.c")),
            depends=sorted(glob("core/*.h") + glob("native/swift_ray_native.h")),
            include_dirs=["native", "../Sources/CRayPython/include"],
            define_macros=[("Py_LIMITED_API", LIMITED_API)],
            extra_compile_args=["-std=c11", "-O2", "-Wall", "-fvisibility=hidden"],
            library_dirs=["swift_ray/lib"],
            libraries=["RayPython"],
            # The library and Swift's own lie in the wheel, beside this extension.
            extra_link_args=["-Wl,-rpath,$ORIGIN/lib"],
            py_limited_api=True,
        ),
        Extension(
            "swift_ray._grpc",
            sources=sorted(glob("grpc/*.c")),
            depends=[*sorted(glob("grpc/*.h")), "../Sources/CRayGRPC/include/ray_grpc.h"],
            include_dirs=["../Sources/CRayGRPC/include"],
            define_macros=[("Py_LIMITED_API", LIMITED_API)],
            extra_compile_args=["-std=c11", "-O2", "-Wall", "-fvisibility=hidden"],
            library_dirs=["swift_ray/lib"],
            libraries=["RayGRPC"],
            extra_link_args=["-Wl,-rpath,$ORIGIN/lib"],
            py_limited_api=True,
        ),
    ],
    cmdclass={"build_py": BuildWithFinder},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
