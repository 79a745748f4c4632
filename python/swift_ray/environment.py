"""What a worker does about its runtime environment before it becomes Ray's worker."""

import asyncio
import base64
import json
import logging
import os
import sys
from typing import Any

# The environment as Ray's JSON, in base64: the raylet puts other variables in the place of what looks like them.
VARIABLE = "SWIFT_RAY_PYTHON_ENVIRONMENT"
GCS = "gcs://"


def own_environment() -> dict:
    """The runtime environment of this process; empty if it has none."""
    text = os.environ.get(VARIABLE)
    return json.loads(base64.b64decode(text)) if text else {}


def set_up() -> None:
    """Gives this process its environment; if that fails it ends, and its lease with the reason."""
    environment = own_environment()
    if not environment:
        return
    try:
        paths = asyncio.run(_fetched(environment))
    except Exception as error:
        print(f"the runtime environment cannot be set up: {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
    if paths:
        sys.path[:0] = paths
        os.environ["PYTHONPATH"] = os.pathsep.join([*paths, *filter(None, [os.environ.get("PYTHONPATH")])])


async def _fetched(environment: dict) -> list[str]:
    """Where the modules of the environment are now, those that count more first."""
    from ray._private.runtime_env.context import RuntimeEnvContext
    from ray._private.runtime_env.packaging import download_and_unpack_package
    from ray._private.runtime_env.py_modules import PyModulesPlugin
    from ray._raylet import GcsClient

    resources = os.path.join(os.environ["SWIFT_RAY_SESSION_DIR"], "runtime_resources")
    client = GcsClient(address=os.environ["SWIFT_RAY_GCS_ADDRESS"])
    paths: list[str] = []
    folder = environment.get("working_dir")
    if folder:
        # The raylet has fetched and entered a package of the cluster.
        if not folder.startswith(GCS):
            files = os.path.join(resources, "working_dir_files")
            os.makedirs(files, exist_ok=True)
            os.chdir(await download_and_unpack_package(folder, files, client))
        paths.append(os.getcwd())
    modules: list[Any] = environment.get("py_modules") or []
    if modules:
        plugin = PyModulesPlugin(resources, client)
        context = RuntimeEnvContext()
        for module in modules:
            await plugin.create(module, None, context, logging.getLogger(__name__))
            paths.append(str(plugin._get_local_dir_from_uri(module)))
    return paths
