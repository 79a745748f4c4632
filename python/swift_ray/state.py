"""The state API (`ray.util.state`) without a dashboard: its questions go to the control store."""

import contextlib
from collections.abc import Callable
from dataclasses import asdict, fields, is_dataclass
from typing import Any, get_args

# The most that the control store shows in one list (`GCSLimits.stateRowsMax`).
ROWS_MAX = 10_000
PREFIX = "/api/v0/"
# What Ray's dashboard says before the reason of a refusal.
REFUSED = "API server internal error. See dashboard.log file for more details. Error: "
UNKNOWN = "Ray's core in Swift keeps no list of runtime_envs: environments are made by raylets."
NO_EVENTS = "Ray's core in Swift records no events."
NO_CALL_SITES = (
    "Callsite is not being recorded. To record callsite information for each ObjectRef created, set env variable "
    "RAY_record_ref_creation_sites=1 during `ray start` and `ray.init`."
)
# What Ray shows where nothing is known, if neither 0 nor None.
ABSENT = {"object_size": -1, "metadata": {}, "runtime_env": {}}


class StateClient:
    """Methods that take the place of those of `ray.util.state.api.StateApiClient`."""

    def connect(self, address: str | None = None, cookies: Any = None, headers: Any = None) -> None:
        """Finds the cluster: `address`, or the one that this process is connected to, or the one of this machine.

        ConnectionError: there is none.
        """
        self._client = control_store(address)
        self._address = self._client.address

    def request(self, endpoint: str, params: dict, timeout: float, _explain: bool = False) -> dict:
        """The answer that the dashboard's server would give to this question.

        RayStateApiException: nobody keeps such a list, or a filter or limit is none.
        """
        name, _, action = endpoint.removeprefix(PREFIX).partition("/")
        ask = summary if action == "summarize" else listed
        return ask(self._client, name, params, timeout)


def control_store(address: str | None) -> Any:
    """A client of the head at `address`, of the one that this process is connected to, or of the one of this machine.

    ConnectionError: there is none.
    """
    from ray._private import services
    from ray._private.worker import global_worker
    from ray._raylet import GcsClient

    if address in (None, "auto") and global_worker.connected:
        address = global_worker.gcs_client.address
    return GcsClient(address=services.canonicalize_bootstrap_address_or_die(address))


def listed(client: Any, name: str, params: dict, timeout: float) -> dict:
    """A `ListApiResponse`."""
    from ray._private.ray_constants import env_integer

    if name == "runtime_envs":
        raise refusal(UNKNOWN)
    if name == "cluster_events":
        return response([], 0, 0, 0, warnings=[NO_EVENTS])
    limit = int(params.get("limit", 100))
    most = env_integer("RAY_MAX_LIMIT_FROM_API_SERVER", ROWS_MAX)
    if limit > most:
        raise refusal(
            f"{REFUSED}Given limit {limit} exceeds the supported limit {most}. Use a lower limit, or set the "
            "`RAY_MAX_LIMIT_FROM_API_SERVER` environment variable to a larger value."
        )
    # As in Ray not everything is looked at for one list; whoever may not miss anything is told.
    most = min(ROWS_MAX, env_integer("RAY_MAX_LIMIT_FROM_DATA_SOURCE", ROWS_MAX))
    answer = with_notes(client, name, checked(name, params), min(limit, most), params.get("detail"), timeout)
    known = columns(name, bool(params.get("detail", False)))
    rows = [
        {column: absent if row.get(column) is None else row[column] for column, absent in known.items()}
        for row in map(IN_WORDS_OF_RAY.get(name, dict), answer["rows"])
    ]
    missing = answer.get("warnings")
    has_no_sites = name == "objects" and any(row["call_site"] == "disabled" for row in answer["rows"])
    return response(
        rows,
        answer["matched"] + answer["dropped"],
        min(answer["matched"], most),
        min(answer["matched"], most),
        partial="The returned data may contain incomplete result: " + "; ".join(missing) if missing else "",
        warnings=[NO_CALL_SITES] if has_no_sites else None,
    )


def response(
    rows: list, total: int, kept: int, matched: int, partial: str = "", warnings: Any = None
) -> dict:
    return {
        "total": total,
        "num_after_truncation": kept,
        "num_filtered": matched,
        "result": rows,
        "partial_failure_warning": partial,
        "warnings": warnings,
    }


def refusal(sentence: str) -> Exception:
    from ray.util.state.exception import RayStateApiException

    return RayStateApiException(sentence)


def checked(name: str, params: dict) -> list[tuple[str, bool, str]]:
    """The filters as (column, whether it must differ, value). RayStateApiException: one is none, in Ray's words."""
    from ray.util.state import common

    schema = common.resource_to_schema(common.StateResource(name))
    types = {field.name: field.type for field in fields(schema)} if is_dataclass(schema) else {}
    keys, predicates, values = (params.get(f"filter_{part}", []) for part in ("keys", "predicates", "values"))
    filters = []
    for key, predicate, value in zip(keys, predicates, values):
        column = key.lower()
        if column not in schema.filterable_columns():
            raise refusal(
                f"{REFUSED}The given filter column {column} is not supported. Enter filters with –-filter key=value "
                f"or –-filter key!=value Supported filter columns: {schema.filterable_columns()}"
            )
        filters.append((column, predicate == "!=", converted(str(value), types.get(column))))
    return filters


def converted(value: str, type_of_column: Any) -> str:
    """A filter's value as the control store compares it. RayStateApiException: none of the column's type."""
    kinds = {type_of_column, *get_args(type_of_column)}
    if bool in kinds and value.lower() in ("true", "false", "1", "0"):
        return "true" if value.lower() in ("true", "1") else "false"
    if int in kinds and bool not in kinds:
        with contextlib.suppress(ValueError):
            return str(int(value))
    for kind in (bool, int):
        if kind in kinds:
            raise refusal(f"{REFUSED}Failed to convert a value {value} of type {str} to {kind}")
    return value


def with_notes(client: Any, name: str, filters: list, limit: int, is_detailed: Any, timeout: float) -> dict:
    """What the control store lists, with what Ray's debugger has noted there of workers and tasks."""
    from swift_ray.raylet import debugger

    noted, show = debugger.NOTES.get(name, ((), None))
    own = [item for item in filters if item[0] in noted]
    rest = [item for item in filters if item[0] not in noted]
    answer = client.rows(name, rest, ROWS_MAX if own else limit, timeout)
    if own or noted and is_detailed:
        show(client, answer["rows"])
    if not own:
        return answer
    rows = [
        row
        for row in answer["rows"]
        if all((str(row[column]).lower() == value) != differs for column, differs, value in own)
    ]
    return {**answer, "rows": rows[:limit], "matched": len(rows)}


def of_worker(row: dict) -> dict:
    """A worker, with the core's words for its end in those of Python."""
    return {
        **row,
        "exit_detail": (row.get("exit_detail") or "").replace("exitActor()", "exit_actor()") or None,
    }


def of_actor(row: dict) -> dict:
    """An actor, with its death as Ray's table has it."""
    from swift_ray.raylet.failure_words import end_of, of_death

    cause = row.get("death_cause")
    if cause is None:
        return row
    is_of_constructor = cause["error_type"] == "ACTOR_CREATION_FAILED"
    context = {
        "error_message": of_death(cause["error_message"]),
        "actor_id": row["actor_id"],
        "class_name": row["class_name"],
        "name": row["name"],
        "ray_namespace": row["ray_namespace"],
        "pid": row["pid"],
    }
    end = end_of(cause["reason"])
    context["reason"] = end.get("reason", "UNSPECIFIED")
    if "preempted" in end:
        context["node_death_info"] = {"reason": "AUTOSCALER_DRAIN_PREEMPTED"}
    kind = "creation_task_failure_context" if is_of_constructor else "actor_died_error_context"
    return {**row, "death_cause": {kind: context}}


def of_task(row: dict) -> dict:
    """A task, with the reason of its failure as Ray begins it."""
    from swift_ray.raylet.failure_words import of_failure

    message = row.get("error_message")
    if message is None:
        return row
    return {**row, "error_message": of_failure(row["error_type"], message)}


IN_WORDS_OF_RAY: dict[str, Callable[[dict], dict]] = {
    "workers": of_worker,
    "actors": of_actor,
    "tasks": of_task,
}


def summary(client: Any, name: str, params: dict, timeout: float) -> dict:
    """A `SummaryApiResponse`."""
    from ray.util.state import common

    rows = listed(client, name, {"limit": common.RAY_MAX_LIMIT_FROM_API_SERVER, "detail": True}, timeout)
    if name == "tasks":
        counts = common.TaskSummaries.to_summary_by_func_name(tasks=rows["result"])
    elif name == "objects":
        counts = common.ObjectSummaries.to_summary(objects=rows["result"])
    else:
        counts = common.ActorSummaries.to_summary(actors=rows["result"])
    return {**rows, "result": {"node_id_to_summary": {"cluster": asdict(counts)}}}


def columns(name: str, is_detailed: bool) -> dict[str, Any]:
    """The columns of a list, by Ray's schema, with what stands there where nothing is known: it wants some numbers."""
    from ray.util.state import common

    schema = common.resource_to_schema(common.StateResource(name))
    if not is_dataclass(schema):
        return {column: ABSENT.get(column) for column in schema.list_columns(detail=True)}
    shown = set(schema.list_columns(detail=is_detailed))
    return {
        field.name: ABSENT.get(field.name, 0 if field.type is int else None)
        for field in fields(schema)
        if field.name in shown
    }
