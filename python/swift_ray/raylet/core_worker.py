"""`CoreWorker`: the runtime of this process as Ray's Python drives it."""

import itertools
import json
import os
import sys
import threading
from typing import Any

import msgpack

from swift_ray import _core
from swift_ray._core import CoreError
from swift_ray._native import (
    ActorID,
    JobID,
    NodeID,
    ObjectRef,
    TaskID,
    WorkerID,
    set_reference_functions,
)
from swift_ray.raylet import call_sites, context, forks
from swift_ray.raylet.actors import ActorCalls
from swift_ray.raylet.callbacks import Callbacks
from swift_ray.raylet.calls import FunctionCalls
from swift_ray.raylet.config import Config
from swift_ray.raylet.context import ray_worker
from swift_ray.raylet.core_error import ray_exception
from swift_ray.raylet.environments import Environments
from swift_ray.raylet.generators import Streams
from swift_ray.raylet.objects import ObjectCalls
from swift_ray.raylet.placement_groups import PlacementGroups
from swift_ray.raylet.process_end import send_before_exit
from swift_ray.raylet.profiling import EmptyProfileEvent
from swift_ray.raylet.program import worker_program
from swift_ray.raylet.questions import Questions
from swift_ray.raylet.task_context import async_task_function_name
from swift_ray.raylet.unavailable import Channels
from swift_ray.raylet.worker_loop import WorkerLoop
from swift_ray.services import SETTINGS_KEY, SETTINGS_NAMESPACE, WORKER_SETTINGS, variables_of

SCRIPT_MODE = 0
JOB_CONFIG_NAMESPACE = "swift_ray_jobs"


class CoreWorker(
    FunctionCalls,
    ObjectCalls,
    ActorCalls,
    PlacementGroups,
    Environments,
    Streams,
    Callbacks,
    WorkerLoop,
    Questions,
    Channels,
):
    """Opens the runtime: a driver introduces its job, a worker joins the raylet that started it."""

    def __init__(
        self,
        mode: int,
        store_socket: str,
        raylet_socket: str,
        job_id: JobID,
        gcs_options: Any,
        logs_dir: str,
        node_ip_address: str,
        node_manager_port: int,
        driver_name: str,
        serialized_job_config: bytes,
        metrics_agent_port: int,
        runtime_env_hash: int,
        worker_id: WorkerID,
        session_name: str,
        cluster_id: str,
        entrypoint: str,
        worker_launch_time_ms: int,
        worker_launched_time_ms: int,
        debug_source: str,
    ) -> None:
        self._is_driver = mode == SCRIPT_MODE
        settings = ray_worker().gcs_client.internal_kv_get(SETTINGS_KEY, SETTINGS_NAMESPACE) or "{}"
        Config.initialize(settings)
        self._templates: dict[Any, tuple[Any, int]] = {}
        self._actors: dict[bytes, dict] = {}
        self._peeked: dict[bytes, list[ObjectRef]] = {}
        self._limited: set[bytes] = set()
        self._waiting: dict = {}
        self._numbers = itertools.count(1)
        self._callback_thread: threading.Thread | None = None
        self._callback_lock = threading.RLock()
        self._job_config: Any = None
        if self._is_driver:
            options = driver_options(gcs_options.address, raylet_socket, serialized_job_config)
            options["settings"] = variables_of(json.loads(settings), WORKER_SETTINGS)
        else:
            options = {"worker": True}
        try:
            _core.open(msgpack.packb(options))
        except CoreError as error:
            raise ray_exception(error) from None
        forks.watch()
        if not self._is_driver:
            send_before_exit()
        call_sites.record(self, bool(Config.record_ref_creation_sites()))
        info = self.control("info")
        self._address: bytes = info["address"]
        self._job: bytes = info["job"]
        self._node_id = NodeID(info["node"])
        self._worker_id = WorkerID(info["worker"])
        self._job_id = JobID(self._job)
        if not self._is_driver:
            # Ray's raylet gives it to workers, and programs that these start know their job by it.
            os.environ["RAY_JOB_ID"] = self._job_id.hex()
        # Numbers of devices on the node, by resource.
        self._devices: dict[str, list[int]] = {}
        for name, number in info["accelerators"]:
            self._devices.setdefault(name, []).append(number)
        self._driver_task = TaskID.for_driver_task(self._job_id)
        if self._is_driver:
            self.put_key(JOB_CONFIG_NAMESPACE, self._job, serialized_job_config)
        self.prepare_environment(serialized_job_config)
        self.prepare_loop()
        self.prepare_questions()
        self.prepare_callbacks()

    # Questions to the runtime

    def control_packed(self, operation: str, payload: dict) -> Any:
        """Performs an operation of `PythonRuntime+Control.swift`."""
        return msgpack.unpackb(_core.control(operation, msgpack.packb(payload)), strict_map_key=False)

    def control(self, operation: str, **payload: Any) -> Any:
        return self.control_packed(operation, payload)

    def put_key(self, namespace: str, key: bytes, value: bytes) -> None:
        self.control("kv_put", namespace=namespace, key=key, value=value, overwrite=True)

    def get_key(self, namespace: str, key: bytes) -> bytes | None:
        return self.control("kv_get", namespace=namespace, key=key)["value"]

    def has_calls(self) -> bool:
        """Whether calls of this process are under way."""
        try:
            return self.control("has_calls")
        except CoreError:
            return False

    def shutdown_driver(self) -> None:
        """Ends the job, and with it everything that is not detached."""
        # References that outlive the runtime are nobody's business.
        set_reference_functions(None, None)
        _core.close()
        self.end_callbacks()

    # Who and where

    def get_worker_id(self) -> WorkerID:
        return self._worker_id

    def get_current_job_id(self) -> JobID:
        return self._job_id

    def get_current_node_id(self) -> NodeID:
        return self._node_id

    def get_current_task_id(self) -> TaskID:
        task = context.current()
        return self._driver_task if task is None else TaskID(task.task_id)

    def get_current_task_name(self) -> str:
        task = context.current()
        return "" if task is None else task.name

    def get_current_task_function_name(self) -> str:
        task = context.current()
        return "" if task is None else async_task_function_name.get() or task.function_name

    def get_current_task_attempt_number(self) -> int:
        task = context.current()
        return 0 if task is None else task.attempt

    def get_task_depth(self) -> int:
        task = context.current()
        return 0 if task is None else task.depth

    def get_job_config(self) -> Any:
        """The job's `JobConfig` protobuf, on workers too."""
        if self._job_config is None:
            from ray.core.generated import common_pb2

            config = common_pb2.JobConfig()
            config.ParseFromString(self.get_key(JOB_CONFIG_NAMESPACE, self._job) or b"")
            self._job_config = config
        return self._job_config

    def resource_ids(self) -> dict[str, list[tuple[int, float]]]:
        """What the current task holds, or the actor whose call it is: by name, pairs of an instance and its part."""
        task = context.current()
        if task is None:
            return {}
        held = task.resources if self._actor is None else self._held
        ids = {name: [(0, amount)] for name, amount in held.items()}
        for name, numbers in self._devices.items():
            if name in ids:
                ids[name] = list(zip(numbers, parts(held[name]), strict=False))
        return ids

    def get_actor_id(self) -> ActorID:
        task = context.current()
        actor = self._actor if task is None else task.actor_id
        return ActorID.nil() if actor is None else ActorID(actor)

    def profile_event(self, event_type: bytes, extra_data: bytes | None = None) -> EmptyProfileEvent:
        """Nothing is measured: the core keeps the events of tasks itself."""
        return EmptyProfileEvent()

    def push_error(self, job_id: JobID, error_type: str, error_message: str, timestamp: float) -> None:
        """Has the job's driver, or all drivers, show an error that is no call's result."""
        try:
            self.control(
                "publish_error",
                key=job_id.hex().encode(),
                type=error_type,
                message=error_message,
                job=job_id.binary(),
                timestamp=timestamp,
            )
        except CoreError:
            print(error_message, file=sys.stderr, flush=True)


def parts(amount: float) -> list[float]:
    """An amount as wholes and, last, what is left."""
    whole = int(amount)
    rest = round(amount - whole, 4)
    return [1.0] * whole + ([rest] if rest else [])


def driver_options(gcs_address: str, raylet_socket: str, serialized_job_config: bytes) -> dict:
    """How a driver introduces itself, and how its workers are started (`DriverConnection.Options`)."""
    from ray.core.generated import common_pb2

    config = common_pb2.JobConfig()
    config.ParseFromString(serialized_job_config)
    host, _, port = gcs_address.rpartition(":")
    return {
        "host": host.strip("[]"),
        "port": int(port),
        "raylet_socket": raylet_socket,
        "namespace": config.ray_namespace,
        **worker_program(),
    }
