"""Label selectors of nodes: "value", "!value", "in(a,b)" and "!in(a,b)"."""


def _matches(label: str | None, key: str, condition: str) -> bool:
    is_wanted = not condition.startswith("!")
    condition = condition.removeprefix("!")
    if condition.startswith("in(") and condition.endswith(")"):
        if condition == "in()":
            operator = "in" if is_wanted else "!in"
            raise ValueError(f"No values provided for Label Selector '{operator}' operator on key '{key}'.")
        values = condition[3:-1].split(",")
    else:
        values = [condition]
    return (label in values) == is_wanted


def node_labels_match_selector(node_labels: dict[str, str] | None, selector: dict[str, str] | None) -> bool:
    """Whether a node with these labels meets every condition; a negated one is also met where the label is absent.

    ValueError: a key or a value that is no text, or "in()" without values.
    """
    labels = node_labels or {}
    for value in labels.values():
        if not isinstance(value, str):
            raise ValueError(f"Label value must be string, but got {type(value)}")
    for key, condition in (selector or {}).items():
        if not isinstance(key, str) or not key:
            raise ValueError("Label selector key must be a non-empty string.")
        if not isinstance(condition, str):
            raise ValueError(f"Label selector value must be string, but got {type(condition)}")
    return all(_matches(labels.get(key), key, condition) for key, condition in (selector or {}).items())
