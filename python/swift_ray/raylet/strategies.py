"""Where tasks and actors run, in the words of the core."""

from typing import Any


def strategy_fields(strategy: Any, label_selector: dict | None = None) -> list | None:
    """Where to run, as the core reads it (`SchedulingStrategy` in CallTemplate.swift).

    ValueError: not one of Ray's strategies.
    """
    if isinstance(strategy, str) or strategy is None:
        if label_selector:
            return ["labels", dict(label_selector), [], []]
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
        return ["node", strategy.node_id, bool(strategy.soft)]
    if kind == "NodeLabelSchedulingStrategy":
        return label_fields(strategy.hard)
    raise ValueError(f"Invalid scheduling_strategy value {strategy}.")


def label_fields(expressions: list) -> list | None:
    """What must be true of a node's labels. What is only wished (`soft`) does not count."""
    conditions: dict[str, str] = {}
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
            conditions[expression.key] = f"{sign}in({','.join(expression.operator.values)})"
    return ["labels", conditions, present, absent] if expressions else None
