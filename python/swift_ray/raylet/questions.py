"""What libraries and tools ask a core worker about objects and actors."""

import logging
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from swift_ray._core import CoreError
from swift_ray._native import ActorID, ObjectRef
from swift_ray.raylet.context import ray_worker

logger = logging.getLogger("ray._raylet")

# How often is looked for objects that are gone.
LOOK_SECONDS = 0.1


class Questions:
    """The part of `CoreWorker` that changes nothing."""

    def _rows(self, resource: str, *filters: tuple[str, bool, str]) -> list[dict]:
        return ray_worker().gcs_client.rows(resource, list(filters))["rows"]

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

    def get_all_reference_counts(self) -> dict[bytes, dict[str, int]]:
        """By the id of an object: how many references of this process and arguments of its calls hold it.

        As in Ray the ids are hexadecimal digits, and handles of actors are not among them.
        """
        rows = self._rows(
            "objects",
            ("worker_id", False, self.get_worker_id().hex()),
            ("reference_type", True, "ACTOR_HANDLE"),
        )
        return {
            row["object_id"].encode(): {"local": row["local_references"], "submitted": row["task_arguments"]}
            for row in rows
        }

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

    def get_disable_job_level_lineage_reconstruction(self) -> bool:
        return bool(self.get_job_config().disable_job_level_lineage_reconstruction)

    def get_local_ongoing_lineage_reconstruction_tasks(self) -> list[tuple[Any, int]]:
        """Tasks that run again for lost results, as far as Python counts them: it does not."""
        return []

    def add_object_out_of_scope_callback(self, ref: ObjectRef, callback: Callable[[bytes], None]) -> bool:
        """Calls back with the object's id soon after nobody refers to it any more; False if that is so already."""
        if not self._is_known(ref.binary()):
            return False
        with self._scope_lock:
            self._scope_callbacks.setdefault(ref.binary(), []).append(callback)
            thread = self._scope_thread or threading.Thread(target=self._look, name="ray.scope", daemon=True)
            if self._scope_thread is None:
                self._scope_thread = thread
                thread.start()
        return True

    def prepare_questions(self) -> None:
        # Destructors, which may run where something is allocated, may want it again.
        self._scope_lock = threading.RLock()
        self._scope_callbacks: dict[bytes, list[Callable[[bytes], None]]] = {}
        self._scope_thread: threading.Thread | None = None

    def _is_known(self, object_id: bytes) -> bool:
        """Whether somebody refers to the object, as far as this process knows."""
        try:
            self.control("owner", object=object_id)
        except CoreError:
            return False
        return True

    def _look(self) -> None:
        """Looks ten times a second which objects are gone, as long as there are any to look for."""
        while True:
            time.sleep(LOOK_SECONDS)
            with self._scope_lock:
                looked_for = list(self._scope_callbacks)
            gone = self._unknown(looked_for)
            with self._scope_lock:
                callbacks = [(one, self._scope_callbacks.pop(one)) for one in gone]
                is_done = not self._scope_callbacks
                if is_done:
                    self._scope_thread = None
            for one, functions in callbacks:
                for function in functions:
                    try:
                        function(one)
                    except BaseException:
                        # It is nobody else's end.
                        logger.error("a callback for %s failed:\n%s", one.hex(), traceback.format_exc())
            if is_done:
                return

    def _unknown(self, objects: list[bytes]) -> list[bytes]:
        """Those that nobody refers to any more: all, once the runtime has ended."""
        try:
            return self.control("unknown_objects", objects=objects)
        except CoreError:
            return objects

    def log_plasma_usage(self) -> None:
        """The store's use is in `ray status`."""
