"""The program that workers run, as raylets are told: `python -m swift_ray.worker`."""

import os
from typing import Any

from swift_ray.environment import origin
from swift_ray.raylet.checkout import checkout
from swift_ray.raylet.config import Config, value

# By it the raylet that a driver starts for itself learns of the program before there is a job (RayFlags.swift).
EXPECTED_VARIABLE = "SWIFT_RAY_EXPECTED_PROGRAM"


def site_flags() -> list[str]:
    """Workers see the packages of the installation, and of the user, if their driver does."""
    from ray._private import services

    return ["-S"] * bool(services._no_site()) + ["-s"] * bool(services._no_user_site())


def search_path() -> list[str]:
    """The variable by which workers find what this process finds."""
    paths = [path for path in (origin()["path"], checkout()) if path]
    return [f"PYTHONPATH={os.pathsep.join(dict.fromkeys(paths))}"] if paths else []


def python_of_workers() -> list[str]:
    """The variables of programs in Swift, by which these find the Python that has called them."""
    return [f"SWIFT_RAY_PYTHON={origin()['python']}", *search_path()]


def worker_program() -> dict[str, Any]:
    """The program of this process's workers; `Config` must know the cluster's settings."""
    # Ray's Python shows the accelerators of each task itself.
    environment = ["RAY_CLIENT_MODE=0", "SWIFT_RAY_ACCELERATORS_PER_TASK=1", "SWIFT_RAY_FORKING=1"]
    # An interpreter on a busy machine loads Ray and what the user imports for longer than raylets wait for a program.
    environment.append(f"SWIFT_RAY_START_SECONDS={Config.worker_register_timeout_seconds()}")
    if modules := value("preload_python_modules"):
        environment.append(f"RAY_preload_python_modules={','.join(modules)}")
    environment += search_path()
    return {
        "python": origin()["python"],
        "arguments": [*site_flags(), "-m", "swift_ray.worker"],
        "environment": environment,
        "folder": origin()["folder"],
    }
