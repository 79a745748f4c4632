"""What a worker does about its runtime environment before it becomes Ray's worker.

Of this the servers of Ray Client use what is about the files (`client_environment.py`).
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import os
import sys
from typing import Any

from swift_ray import virtual_environment

# The environment as Ray's JSON, in base64: the raylet puts other variables in the place of what looks like them.
VARIABLE = "SWIFT_RAY_PYTHON_ENVIRONMENT"
# In a process that has become the interpreter of its virtual environment: nothing is left to do.
READY_VARIABLE = "SWIFT_RAY_ENVIRONMENT_READY"
# From what a process comes that was started within an environment, as servers of Ray Client are.
ORIGIN_VARIABLE = "SWIFT_RAY_ORIGIN"
GCS = "gcs://"
# Parts of environments that Ray has and this core has not: a task must not run without them as if it had them.
UNSUPPORTED = ("conda", "container", "image_uri", "nsight", "_nsight", "rocprof_sys", "_rocprof_sys", "mpi")
PLUGINS_VARIABLE = "RAY_RUNTIME_ENV_PLUGINS"
RESOURCES = "runtime_resources"


def own_environment() -> dict:
    """The runtime environment of this process; empty if it has none."""
    text = os.environ.get(VARIABLE)
    return json.loads(base64.b64decode(text)) if text else {}


def origin() -> dict[str, str]:
    """Interpreter, search path and folder that workers have before they set up their environments."""
    if given := os.environ.get(ORIGIN_VARIABLE):
        return json.loads(given)
    return {
        "python": sys.executable,
        "path": os.environ.get("PYTHONPATH", ""),
        "folder": os.getcwd(),
    }


def set_up() -> None:
    """Gives this process its environment; if that fails it ends, and its lease with the reason."""
    environment = own_environment()
    if not environment or os.environ.pop(READY_VARIABLE, None):
        return
    folder = environment.get("working_dir") or ""
    # The raylet has fetched and entered a package of the cluster.
    entered = os.getcwd() if folder.startswith(GCS) else None
    resources = resources_folder()
    try:
        refuse_unsupported(environment)
        paths = asyncio.run(fetched(environment, resources, os.environ["SWIFT_RAY_GCS_ADDRESS"], entered))
        if folder:
            os.chdir(paths[0])
        interpreter = virtual_environment.interpreter(environment, resources, os.getcwd())
    except virtual_environment.InstallationError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        print(f"the runtime environment cannot be set up: {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
    if paths:
        sys.path[:0] = paths
        os.environ["PYTHONPATH"] = os.pathsep.join([*paths, *filter(None, [os.environ.get("PYTHONPATH")])])
    if environment.get("py_executable"):
        become(environment["py_executable"])
    if interpreter is not None:
        os.environ[READY_VARIABLE] = "1"
        os.environ["VIRTUAL_ENV"] = os.path.dirname(os.path.dirname(interpreter))
        os.execv(interpreter, [interpreter, "-m", "swift_ray.worker"])


def refuse_unsupported(environment: dict) -> None:
    """NotImplementedError: it has parts that nobody sets up here, those of the node's plugins among them."""
    missing = [name for name in environment if name in UNSUPPORTED or name in plugin_names()]
    if missing:
        raise NotImplementedError(
            f"swift-ray has no {', '.join(missing)} in runtime environments; it has env_vars, working_dir, py_modules, "
            "pip, uv, py_executable and worker_process_setup_hook"
        )


def plugin_names() -> set[str]:
    """The parts of environments for which this node has plugins of Ray's kind, which are not run here."""
    text = os.environ.get(PLUGINS_VARIABLE)
    if not text:
        return set()
    from ray._common.utils import import_attr

    return {import_attr(plugin["class"]).name for plugin in json.loads(text)}


def become(command: str) -> None:
    """Lets a command of a shell (`py_executable`) be this worker."""
    own = package_folder(resources_folder())
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), own]))
    os.environ[READY_VARIABLE] = "1"
    os.execvp("bash", ["bash", "-c", f"exec {command} -m swift_ray.worker"])


def package_folder(resources: str) -> str:
    """A folder with nothing in it but this package, for an interpreter that may not see it otherwise."""
    package = os.path.dirname(os.path.abspath(__file__))
    folder = os.path.join(resources, "core", hashlib.sha256(package.encode()).hexdigest()[:16])
    os.makedirs(folder, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.symlink(package, os.path.join(folder, "swift_ray"))
    return folder


def resources_folder() -> str:
    """Where this node keeps what environments need."""
    return os.path.join(os.environ["SWIFT_RAY_SESSION_DIR"], RESOURCES)


async def fetched(environment: dict, resources: str, address: str, entered: str | None = None) -> list[str]:
    """Where the environment's folder and modules are now, those that count more first: the folder, if it has one.

    `address`: of the control store. `entered`: where the folder is, if it has been fetched.
    """
    from ray._raylet import GcsClient

    client = GcsClient(address=address)
    paths: list[str] = []
    if folder := environment.get("working_dir"):
        paths.append(entered or await _placed(folder, "working_dir", resources, client))
    for module in environment.get("py_modules") or []:
        paths.append(await _placed(module, "py_modules", resources, client))
    return paths


async def _placed(uri: str, field: str, resources: str, client: Any) -> str:
    """Where a package is on this node: the first process that wants it fetches it."""
    from ray._private.runtime_env import packaging

    own = packaging.get_local_dir_uri_path(uri)
    if own is not None:
        packaging.raise_if_local_dir_uri_missing(own, uri, field)
        return str(own)
    folder = os.path.join(resources, f"{field}_files")
    place = str(packaging.get_local_dir_from_uri(uri, folder))
    with virtual_environment.made_once(place) as is_missing:
        if is_missing:
            package = await packaging.download_and_unpack_package(uri, folder, client)
            if packaging.is_whl_uri(uri):
                await packaging.install_wheel_package(wheel_uri=package, target_dir=place)
    return place
