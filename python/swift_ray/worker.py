"""A worker process: `python -m swift_ray.worker`, started by a raylet.

What the raylet says in the environment becomes the command line of Ray's own worker, which then runs unchanged.
"""

import os
import runpy
import secrets
import sys
import time

import swift_ray
from swift_ray import environment, zygote
from swift_ray.services import DEBUGGER_VARIABLE


def command_line() -> list[str]:
    """The arguments of Ray's `default_worker.py`."""
    variables = os.environ
    node = variables["SWIFT_RAY_NODE_ID"]
    session = variables["SWIFT_RAY_SESSION_DIR"]
    values = {
        "node-ip-address": variables.get("SWIFT_RAY_NODE_HOST", "127.0.0.1"),
        "node-manager-port": variables.get("SWIFT_RAY_RAYLET_PORT", "0"),
        "object-store-name": variables["SWIFT_RAY_STORE_SOCKET"],
        "raylet-name": variables["SWIFT_RAY_RAYLET_SOCKET"],
        "redis-address": "None",
        "metrics-agent-port": "0",
        "runtime-env-agent-port": "0",
        "logging-rotate-bytes": "0",
        "logging-rotate-backup-count": "0",
        "gcs-address": variables["SWIFT_RAY_GCS_ADDRESS"],
        "session-name": os.path.basename(session),
        "temp-dir": os.path.dirname(session),
        "webui": "",
        "cluster-id": "",
        "worker-id": secrets.token_hex(28),
        "worker-launch-time-ms": str(int(time.time() * 1000)),
        "node-id": node,
        "runtime-env-hash": "0",
    }
    if modules := variables.get("RAY_preload_python_modules"):
        values["worker-preload-modules"] = modules
    flags = ["--ray-debugger-external"] if DEBUGGER_VARIABLE in variables else []
    return [*flags, *(f"--{name}={value}" for name, value in values.items())]


def main() -> None:
    swift_ray.install()
    if zygote.VARIABLE in os.environ:
        zygote.serve()
    # As in Ray; a forked process is the raylet's child when it comes here, too.
    os.environ["RAY_RAYLET_PID"] = str(os.getppid())
    environment.set_up()
    import ray

    path = os.path.join(os.path.dirname(ray.__file__), "_private", "workers", "default_worker.py")
    sys.argv = [path, *command_line()]
    runpy.run_path(path, run_name="__main__")


if __name__ == "__main__":
    main()
