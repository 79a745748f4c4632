"""Functions that are larger than a value of the key-value store may be."""

import ray  # noqa: F401

from swift_ray.raylet import large_functions


def stored(key, value):
    whole, parts = large_functions.split(key, value)
    return parts | {key: whole}


def test_parts_make_the_function(monkeypatch):
    monkeypatch.setattr(large_functions, "PART_BYTES", 10)
    for count in (0, 1, 10, 11, 20, 95):
        value = bytes(range(count))
        keys = stored(b"F:1", value)
        assert len(keys) == (1 if count <= 10 else 1 + -(-count // 10))
        assert all(key.startswith(b"F:1") for key in keys)
        assert large_functions.join(b"F:1", keys[b"F:1"], keys.get) == value


def test_a_function_with_a_lost_part_is_not_there(monkeypatch):
    monkeypatch.setattr(large_functions, "PART_BYTES", 10)
    keys = stored(b"F:1", bytes(30))
    del keys[b"F:1:1"]
    assert large_functions.join(b"F:1", keys[b"F:1"], keys.get) is None
    assert large_functions.join(b"F:2", None, keys.get) is None
