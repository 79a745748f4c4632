"""Runtime environments of jobs, tasks and actors, as the core knows them.

The core gives a worker its variables before it starts, and fetches the package that is its folder. All else is in a
variable of its own, which `swift_ray/environment.py` reads in the worker.
"""

import base64
import json
import os
from collections.abc import Callable
from typing import Any

import msgpack

from swift_ray.environment import VARIABLE, own_environment
from swift_ray.raylet.checkout import checkout
from swift_ray.raylet.language import SWIFT

GCS = "gcs://"
# What a worker fetches or installs before it is ready.
SLOW_FIELDS = {"working_dir", "py_modules", "pip", "uv", "py_executable"}
DAY_SECONDS = 24 * 60 * 60


def setup_seconds(environment: dict) -> int:
    """How long a worker may take for its environment (-1: as long as it wants, which is a day here)."""
    from ray._private.ray_constants import DEFAULT_RUNTIME_ENV_TIMEOUT_SECONDS

    seconds = (environment.get("config") or {}).get(
        "setup_timeout_seconds", DEFAULT_RUNTIME_ENV_TIMEOUT_SECONDS
    )
    return DAY_SECONDS if seconds == -1 else min(seconds, DAY_SECONDS)


def merged(environment: dict, parent: dict) -> dict:
    """As Ray merges: variables one by one, all else as a whole."""
    variables = {**parent.get("env_vars", {}), **environment.get("env_vars", {})}
    return {**parent, **environment, **({"env_vars": variables} if variables else {})}


def core_fields(environment: dict) -> dict:
    """What the core is told of an environment (`RuntimeEnvironmentSpec`, Swift).

    ValueError: a variable that belongs to the runtime.
    """
    variables = dict(environment.get("env_vars", {}))
    for name in variables:
        if name.startswith("SWIFT_RAY_"):
            raise ValueError(f"the environment variable {name} belongs to the runtime; give it another name")
    if "PYTHONPATH" in variables and (path := checkout()):
        variables["PYTHONPATH"] += os.pathsep + path
    variables[VARIABLE] = base64.b64encode(json.dumps(environment, sort_keys=True).encode()).decode()
    if environment.keys() & SLOW_FIELDS:
        variables["SWIFT_RAY_START_SECONDS"] = str(setup_seconds(environment))
    folder = environment.get("working_dir") or ""
    return {
        "variables": variables,
        "working_dir": folder if folder.startswith(GCS) else None,
        "packages": [module for module in environment.get("py_modules") or [] if module.startswith(GCS)],
    }


class Environments:
    """The part of `CoreWorker` that is about runtime environments."""

    # That of this process.
    _environment: dict
    # What the core is told, by Ray's own words.
    _core_environments: dict[str, dict | None]

    def prepare_environment(self, serialized_job_config: bytes) -> None:
        """Of a worker its variable says it, of a driver the job's configuration."""
        self._core_environments = {}
        self._environment = own_environment()
        if self._is_driver:
            from ray.core.generated import common_pb2

            config = common_pb2.JobConfig()
            config.ParseFromString(serialized_job_config)
            self._environment = json.loads(config.runtime_env_info.serialized_runtime_env or "{}")
            if self._environment:
                self.control_packed("adopt_environment", core_fields(self._environment))

    def core_environment(self, serialized_runtime_env_info: str | None) -> dict | None:
        """The environment of a call; None if it is that of this process."""
        info = serialized_runtime_env_info
        if not info or info == "{}":
            return None
        if info not in self._core_environments:
            environment = json.loads(json.loads(info).get("serializedRuntimeEnv") or "{}")
            self._core_environments[info] = (
                core_fields(merged(environment, self._environment)) if environment else None
            )
        return self._core_environments[info]

    def environment_of_call(
        self, info: str | None, language: Any, descriptor: Any
    ) -> tuple[Callable[[], dict | None], Any]:
        """What makes the environment of a call, and by what it differs from that of other calls beside `info`."""
        if language != SWIFT:
            return lambda: self.core_environment(info), None
        from swift_ray.swift import _programs

        program = _programs.program_of(descriptor, self)

        def environment() -> dict:
            fields = self.core_environment(info)
            if fields is None:
                fields = core_fields(self._environment) if self._environment else {"variables": {}}
            return {**fields, "program": program}

        return environment, msgpack.packb(program)

    def get_current_runtime_env(self) -> str:
        return json.dumps(self._environment, sort_keys=True)
