"""The sums of `ray memory`."""

from types import SimpleNamespace

import pytest
import ray  # noqa: F401

from swift_ray import memory

MIB = 1 << 20
SPILLS = {"spilled_bytes": 0, "objects": 0, "restored_bytes": 0}


def totals(listed: int, matched: int, dropped: int = 0, fallback: int = 0):
    """Of a cluster of two nodes that hold 300 objects of 1 MiB each, of which `listed` are listed."""
    node = {"alive": True, "store_capacity": 1000 * MIB, "store_used": 300 * MIB, "objects": 300}
    row = {"object_size": MIB, "stored_on": ["node"], "is_spilled": False}
    client = SimpleNamespace(
        nodes=lambda timeout: [node, node],
        spills=lambda timeout: {**SPILLS, "fallback_bytes": fallback},
        rows=lambda resource, timeout: {
            "rows": [{**row, "object_id": str(number)} for number in range(listed)],
            "matched": matched,
            "dropped": dropped,
        },
    )
    state = SimpleNamespace(_connect_and_get_accessor=lambda: SimpleNamespace(_gcs=client))
    return memory.memory_info(state).store_stats


def test_objects_are_counted_by_the_list_where_it_is_whole():
    stats = totals(listed=500, matched=500)
    assert stats.num_local_objects == stats.num_object_store_primary_copies == 500
    assert stats.object_store_bytes_primary_copy == 500 * MIB
    assert stats.object_store_bytes_used == 600 * MIB


def test_what_is_beyond_the_stores_is_not_in_them():
    stats = totals(listed=900, matched=900, fallback=250 * MIB)
    assert stats.object_store_bytes_fallback == 250 * MIB
    assert stats.object_store_bytes_used == 650 * MIB


@pytest.mark.parametrize("matched, dropped", [(600, 0), (100, 500)])
def test_objects_are_counted_by_the_nodes_where_a_list_is_not_whole(matched, dropped):
    stats = totals(listed=100, matched=matched, dropped=dropped)
    assert stats.num_local_objects == stats.num_object_store_primary_copies == 600
    assert stats.object_store_bytes_primary_copy == stats.object_store_bytes_used == 600 * MIB
