"""The runtime environments of Ray Client's servers.

Ray's proxy gives each client a server of its own, and has an agent set up the environment in which that runs. There is
no agent here; a process that ends with its answer does it as a worker does it for itself:

    proxy ──environment──▶ python -m swift_ray.client_environment ──RuntimeEnvContext──▶ proxy ──▶ the client's server
"""

import asyncio
import json
import os
import runpy
import shlex
import signal
import subprocess
import sys
from typing import Any

import swift_ray
from swift_ray import virtual_environment
from swift_ray.environment import ORIGIN_VARIABLE, RESOURCES, fetched, origin, package_folder

MODULE = "swift_ray.client_environment"
# How much of what the process says an error shows.
SHOWN_LINES = 40


def create_runtime_env(
    manager: Any, serialized_runtime_env: str, runtime_env_config: str, specific_server: Any
) -> str:
    """Stands for `ProxyManager._create_runtime_env`: the environment of one client's server, set up.

    RuntimeError: it cannot be, with the reason, which the client is told.
    """
    from swift_ray.raylet.environments import SLOW_FIELDS, setup_seconds

    environment = json.loads(serialized_runtime_env)
    resources = os.path.join(manager.node.get_session_dir_path(), RESOURCES)
    if not environment.keys() & SLOW_FIELDS:
        return context(environment, [], None, resources)
    wanted = json.dumps({"environment": environment, "resources": resources, "address": manager.address})
    return answer(wanted, setup_seconds(environment))


def answer(wanted: str, seconds: float) -> str:
    """What the process that sets up an environment answers. RuntimeError: nothing, or not in time."""
    process = subprocess.Popen(
        [sys.executable, "-m", MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(wanted, timeout=seconds)
        if process.returncode == 0:
            return output
        reason = "\n".join(errors.strip().splitlines()[-SHOWN_LINES:])
        reason = reason or f"the process that sets it up ended with code {process.returncode}"
    except subprocess.TimeoutExpired:
        # What it has started, too: installers.
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        reason = f"Failed to install runtime_env within the timeout of {seconds} seconds."
    raise RuntimeError(f"Failed to create runtime_env for Ray client server, it is caused by:\n{reason}")


def set_up(environment: dict, resources: str, address: str) -> str:
    """Fetches and installs what an environment names; the context of its processes."""
    paths = asyncio.run(fetched(environment, resources, address))
    folder = paths[0] if environment.get("working_dir") else os.getcwd()
    python = virtual_environment.interpreter(environment, resources, folder)
    return context(environment, paths, python, resources)


def context(environment: dict, paths: list[str], python: str | None, resources: str) -> str:
    """Ray's `RuntimeEnvContext`: folder, variables and interpreter.

    The server's workers are started as those of other drivers, and find their environment themselves: so it is told
    from what it comes.
    """
    from ray._private.runtime_env.context import RuntimeEnvContext

    variables = {**environment.get("env_vars", {}), ORIGIN_VARIABLE: json.dumps(origin())}
    if command := environment.get("py_executable"):
        # It may see neither this package nor the file that starts the finder.
        paths = [*paths, package_folder(resources)]
        python = f"{command} -m {MODULE}"
    if paths:
        others = [variables.get("PYTHONPATH"), os.environ.get("PYTHONPATH")]
        variables["PYTHONPATH"] = os.pathsep.join([*paths, *filter(None, others)])
    enter = ["cd", shlex.quote(paths[0]), "&&"] if environment.get("working_dir") else []
    return RuntimeEnvContext(command_prefix=enter, env_vars=variables, py_executable=python).serialize()


def main() -> None:
    swift_ray.install()
    if len(sys.argv) > 2:
        # In front of a server: -m ray.util.client.server …
        sys.argv[:] = sys.argv[2:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        return
    # What is imported and run may print: the answer alone goes where it is read.
    output, sys.stdout = sys.stdout, sys.stderr
    wanted = json.load(sys.stdin)
    try:
        text = set_up(**wanted)
    except virtual_environment.InstallationError as error:
        sys.exit(str(error))
    except Exception as error:
        sys.exit(f"the runtime environment cannot be set up: {type(error).__name__}: {error}")
    output.write(text)


if __name__ == "__main__":
    main()
