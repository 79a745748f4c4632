"""Room beyond the store: what finds none in a store that is full of what is read lies in a file, and is read in place."""

import gc
import os
import time
from collections.abc import Callable, Iterator

import numpy as np
import psutil
import pytest
import ray
from ray._private.internal_api import memory_summary
from ray.cluster_utils import Cluster

MB = 1 << 20


@pytest.fixture
def folder(tmp_path) -> Iterator[str]:
    """Where the file is, of a node with a store of 100 MB."""
    ray.init(
        "local",
        num_cpus=2,
        object_store_memory=100 * MB,
        include_dashboard=False,
        log_to_driver=False,
        object_spilling_directory=str(tmp_path),
    )
    yield str(tmp_path)
    ray.shutdown()


def array(megabytes: int, number: int) -> np.ndarray:
    return np.full(megabytes * MB // 8, number, dtype=np.int64)


def is_whole(value: np.ndarray, megabytes: int, number: int) -> bool:
    return len(value) == megabytes * MB // 8 and bool((value == number).all())


def mappings(folder: str) -> int:
    return sum(one.path.startswith(folder) for one in psutil.Process().memory_maps(grouped=False))


def eventually(check: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end
        time.sleep(0.1)


def is_in_file(megabytes: int) -> bool:
    """Whether the statistics of stores tell of so much in the file."""
    summary = memory_summary(stats_only=True)
    return (
        (f"Plasma filesystem mmap usage: {megabytes} MiB" in summary)
        if megabytes
        else "mmap usage" not in summary
    )


def test_a_put_beyond_what_is_read(folder):
    first = ray.get(ray.put(array(60, 1)))
    assert mappings(folder) == 0
    reference = ray.put(array(60, 2))
    second = ray.get(reference)
    assert is_whole(first, 60, 1) and is_whole(second, 60, 2)
    assert not second.flags.writeable and mappings(folder) == 1
    # Nobody copies it a second time.
    again = ray.get(reference)
    assert again is not second and is_whole(again, 60, 2)
    eventually(lambda: is_in_file(60))
    del second, again
    gc.collect()
    assert mappings(folder) == 0
    del reference
    eventually(lambda: is_in_file(0))
    assert is_whole(first, 60, 1)


def test_more_than_the_store(folder):
    @ray.remote
    def total(value):
        return int(value.sum())

    @ray.remote
    def make(number):
        # Not by `array`: workers do not find this module.
        return np.full(150 * MB // 8, number, dtype=np.int64)

    assert ray.get(total.remote(ray.put(array(150, 3)))) == 3 * 150 * MB // 8
    assert is_whole(ray.get(make.remote(4)), 150, 4)
    assert ray.get(total.remote(make.remote(5))) == 5 * 150 * MB // 8
    eventually(lambda: is_in_file(0))


def test_back_from_the_disk(folder):
    references = [ray.put(array(40, number)) for number in range(5)]
    held = ray.get(ray.put(array(80, 9)))
    # All of the five are spilled; at once they do not fit, and nothing makes room for any of them.
    values = ray.get(references)
    assert all(is_whole(value, 40, number) for number, value in enumerate(values))
    assert is_whole(held, 80, 9)


def test_a_reader_outlives_the_reference(folder):
    value = ray.get(ray.put(array(150, 7)))
    others = [ray.put(array(150, 8)) for _ in range(2)]
    assert is_whole(value, 150, 7)
    del others
    gc.collect()
    assert is_whole(value, 150, 7)


def test_nothing_is_left(tmp_path):
    ray.init("local", num_cpus=1, object_store_memory=100 * MB, object_spilling_directory=str(tmp_path))
    value = ray.get(ray.put(array(150, 1)))
    # What is in the file has no name that could stay behind.
    assert [name for name in os.listdir(tmp_path) if os.path.isfile(tmp_path / name)] == []
    ray.shutdown()
    assert is_whole(value, 150, 1)


def test_between_nodes():
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 100 * MB})
    try:
        cluster.add_node(num_cpus=1, object_store_memory=100 * MB, resources={"other": 1})
        ray.init(address=cluster.address, log_to_driver=False)

        @ray.remote(resources={"other": 1})
        def there(references):
            return int(ray.get(references[0]).sum()), np.full(150 * MB // 8, 6, dtype=np.int64)

        total, value = ray.get(there.options(num_returns=2).remote([ray.put(array(150, 5))]))
        assert total == 5 * 150 * MB // 8
        assert is_whole(value, 150, 6)
    finally:
        ray.shutdown()
        cluster.shutdown()


def test_tasks_leave_a_node_with_a_full_store():
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 8, "object_store_memory": 100 * MB})
    try:
        cluster.add_node(num_cpus=8, object_store_memory=100 * MB)
        ray.init(address=cluster.address, log_to_driver=False)
        here = ray.get_runtime_context().get_node_id()

        @ray.remote
        def node():
            return ray.get_runtime_context().get_node_id()

        assert ray.get(node.remote()) == here
        kept = ray.put(np.zeros(70 * MB, dtype=np.uint8))
        # The head hears of it once a second, and the lease of the first task is kept for a while.
        end = time.monotonic() + 20
        while ray.get(node.remote()) == here:
            assert time.monotonic() < end
            time.sleep(1.5)
        del kept
    finally:
        ray.shutdown()
        cluster.shutdown()
