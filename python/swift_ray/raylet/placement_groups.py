"""Placement groups: created, awaited, removed, and the one in which the caller runs."""

import time
from typing import Any

from swift_ray import _core
from swift_ray._core import CoreError
from swift_ray._native import ObjectRef, PlacementGroupID
from swift_ray.raylet import context
from swift_ray.raylet.core_error import GET_TIMEOUT, NOT_FOUND, ray_exception
from swift_ray.raylet.objects import task_id

TASK_GROUP_REMOVED = 16
# How long one question waits: signals are looked for in between.
SLICE_MS = 500


class PlacementGroups:
    """The part of `CoreWorker` that is about placement groups."""

    # The placement group of the actor that lives in this process, and whether its children go there, too.
    _actor_placement: tuple[bytes, bool] | None

    def create_placement_group(
        self,
        name: str,
        bundles: list[dict[str, float]],
        strategy: str,
        is_detached: bool,
        soft_target_node_id: str | None = None,
        bundle_label_selector: list[dict[str, str]] | None = None,
        topology_strategy: dict[str, str] | None = None,
    ) -> PlacementGroupID:
        """The id of a group that the cluster knows and will place, at the soft target if there is room."""
        if topology_strategy:
            raise ValueError(f"this cluster knows no topologies ({topology_strategy}); give `strategy`")
        payload = {
            "name": name or "",
            "bundles": [{key: float(amount) for key, amount in bundle.items()} for bundle in bundles],
            "strategy": strategy,
            "detached": bool(is_detached),
            "labels": bundle_label_selector or [],
            "soft_target": soft_target_node_id,
        }
        try:
            return PlacementGroupID(self.control_packed("create_group", payload))
        except CoreError as error:
            raise ray_exception(error) from None

    def remove_placement_group(self, placement_group_id: PlacementGroupID) -> None:
        """Ends the group, and what runs in it. A group that is not known is none that must be removed."""
        try:
            self.control("remove_group", group=placement_group_id.binary())
        except CoreError as error:
            if error.args[0] != NOT_FOUND:
                raise ray_exception(error) from None

    def wait_placement_group_ready(
        self, placement_group_id: PlacementGroupID, timeout_seconds: float
    ) -> bool:
        """Whether all bundles have a node in time; negative: without limit."""
        deadline = None if timeout_seconds < 0 else time.monotonic() + timeout_seconds
        while True:
            left = SLICE_MS if deadline is None else int(1000 * (deadline - time.monotonic()))
            try:
                self.control(
                    "await_group",
                    group=placement_group_id.binary(),
                    milliseconds=max(0, min(left, SLICE_MS)),
                )
                return True
            except CoreError as error:
                if error.args[0] == TASK_GROUP_REMOVED:
                    raise Exception(f"Placement group {placement_group_id} does not exist.") from None
                if error.args[0] != GET_TIMEOUT:
                    raise ray_exception(error) from None
            if left <= 0:
                return False

    def async_wait_placement_group_ready(
        self, placement_group_id: PlacementGroupID, serialized_object: Any
    ) -> ObjectRef:
        """An object that is there when the group is."""
        value = [_core.pack(serialized_object), serialized_object.metadata, []]
        payload = {"group": placement_group_id.binary(), "value": value, "task": task_id()}
        try:
            promise = self.control_packed("promise_group", payload)
        except CoreError as error:
            raise ray_exception(error) from None
        reference = ObjectRef(promise, self._address)
        # The promise came with a reference of its own, the new ObjectRef counts another one.
        _core.remove_reference(reference)
        return reference

    # Where the caller runs

    def _placement(self) -> tuple[bytes, bool] | None:
        if self._actor_placement is not None:
            return self._actor_placement
        task = context.current()
        return None if task is None else task.placement

    def get_placement_group_id(self) -> PlacementGroupID:
        placement = self._placement()
        return PlacementGroupID.nil() if placement is None else PlacementGroupID(placement[0])

    def should_capture_child_tasks_in_placement_group(self) -> bool:
        placement = self._placement()
        return placement is not None and placement[1]
