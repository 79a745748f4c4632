"""`GcsClient`: the control store as Ray's Python asks it, over a connection that needs no core worker."""

import asyncio
import functools
import os
import time
from collections.abc import Awaitable
from typing import Any

import msgpack

from swift_ray import _core
from swift_ray._core import CoreError
from swift_ray._native import ClusterID, JobID, NodeID
from swift_ray.services import HOST_NAME_PREFIX, SETTINGS_NAMESPACE, socket_name

from . import large_functions, packages
from .core_error import rpc_exception

# What Ray waits for a control store that does not answer (RAY_py_gcs_connect_timeout_s).
DEFAULT_TIMEOUT_S = 30.0
# The most rows of one list (`GCSLimits.stateRowsMax`).
ROWS_MAX = 10_000
CLUSTER_NAMESPACE = "swift_ray"
CLUSTER_ID_KEY = b"cluster_id"
OWN_PREFIX = b"@namespace_"


def text(value: bytes | str | None) -> str:
    """A namespace as the control store names it; None is the one without a name."""
    if value is None:
        return ""
    return value.decode() if isinstance(value, bytes) else value


def data(value: bytes | str) -> bytes:
    """A key or value."""
    return value.encode() if isinstance(value, str) else bytes(value)


def key_of(key: bytes | str) -> bytes:
    """A key or the beginning of some. RaySystemError: it begins as keys of the control store's own do in Ray."""
    found = data(key)
    if found.startswith(OWN_PREFIX):
        import ray.exceptions

        raise ray.exceptions.RaySystemError(f"Key can't start with {OWN_PREFIX.decode()}")
    return found


def limit_of(timeout: float | None) -> float:
    """How many seconds a call waits at most."""
    return DEFAULT_TIMEOUT_S if timeout is None or timeout < 0 else timeout


class GcsClient:
    """Asks the control store at `address` ("host:port").

    Every call waits at most `timeout` seconds (30 by default) and raises `ray.exceptions.RpcError` otherwise.
    """

    def __init__(self, address: str, cluster_id: str | None = None) -> None:
        self._address = address
        self._cluster_id = ClusterID.from_hex(cluster_id) if cluster_id else None
        self._host_names: dict[str, str] = {}
        self._connection = self._connect()
        if self._cluster_id is None:
            self._cluster_id = self._find_cluster_id()

    def _connect(self) -> _core.Connection:
        host, _, port = self._address.rpartition(":")
        try:
            return _core.Connection(host.strip("[]"), int(port))
        except CoreError as error:
            raise rpc_exception(error) from None

    def _find_cluster_id(self) -> ClusterID:
        """The cluster's id: the first client chooses it."""
        self._put(CLUSTER_NAMESPACE, CLUSTER_ID_KEY, os.urandom(ClusterID.size()), False, None)
        return ClusterID(self._request("kv_get", CLUSTER_NAMESPACE, CLUSTER_ID_KEY)["value"])

    @property
    def address(self) -> str:
        return self._address

    @property
    def cluster_id(self) -> ClusterID:
        return self._cluster_id

    def ask(self, operation: str, payload: dict, timeout: float | None = None) -> Any:
        """Performs an operation of `ControlQuestion` (RayPython)."""
        milliseconds = max(1, int(limit_of(timeout) * 1000))
        try:
            answer = self._connection.request(operation, msgpack.packb(payload), milliseconds)
        except CoreError as error:
            raise rpc_exception(error) from None
        return msgpack.unpackb(answer, strict_map_key=False)

    def _request(self, operation: str, namespace: str, key: bytes, timeout: float | None = None) -> dict:
        return self.ask(operation, {"namespace": namespace, "key": key}, timeout)

    def _put(self, namespace: str, key: bytes, value: bytes, overwrite: bool, timeout: float | None) -> int:
        payload = {"namespace": namespace, "key": key, "value": value, "overwrite": overwrite}
        return self.ask("kv_put", payload, timeout)["count"]

    def publish_error(
        self, key_id: bytes, error_type: str, message: str, job_id: Any = None, timeout: float | None = None
    ) -> None:
        """Has the driver of a job, or all drivers, show an error."""
        payload = {
            "key": key_id,
            "type": error_type,
            "message": message,
            "job": None if job_id is None else job_id.binary(),
            "timestamp": time.time(),
        }
        self.ask("publish_error", payload, timeout)

    # Keys and values

    def internal_kv_put(
        self,
        key: bytes,
        value: bytes,
        overwrite: bool = False,
        namespace: bytes | None = None,
        timeout: float | None = None,
    ) -> int:
        """1 if the key is new, 0 if it was there (and was changed only with `overwrite`)."""
        place, key, value = text(namespace), key_of(key), data(value)
        if not place and packages.is_large(key, value):
            value = packages.send(self.ask, value, timeout)
        if place == large_functions.NAMESPACE:
            value, parts = large_functions.split(key, value)
            for one, part in parts.items():
                self._put(place, one, part, True, timeout)
        return self._put(place, key, value, bool(overwrite), timeout)

    def internal_kv_get(
        self, key: bytes, namespace: bytes | None = None, timeout: float | None = None
    ) -> bytes | None:
        place, key = text(namespace), key_of(key)
        value = self._request("kv_get", place, key, timeout)["value"]
        if place == large_functions.NAMESPACE:
            return large_functions.join(
                key, value, lambda part: self._request("kv_get", place, part, timeout)["value"]
            )
        archived = packages.archived_hash(key, value)
        return packages.fetch(self.ask, archived, timeout) if archived else value

    def internal_kv_exists(
        self, key: bytes, namespace: bytes | None = None, timeout: float | None = None
    ) -> bool:
        return self._request("kv_exists", text(namespace), key_of(key), timeout)["count"] > 0

    def internal_kv_keys(
        self, prefix: bytes, namespace: bytes | None = None, timeout: float | None = None
    ) -> list[bytes]:
        return self._request("kv_keys", text(namespace), key_of(prefix), timeout)["keys"]

    def internal_kv_multi_get(
        self, keys: list[bytes], namespace: bytes | None = None, timeout: float | None = None
    ) -> dict[bytes, bytes]:
        """Those of the keys that are there."""
        found = ((key, self.internal_kv_get(key, namespace, timeout)) for key in keys)
        return {key: value for key, value in found if value is not None}

    def internal_kv_del(
        self,
        key: bytes,
        del_by_prefix: bool = False,
        namespace: bytes | None = None,
        timeout: float | None = None,
    ) -> int:
        """How many keys were deleted."""
        keys = self.internal_kv_keys(key, namespace, timeout) if del_by_prefix else [key_of(key)]
        return sum(self._request("kv_delete", text(namespace), one, timeout)["count"] for one in keys)

    def __getattr__(self, name: str) -> Any:
        """`async_X` is X on a thread of the running loop's pool."""
        if name.startswith("async_"):
            return functools.partial(self._on_a_thread, getattr(self, name.removeprefix("async_")))
        raise AttributeError(f"GcsClient of swift-ray-core has no attribute '{name}'")

    @staticmethod
    def _on_a_thread(method: Any, *arguments: Any, **keywords: Any) -> Awaitable[Any]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(None, functools.partial(method, *arguments, **keywords))

    # Nodes

    def nodes(self, timeout: float | None = None) -> list[dict]:
        """The nodes as the control store describes them (`NodeStatus` in ControlConnection.swift)."""
        return self.ask("nodes", {}, timeout)

    def host_name(self, address: str, timeout: float | None = None) -> str:
        """The name of the host of a node that Ray's Python has started, by its address; of others the address."""
        if address not in self._host_names:
            name = self.internal_kv_get(HOST_NAME_PREFIX + address.encode(), SETTINGS_NAMESPACE, timeout)
            self._host_names[address] = name.decode() if name else address
        return self._host_names[address]

    def spills(self, timeout: float | None = None) -> dict:
        """What went to disk in all nodes: `spilled_bytes` and `restored_bytes` so far, `objects` there now, and
        `fallback_bytes` in the files that nodes use beyond their stores."""
        return self.ask("spills", {}, timeout)

    def rows(
        self,
        resource: str,
        filters: list[tuple[str, bool, str]] | None = None,
        limit: int = ROWS_MAX,
        timeout: float | None = None,
    ) -> dict:
        """What `ray list` shows: `rows` with all columns, how many more the filters let through or were dropped.

        A filter is (column, whether it must differ, value).
        """
        payload = {"resource": resource, "filters": filters or [], "limit": limit, "detail": True}
        return self.ask("state", payload, timeout)

    def get_all_node_info(
        self,
        timeout: float | None = None,
        node_selectors: list | None = None,
        state_filter: int | None = None,
    ) -> dict:
        """{NodeID: GcsNodeInfo}, the dead ones included unless `state_filter` says otherwise."""
        deadline = time.monotonic() + limit_of(timeout)
        infos = {}
        for node in self.nodes(timeout):
            info = node_info(node)
            if (state_filter is None or info.state == state_filter) and (
                not node_selectors or any(selects(selector, info) for selector in node_selectors)
            ):
                left = max(0.0, deadline - time.monotonic())
                info.node_manager_hostname = self.host_name(node["host"], left)
                infos[NodeID(node["node"])] = info
        return infos

    def check_alive(self, node_ids: list[NodeID], timeout: float | None = None) -> list[bool]:
        alive = {node["node"] for node in self.nodes(timeout) if node["alive"]}
        return [node.binary() in alive for node in node_ids]

    def get_all_job_info(
        self,
        *,
        job_or_submission_id: str | None = None,
        skip_submission_job_info_field: bool = False,
        skip_is_running_tasks_field: bool = False,
        timeout: float | None = None,
    ) -> dict:
        """{JobID: JobTableData}. Whether tasks of a job run is said as late as tasks are reported."""
        from ray.core.generated import gcs_pb2

        from swift_ray.raylet import state_tables

        jobs = {}
        for row in self.rows("jobs", timeout=timeout)["rows"]:
            if job_or_submission_id not in (None, row["job_id"]):
                continue
            data = gcs_pb2.JobTableData.FromString(state_tables.job(row))
            if not skip_is_running_tasks_field:
                running = [("job_id", False, row["job_id"]), ("state", False, "RUNNING")]
                data.is_running_tasks = bool(self.rows("tasks", running, 1, timeout)["rows"])
            jobs[JobID.from_hex(row["job_id"])] = data
        return jobs

    def get_all_resource_usage(self, timeout: float | None = None) -> Any:
        """A `GetAllResourceUsageReply` with what each living node has and has free, and what waits for resources."""
        from ray.core.generated import gcs_service_pb2

        reply = gcs_service_pb2.GetAllResourceUsageReply()
        for node in self.nodes(timeout):
            if node["alive"]:
                reply.resource_usage_data.batch.add(
                    node_id=node["node"],
                    resources_available=node["available"],
                    resources_total=node["total"],
                )
        for demand in self.ask("demands", {}, timeout):
            waiting = (
                "num_infeasible_requests_queued" if demand["infeasible"] else "num_ready_requests_queued"
            )
            reply.resource_usage_data.resource_load_by_shape.resource_demands.add(
                shape=demand["shape"], **{waiting: demand["count"]}
            )
        return reply

    def drain_node(
        self,
        node_id: str,
        reason: int,
        reason_message: str,
        deadline_timestamp_ms: int,
        timeout: float | None = None,
    ) -> tuple[bool, str]:
        """Has a node (hex id) take nothing new and leave when it is idle, or at the deadline (ms since the epoch, 0: none).

        Whether it will, and else why not: as in Ray only an idle one does for IDLE_TERMINATION, and the head's never. One
        that is not there has left. RaySystemError: the deadline is negative.
        """
        from ray.core.generated import autoscaler_pb2
        from ray.exceptions import RaySystemError

        if deadline_timestamp_ms < 0:
            raise RaySystemError(f"Draining deadline must be non-negative, received {deadline_timestamp_ms}")
        left = max(1, deadline_timestamp_ms - round(time.time() * 1000)) if deadline_timestamp_ms else 0
        refusal = self.ask(
            "drain",
            {
                "node": NodeID.from_hex(node_id).binary(),
                "preempted": reason == autoscaler_pb2.DrainNodeReason.DRAIN_NODE_REASON_PREEMPTION,
                "message": reason_message,
                "deadline_ms": left,
            },
            timeout,
        )
        if refusal and not any(
            node["alive"] and node["node"].hex() == node_id for node in self.nodes(timeout)
        ):
            return True, ""
        return not refusal, refusal

    def get_draining_nodes(self, timeout: float | None = None) -> dict[str, int]:
        """Nodes that are to go, by hex id, with their deadline in ms since the epoch (0: none)."""
        now = round(time.time() * 1000)
        return {
            node["node"].hex(): now + node["drain_ms"] if node["drain_ms"] else 0
            for node in self.nodes(timeout)
            if node["alive"] and node["drain_ms"] is not None
        }

    def pin_runtime_env_uri(self, uri: str, expiration_s: int, timeout: float | None = None) -> None:
        """Who stores a package, or asks whether it is there, has said so already: the control store keeps it then."""


def store_socket(node: dict) -> str:
    """The socket at which a node gives out its store."""
    return socket_name(node["session"], "store", node["node"].hex())


def node_info(node: dict) -> Any:
    """A node as Ray's protocol describes it, without the name of its host."""
    from ray.core.generated import gcs_pb2

    info = gcs_pb2.GcsNodeInfo(
        node_id=node["node"],
        node_manager_address=node["host"],
        node_manager_port=node["port"],
        raylet_socket_name=node["socket"],
        object_store_socket_name=store_socket(node),
        node_name=node["name"],
        is_head_node=node["head"],
        resources_total=node["total"],
        labels=node["labels"],
        state=gcs_pb2.GcsNodeInfo.ALIVE if node["alive"] else gcs_pb2.GcsNodeInfo.DEAD,
    )
    names = info.DESCRIPTOR.fields_by_name
    if "session_dir" in names:
        info.session_dir = node["session"]
    if "temp_dir" in names:
        info.temp_dir = os.path.dirname(node["session"])
    return info


def selects(selector: Any, info: Any) -> bool:
    """Whether a `NodeSelector` means this node."""
    return all(getattr(info, field.name) == value for field, value in selector.ListFields())
