"""Rows of the control store as the protobufs of Ray's tables."""

import json
from typing import Any

from swift_ray.raylet.failure_words import end_of

MILLION = 1_000_000


def identifier(text: str | None) -> bytes:
    return bytes.fromhex(text or "")


def number_of(message: Any, field: str, name: str | None) -> int:
    """The number of an enumeration's value; 0 for a name that it does not have."""
    values = message.DESCRIPTOR.fields_by_name[field].enum_type.values_by_name
    return values[name].number if name in values else 0


def actor(row: dict) -> bytes:
    """An `ActorTableData`."""
    from ray.core.generated import gcs_pb2
    from ray.core.generated.common_pb2 import NodeDeathInfo

    data = gcs_pb2.ActorTableData(
        actor_id=identifier(row["actor_id"]),
        job_id=identifier(row["job_id"]),
        state=number_of(gcs_pb2.ActorTableData, "state", row["state"]),
        num_restarts=row["num_restarts"],
        is_detached=bool(row["is_detached"]),
        name=row["name"],
        ray_namespace=row["ray_namespace"],
        class_name=row["class_name"],
        pid=row["pid"] or 0,
        node_id=identifier(row["node_id"]),
        required_resources=row["required_resources"] or {},
        placement_group_id=identifier(row["placement_group_id"]),
        start_time=row["start_time_ms"],
        end_time=row["end_time_ms"],
    )
    data.address.node_id = identifier(row["node_id"])
    if row["death_cause"]:
        context = data.death_cause.actor_died_error_context
        context.error_message = row["death_cause"]["error_message"]
        context.actor_id = data.actor_id
        end = end_of(row["death_cause"]["reason"])
        if "reason" in end:
            context.reason = number_of(type(context), "reason", end["reason"])
        if "preempted" in end:
            context.node_death_info.reason = NodeDeathInfo.AUTOSCALER_DRAIN_PREEMPTED
    return data.SerializeToString()


def worker(row: dict) -> bytes:
    """A `WorkerTableData`."""
    from ray.core.generated import gcs_pb2

    data = gcs_pb2.WorkerTableData(
        is_alive=row["is_alive"],
        worker_type=number_of(gcs_pb2.WorkerTableData, "worker_type", row["worker_type"]),
        pid=row["pid"] or 0,
    )
    data.worker_address.worker_id = identifier(row["worker_id"])
    data.worker_address.node_id = identifier(row["node_id"])
    data.worker_address.ip_address = row["ip"]
    return data.SerializeToString()


def job(row: dict) -> bytes:
    """A `JobTableData`."""
    from ray.core.generated import gcs_pb2

    driver = row["driver_info"]
    data = gcs_pb2.JobTableData(
        job_id=identifier(row["job_id"]),
        is_dead=row["status"] != "RUNNING",
        driver_pid=int(driver["pid"]),
        driver_ip_address=driver["node_ip_address"],
        entrypoint=row["entrypoint"],
        start_time=row["start_time"] or 0,
        end_time=row["end_time"] or 0,
        timestamp=row["end_time"] or row["start_time"] or 0,
    )
    data.driver_address.ip_address = driver["node_ip_address"]
    return data.SerializeToString()


def task_events(row: dict) -> bytes:
    """A `TaskEvents` with the parts of the task, as `ray.timeline()` draws it."""
    from ray.core.generated import gcs_pb2

    events = gcs_pb2.TaskEvents(
        task_id=identifier(row["task_id"]),
        attempt_number=row["attempt_number"],
        job_id=identifier(row["job_id"]),
    )
    info = events.task_info
    info.type = number_of(info, "type", row["type"])
    info.name, info.func_or_class_name = row["name"], row["func_or_class_name"]
    info.job_id, info.task_id = events.job_id, events.task_id
    info.parent_task_id = identifier(row["parent_task_id"])
    info.actor_id = identifier(row["actor_id"])
    info.node_id = identifier(row["node_id"])
    if drawn := row["profiling_data"]:
        profile = events.profile_events
        profile.component_type = drawn["component_type"]
        profile.component_id = identifier(drawn["component_id"])
        profile.node_ip_address = drawn["node_ip_address"]
        for event in drawn["events"]:
            profile.events.add(
                event_name=event["event_name"],
                extra_data=json.dumps(event["extra_data"]),
                start_time=int(event["start_time"] * MILLION),
                end_time=int(event["end_time"] * MILLION),
            )
    return events.SerializeToString()
