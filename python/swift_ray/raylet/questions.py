"""What libraries and tools ask a core worker about objects and actors."""

from typing import Any

from swift_ray._native import ActorID, ObjectRef

# The most rows of one list (`GCSLimits.stateRowsMax`).
ROWS_MAX = 10_000


class Questions:
    """The part of `CoreWorker` that looks and changes nothing."""

    def _rows(self, resource: str, *filters: tuple[str, bool, str]) -> list[dict]:
        return self.control("state", resource=resource, filters=filters, limit=ROWS_MAX, detail=True)["rows"]

    def get_local_actor_state(self, actor_id: ActorID) -> int | None:
        """The number of the actor's `ActorTableData.ActorState`; None if nobody knows it."""
        from ray.core.generated import gcs_pb2

        rows = self._rows("actors", ("actor_id", False, actor_id.hex()))
        return gcs_pb2.ActorTableData.ActorState.Value(rows[0]["state"]) if rows else None

    def list_named_actors(self, all_namespaces: bool) -> list[tuple[str, str]]:
        """(namespace, name) of the actors that can be found by name."""
        own = self.get_job_config().ray_namespace
        return [
            (row["ray_namespace"], row["name"])
            for row in self._rows("actors", ("state", True, "DEAD"))
            if row["name"] and (all_namespaces or row["ray_namespace"] == own)
        ]

    def get_local_object_locations(self, object_refs: list[ObjectRef]) -> dict[ObjectRef, dict[str, Any]]:
        """Where this process knows the objects to be; those that are not there yet are on no node, with no size."""
        return {ref: self._location(ref) for ref in object_refs}

    def get_object_locations(
        self, object_refs: list[ObjectRef], timeout_ms: int
    ) -> dict[ObjectRef, dict[str, Any]]:
        """The same: nobody else is asked."""
        return self.get_local_object_locations(object_refs)

    def _location(self, ref: ObjectRef) -> dict[str, Any]:
        found = self.control("location", object=ref.binary())
        nodes = [] if found is None else [node.hex() for node in found["nodes"]]
        return {"node_ids": nodes, "object_size": found and found["bytes"], "did_spill": False}

    def log_plasma_usage(self) -> None:
        """The store's use is in `ray status`."""
