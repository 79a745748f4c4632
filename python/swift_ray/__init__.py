"""Runs Ray's Python, unmodified, on a core written in Swift.

The wheel installs a finder that puts `swift_ray.raylet` in the place of `ray._raylet`; `install()` does the same in a
program that runs from a checkout. With SWIFT_RAY=0 in the environment nothing is replaced.

Functions and actors in Swift are called through `program`, `function` and `actor_class`; see `swift_ray/swift.py`.
"""

from swift_ray.finder import install

__version__ = "0.1.0"

# Found in `swift_ray.swift` when they are asked for: every interpreter imports this module at its start.
_SWIFT = ("SwiftError", "actor_class", "function", "program", "put")

__all__ = ["install", *_SWIFT]


def __getattr__(name):
    if name not in _SWIFT:
        raise AttributeError(f"module 'swift_ray' has no attribute {name!r}", name=name)
    import swift_ray.swift

    return getattr(swift_ray.swift, name)
