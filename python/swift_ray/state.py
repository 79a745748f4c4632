"""The state API (`ray.util.state`) without a dashboard: its questions go to the control store."""

from dataclasses import asdict, fields, is_dataclass
from typing import Any

# The most that one list shows.
ROWS_MAX = 10_000
PREFIX = "/api/v0/"
# What Ray writes where a number is not known, if not 0.
ABSENT = {"object_size": -1}
# Lists of which the control store knows nothing.
UNKNOWN = {
    "runtime_envs": "environments are made by raylets",
    "cluster_events": "no events are recorded",
}


class StateClient:
    """Methods that take the place of those of `ray.util.state.api.StateApiClient`."""

    def connect(self, address: str | None = None, cookies: Any = None, headers: Any = None) -> None:
        """Finds the cluster: `address`, or the one that this process is connected to, or the one of this machine.

        ConnectionError: there is none.
        """
        from ray._private import services
        from ray._private.worker import global_worker
        from ray._raylet import GcsClient

        if address in (None, "auto") and global_worker.connected:
            address = global_worker.gcs_client.address
        self._address = services.canonicalize_bootstrap_address_or_die(address)
        self._client = GcsClient(address=self._address)

    def request(self, endpoint: str, params: dict, timeout: float, _explain: bool = False) -> dict:
        """The answer that the dashboard's server would give to this question.

        RayStateApiException: nobody keeps such a list.
        """
        name, _, action = endpoint.removeprefix(PREFIX).partition("/")
        ask = summary if action == "summarize" else listed
        return ask(self._client, name, params, timeout)


def listed(client: Any, name: str, params: dict, timeout: float) -> dict:
    """A `ListApiResponse`."""
    from ray.util.state.exception import RayStateApiException

    if name in UNKNOWN:
        raise RayStateApiException(f"Ray's core in Swift keeps no list of {name}: {UNKNOWN[name]}.")
    keys, predicates, values = (params.get(f"filter_{part}", []) for part in ("keys", "predicates", "values"))
    filters = [
        (key, predicate == "!=", str(value)) for key, predicate, value in zip(keys, predicates, values)
    ]
    answer = worker_rows(client, filters, params, timeout) if name == "workers" else None
    answer = answer or client.rows(name, filters, params.get("limit", 100), timeout)
    known = columns(name, bool(params.get("detail", False)))
    return {
        "total": answer["matched"] + answer["dropped"],
        "num_after_truncation": answer["matched"],
        "num_filtered": answer["matched"],
        "result": [
            {column: absent if row.get(column) is None else row[column] for column, absent in known.items()}
            for row in answer["rows"]
        ],
        "partial_failure_warning": "",
        "warnings": None,
    }


def worker_rows(client: Any, filters: list, params: dict, timeout: float) -> dict | None:
    """The list of workers with what Ray's debugger tells of them; nothing if that is not asked for."""
    from swift_ray.raylet import debugger

    own = [item for item in filters if item[0] in debugger.COLUMNS]
    if not own and not params.get("detail", False):
        return None
    rest = [item for item in filters if item[0] not in debugger.COLUMNS]
    answer = client.rows("workers", rest, ROWS_MAX if own else params.get("limit", 100), timeout)
    debugger.show(client, answer["rows"])
    for row in answer["rows"]:
        if detail := row.get("exit_detail"):
            # The core says it in Swift's words.
            row["exit_detail"] = detail.replace("exitActor()", "exit_actor()")
    if not own:
        return answer
    rows = [
        row
        for row in answer["rows"]
        if all((str(row.get(column, 0)) == value) != differs for column, differs, value in own)
    ]
    return {**answer, "rows": rows[: params.get("limit", 100)], "matched": len(rows)}


def summary(client: Any, name: str, params: dict, timeout: float) -> dict:
    """A `SummaryApiResponse`."""
    from ray.util.state import common

    rows = listed(client, name, {"limit": ROWS_MAX, "detail": True}, timeout)
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
        return dict.fromkeys(schema.list_columns(detail=True))
    shown = set(schema.list_columns(detail=is_detailed))
    return {field.name: 0 if field.type is int else None for field in fields(schema) if field.name in shown}
