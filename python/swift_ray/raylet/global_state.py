"""`GlobalStateAccessor`: what Ray's Python asks about the whole cluster, as plain values or as Ray's protobufs."""

import json
from typing import Any

from swift_ray.raylet.failure_words import of_node
from swift_ray.services import SETTINGS_KEY, SETTINGS_NAMESPACE

from . import debugger, state_tables
from .core_error import GRPC_NOT_FOUND
from .gcs_client import GcsClient, store_socket

SPILLING = "automatic_object_spilling_enabled"

STORE_MEMORY = "object_store_memory"

# PlacementGroupStats.SchedulingState of a group that was placed, or removed; and of others.
SCHEDULING_STATES = {2: 6, 3: 1}
NO_RESOURCES, INFEASIBLE = 3, 4
# The number of Ray's strategy.
STRICT_PACK = 2


class GlobalStateAccessor:
    """Reads the state of the cluster of `options` (a `GcsClientOptions`)."""

    def __init__(self, options: Any) -> None:
        self._options = options
        self._client: GcsClient | None = None

    def connect(self) -> bool:
        """Whether the control store answers."""
        import ray.exceptions

        try:
            self._client = GcsClient(address=self._options.address)
        except ray.exceptions.RpcError:
            return False
        return True

    @property
    def _gcs(self) -> GcsClient:
        if self._client is None and not self.connect():
            raise RuntimeError(f"the control store at {self._options.address} does not answer")
        return self._client

    def get_next_job_id(self) -> int:
        """A number for `JobID.from_int`. The core gives the job's real id when the driver registers."""
        return 1

    def get_system_config(self) -> bytes:
        """The settings of the cluster as JSON: those that Ray's Python asks for, and those that the head was given."""
        given = json.loads(self._gcs.internal_kv_get(SETTINGS_KEY, SETTINGS_NAMESPACE) or b"{}")
        is_spilling = given.get(SPILLING, True)
        # Where a raylet spills is its own affair, unless the head was told.
        return json.dumps(
            {SPILLING: is_spilling, "object_spilling_config": "{}" if is_spilling else "", **given}
        ).encode()

    def get_node(self, node_id_hex: str) -> dict:
        """What a process of a node must know of it.

        Raises:
            RuntimeError: the node has not registered, or is dead.
        """
        for node in self._gcs.nodes():
            if node["node"].hex() == node_id_hex and node["alive"]:
                return {
                    "object_store_socket_name": store_socket(node),
                    "raylet_socket_name": node["socket"],
                    "node_manager_port": node["port"],
                    "node_id": node_id_hex,
                    "runtime_env_agent_port": 0,
                    "metrics_agent_port": 0,
                    "metrics_export_port": 0,
                    "dashboard_agent_listen_port": 0,
                    "labels": node["labels"],
                }
        raise RuntimeError(f"no node with id {node_id_hex} has registered")

    def get_node_table(self) -> list[dict]:
        return [
            {
                "NodeID": node["node"].hex(),
                "Alive": node["alive"],
                "NodeManagerAddress": node["host"],
                "NodeManagerHostname": self._gcs.host_name(node["host"]),
                "NodeManagerPort": node["port"],
                "ObjectManagerPort": node["port"],
                "ObjectStoreSocketName": store_socket(node),
                "RayletSocketName": node["socket"],
                "MetricsExportPort": 0,
                "MetricsAgentPort": 0,
                "DashboardAgentListenPort": 0,
                "NodeName": node["name"],
                "RuntimeEnvAgentPort": 0,
                "DeathReason": node["end"],
                "DeathReasonMessage": of_node(node),
                "alive": node["alive"],
                "Resources": node["total"] if node["alive"] else {},
                "Labels": node["labels"],
            }
            for node in self._gcs.nodes()
        ]

    def get_all_available_resources(self) -> list[bytes]:
        from ray.core.generated import gcs_pb2

        return [
            gcs_pb2.AvailableResources(
                node_id=node["node"], resources_available=available(node)
            ).SerializeToString()
            for node in self._gcs.nodes()
            if node["alive"]
        ]

    def get_all_total_resources(self) -> list[bytes]:
        from ray.core.generated import gcs_pb2

        return [
            gcs_pb2.TotalResources(node_id=node["node"], resources_total=node["total"]).SerializeToString()
            for node in self._gcs.nodes()
            if node["alive"]
        ]

    def get_all_resource_usage(self) -> bytes:
        """`ResourceUsageBatchData`: what nodes have, and what waits for resources."""
        return self._gcs.get_all_resource_usage().resource_usage_data.SerializeToString()

    # Tables, as serialized protobufs

    def get_actor_info(self, actor_id: Any) -> bytes | None:
        rows = self._gcs.rows("actors", [("actor_id", False, actor_id.hex())])["rows"]
        return state_tables.actor(rows[0]) if rows else None

    def get_actor_table(self, job_id: Any, actor_state_name: str | None) -> list[bytes]:
        """The actors of a job and in a state; None stands for any."""
        filters = [] if job_id is None else [("job_id", False, job_id.hex())]
        filters += [("state", False, actor_state_name)] if actor_state_name else []
        return [state_tables.actor(row) for row in self._gcs.rows("actors", filters)["rows"]]

    def get_worker_table(self) -> list[bytes]:
        return [state_tables.worker(row) for row in self._gcs.rows("workers")["rows"]]

    def get_worker_info(self, worker_id: Any) -> bytes | None:
        rows = self._gcs.rows("workers", [("worker_id", False, worker_id.hex())])["rows"]
        return state_tables.worker(rows[0]) if rows else None

    def add_worker_info(self, serialized_string: bytes) -> bool:
        """Whether the record was kept: it was not, the core knows its workers."""
        return False

    def update_worker_debugger_port(self, worker_id: Any, debugger_port: int) -> bool:
        return debugger.tell(self._gcs, worker_id.binary(), debugger.PORT, debugger_port)

    def get_worker_debugger_port(self, worker_id: Any) -> int:
        """0 if no debugger waits there."""
        return debugger.known(self._gcs, worker_id.binary()).get(debugger.PORT, 0)

    def update_worker_num_paused_threads(self, worker_id: Any, num_paused_threads_delta: int) -> bool:
        return debugger.add_paused(self._gcs, worker_id.binary(), num_paused_threads_delta)

    def get_job_table(
        self, skip_submission_job_info_field: bool = False, skip_is_running_tasks_field: bool = False
    ) -> list[bytes]:
        return [state_tables.job(row) for row in self._gcs.rows("jobs")["rows"]]

    def get_task_events(self) -> list[bytes]:
        """A record for each attempt, with the times of its parts."""
        return [state_tables.task_events(row) for row in self._gcs.rows("tasks")["rows"]]

    def get_internal_kv(self, namespace: bytes, key: bytes) -> bytes | None:
        return self._gcs.internal_kv_get(key, namespace)

    def get_draining_nodes(self) -> dict[str, int]:
        """Nodes that are to go, by hex id, with their deadline in ms since the epoch (0: none)."""
        return self._gcs.get_draining_nodes()

    # Placement groups

    def get_placement_group_info(self, placement_group_id: Any) -> bytes | None:
        return self._one_group(group=placement_group_id.binary())

    def get_placement_group_by_name(self, name: str, namespace: str) -> bytes | None:
        return self._one_group(name=name, namespace=namespace)

    def get_placement_group_table(self) -> list[bytes]:
        return [self._group_data(group) for group in self._gcs.ask("groups", {})]

    def _one_group(self, **question: Any) -> bytes | None:
        """`PlacementGroupTableData`; None if there is no such group."""
        import ray.exceptions

        try:
            return self._group_data(self._gcs.ask("groups", question)[0])
        except ray.exceptions.RpcError as error:
            if error.rpc_code != GRPC_NOT_FOUND:
                raise
            return None

    def _group_data(self, group: dict) -> bytes:
        state = SCHEDULING_STATES.get(group["phase"])
        if state is None:
            state = NO_RESOURCES if is_feasible(group, self._gcs.nodes()) else INFEASIBLE
        return group_table_data(group, state)


def is_feasible(group: dict, nodes: list[dict]) -> bool:
    """Whether each bundle, or all together where they belong on one node, would fit a node with nothing on it."""
    bundles: list[dict[str, float]] = group["bundles"]
    if group["strategy"] == STRICT_PACK:
        names = {name for bundle in bundles for name in bundle}
        bundles = [{name: sum(bundle.get(name, 0) for bundle in bundles) for name in names}]
    totals = [node["total"] for node in nodes if node["alive"]]
    return all(
        any(all(total.get(name, 0) >= amount for name, amount in bundle.items()) for total in totals)
        for bundle in bundles
    )


def group_table_data(group: dict, scheduling_state: int) -> bytes:
    """A placement group as Ray's table has it."""
    from ray.core.generated import common_pb2, gcs_pb2

    bundles = [
        common_pb2.Bundle(
            bundle_id=common_pb2.Bundle.BundleIdentifier(
                placement_group_id=group["group"], bundle_index=index
            ),
            unit_resources=resources,
            node_id=node,
        )
        for index, (resources, node) in enumerate(zip(group["bundles"], group["nodes"]))
    ]
    return gcs_pb2.PlacementGroupTableData(
        placement_group_id=group["group"],
        name=group["name"],
        ray_namespace=group["namespace"],
        bundles=bundles,
        strategy=group["strategy"],
        state=group["phase"],
        is_detached=group["detached"],
        creator_job_id=group["group"][-4:],
        stats=gcs_pb2.PlacementGroupStats(scheduling_state=scheduling_state),
    ).SerializeToString()


def available(node: dict) -> dict[str, float]:
    """What is free of a node; of its object store, what is not filled."""
    free = dict(node["available"])
    if STORE_MEMORY in free:
        free[STORE_MEMORY] = max(0.0, free[STORE_MEMORY] - node["store_used"])
    return free
