"""What Ray's Python asks raylets about objects and stores (`ray memory`, statistics of Data); the control store knows."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

# Ray's names of what holds an object that is not counted in one of its fields.
PINNED = "PINNED_IN_MEMORY"
CAPTURED = "CAPTURED_IN_OBJECT"


def memory_info(
    state: Any,
    node_manager_address: str | None = None,
    node_manager_port: int | None = None,
    timeout_seconds: float = 60.0,
) -> Any:
    """The stores of all nodes together, as a `FormatGlobalMemoryInfoReply`.

    With more objects than a list shows all that the nodes hold counts as primary: they do not count copies by themselves.
    """
    from ray.core.generated.node_manager_pb2 import FormatGlobalMemoryInfoReply

    client = state._connect_and_get_accessor()._gcs
    nodes = [node for node in client.nodes(timeout_seconds) if node["alive"]]
    spills = client.spills(timeout_seconds)
    listed = client.rows("objects", timeout=timeout_seconds)
    stored = {
        row["object_id"]: row["object_size"] or 0
        for row in listed["rows"]
        if row["stored_on"] and not row["is_spilled"]
    }
    # Nodes report what they hold now and then; what is in a node's fallback file takes no room in its store.
    used = max(sum(node["store_used"] for node in nodes), sum(stored.values()) - spills["fallback_bytes"])
    count, primary = len(stored), sum(stored.values())
    if listed["matched"] > len(listed["rows"]) or listed["dropped"]:
        count, primary = max(count, sum(node["objects"] for node in nodes)), used
    reply = FormatGlobalMemoryInfoReply()
    stats = reply.store_stats
    stats.object_store_bytes_avail = sum(node["store_capacity"] for node in nodes)
    stats.object_store_bytes_used = used
    stats.object_store_bytes_fallback = spills["fallback_bytes"]
    stats.object_store_bytes_primary_copy = primary
    stats.num_local_objects = stats.num_object_store_primary_copies = count
    stats.spilled_bytes_total = spills["spilled_bytes"]
    stats.spilled_objects_total = spills["objects"]
    stats.restored_bytes_total = spills["restored_bytes"]
    return reply


def with_spills(summary: Callable[[Any], str]) -> Callable[[Any], str]:
    """Ray's words for the stores, and what went to disk, of which nodes do not tell how long it took."""

    def stats_summary(reply: Any) -> str:
        stats = reply.store_stats
        text = summary(reply)
        if stats.spilled_bytes_total > 0:
            text += f"Spilled {stats.spilled_bytes_total >> 20} MiB, {stats.spilled_objects_total} objects on disk now\n"
        if stats.restored_bytes_total > 0:
            text += f"Restored {stats.restored_bytes_total >> 20} MiB\n"
        return text

    return stats_summary


def node_stats(
    node_manager_address: str | None = None,
    node_manager_port: int | None = None,
    include_memory_info: bool = True,
) -> Any:
    """What the processes of one node hold, as a `GetNodeStatsReply`. RuntimeError: there is no such node."""
    from ray._private import services
    from ray._private.worker import global_worker
    from ray._raylet import GcsClient
    from ray.core.generated.node_manager_pb2 import GetNodeStatsReply

    if global_worker.connected:
        client = global_worker.gcs_client
    else:
        client = GcsClient(address=services.canonicalize_bootstrap_address_or_die(None))
    place = (node_manager_address, node_manager_port)
    nodes = [node for node in client.nodes() if node["alive"]]
    ids = {node["node"].hex(): (node["host"], node["port"]) for node in nodes}
    if place not in ids.values():
        raise RuntimeError(f"no node of the cluster has the address {place[0]}:{place[1]}")
    reply = GetNodeStatsReply()
    if include_memory_info:
        held = defaultdict(list)
        for row in client.rows("objects")["rows"]:
            # A driver is counted with its machine's first node, and one from outside with the head.
            homes = [place for place in ids.values() if place[0] == row["ip"]] or list(ids.values())
            if row["worker_id"] and ids.get(row["node_id"], homes[0]) == place:
                held[row["worker_id"]].append(row)
        for worker, rows in sorted(held.items()):
            add_process(reply.core_workers_stats.add(), worker, rows)
    return reply


def add_process(stats: Any, worker: str, rows: list[dict]) -> None:
    """Fills in the `CoreWorkerStats` of a process from its rows of the list of objects."""
    from ray.core.generated import common_pb2

    stats.worker_id = bytes.fromhex(worker)
    stats.pid = rows[0]["pid"]
    stats.ip_address = rows[0]["ip"]
    stats.worker_type = common_pb2.WorkerType.Value(rows[0]["type"])
    for row in rows:
        info = stats.object_refs.add()
        info.object_id = bytes.fromhex(row["object_id"])
        info.call_site = row["call_site"]
        info.object_size = -1 if row["object_size"] is None else row["object_size"]
        info.local_ref_count = row["local_references"]
        info.submitted_task_ref_count = row["task_arguments"]
        # Who waits for an object that is not there yet holds no memory.
        info.pinned_in_memory = row["reference_type"] == PINNED and row["object_size"] is not None
        if row["reference_type"] == CAPTURED:
            # By which is not told; that it is makes Ray's word for the row.
            info.contained_in_owned.append(info.object_id)
        info.task_status = common_pb2.TaskStatus.Value(row["task_status"])
        info.attempt_number = row["attempt_number"]
