"""Where tasks and actors run, in the words of the core."""

import re
from typing import Any

NODE_ID = "ray.io/node-id"
NODE_ID_TEXT = re.compile("[0-9a-f]{56}")


def strategy_fields(
    strategy: Any, label_selector: dict | None = None, fallback_strategy: list | None = None
) -> list | None:
    """Where to run, as the core reads it (`SchedulingStrategy` in CallTemplate.swift).

    ValueError: not one of Ray's strategies.
    """
    if isinstance(strategy, str) or strategy is None:
        if label_selector and not fallback_strategy and is_node(label_selector):
            # As in Ray a call for one node, which fails where that is gone, and not one that waits for such a node.
            return ["node", label_selector[NODE_ID], False, True]
        if label_selector:
            fallbacks = [fallback.get("label_selector") for fallback in fallback_strategy or []]
            selectors = [[[dict(selector or {}), [], []]] for selector in [label_selector, *fallbacks]]
            return ["labels", selectors, strategy == "SPREAD"]
        if strategy in (None, "DEFAULT", "SPREAD"):
            return ["spread"] if strategy == "SPREAD" else None
        raise ValueError(
            f"Invalid scheduling_strategy value {strategy}. The valid values are "
            "[`DEFAULT` | `SPREAD` | PlacementGroupSchedulingStrategy | NodeAffinitySchedulingStrategy | "
            "NodeLabelSchedulingStrategy]"
        )
    kind = type(strategy).__name__
    if kind == "PlacementGroupSchedulingStrategy":
        group = strategy.placement_group
        if group is None or group.id.is_nil():
            return None
        return [
            "group",
            group.id.binary(),
            strategy.placement_group_bundle_index,
            bool(strategy.placement_group_capture_child_tasks),
        ]
    if kind == "NodeAffinitySchedulingStrategy":
        if strategy._spill_on_unavailable:
            # Where that node has no room now any other will do.
            return ["labels", [[[{NODE_ID: strategy.node_id}, [], []]], [[{}, [], []]]], False]
        return ["node", strategy.node_id, bool(strategy.soft), not strategy._fail_on_unavailable]
    if kind == "NodeLabelSchedulingStrategy":
        hard = conditions(strategy.hard)
        # What is wished counts while a node with room has it.
        return ["labels", [[hard, conditions(strategy.soft)], [hard]] if strategy.soft else [[hard]], False]
    raise ValueError(f"Invalid scheduling_strategy value {strategy}.")


def is_node(label_selector: dict) -> bool:
    """Whether nodes are told apart by their ids alone, and one is named."""
    return list(label_selector) == [NODE_ID] and NODE_ID_TEXT.fullmatch(label_selector[NODE_ID]) is not None


def conditions(expressions: list) -> list:
    """What must be true of a node's labels: conditions in Ray's notation, keys that are there, keys that are not."""
    values: dict[str, str] = {}
    present: list[str] = []
    absent: list[str] = []
    for expression in expressions:
        operator = type(expression.operator).__name__
        if operator == "Exists":
            present.append(expression.key)
        elif operator == "DoesNotExist":
            absent.append(expression.key)
        else:
            sign = "" if operator == "In" else "!"
            values[expression.key] = f"{sign}in({','.join(expression.operator.values)})"
    return [values, present, absent]
