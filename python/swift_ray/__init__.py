"""Runs Ray's Python, unmodified, on a core written in Swift.

The wheel installs a finder that puts `swift_ray.raylet` in the place of `ray._raylet`; `install()` does the same in a
program that runs from a checkout. With SWIFT_RAY=0 in the environment nothing is replaced.
"""

from swift_ray.finder import install

__version__ = "0.1.0"

__all__ = ["install"]
