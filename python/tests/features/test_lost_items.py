"""Items of generators, passed on as Ray Data does it, on nodes that die."""

import gc
import os
from collections.abc import Iterator

import numpy as np
import pytest
import ray
from ray.cluster_utils import Cluster

SIZE = 1_000_000


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    ray.init(address=cluster.address, log_to_driver=False)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@ray.remote(num_cpus=1, max_retries=3)
def numbers(count: int):
    for number in range(count):
        yield np.full(SIZE, number, dtype=np.int8)


@ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=3)
class Maker:
    def numbers(self, count: int):
        for number in range(count):
            yield np.full(SIZE, number, dtype=np.int8)


@ray.remote(num_cpus=1, resources={"user": 1})
def plus_one(values: np.ndarray) -> np.ndarray:
    return values + 1


def first_of(values: ray.ObjectRef) -> int:
    return int(ray.get(values, timeout=60)[0])


@pytest.mark.parametrize("is_actor", [False, True])
def test_generator_is_let_go(cluster, is_actor):
    """What was made of an item comes again, though neither the item nor its generator is held."""
    node = cluster.add_node(num_cpus=2, resources={"user": 1})
    cluster.wait_for_nodes()
    maker = Maker.remote() if is_actor else None
    items = maker.numbers.remote(4) if maker else numbers.remote(4)
    kept = next(items)
    made = [plus_one.remote(kept), plus_one.remote(next(items))]
    ready, _ = ray.wait(made, num_returns=2, timeout=60, fetch_local=False)
    assert len(ready) == 2
    del items
    gc.collect()
    cluster.remove_node(node, allow_graceful=False)
    cluster.add_node(num_cpus=2, resources={"user": 1})
    assert first_of(kept) == 0
    assert [first_of(value) for value in made] == [1, 2]


@pytest.mark.skipif(
    os.environ.get("SWIFT_RAY") == "0",
    reason="Ray's own core makes the item again only when its reader goes on",
)
def test_lost_while_it_waits_for_its_reader(cluster):
    """A generator with a limit runs again for a lost item, though nobody has read on."""
    cluster.add_node(num_cpus=1, resources={"maker": 1})
    user = cluster.add_node(num_cpus=1, resources={"user": 1})
    cluster.wait_for_nodes()
    items = numbers.options(resources={"maker": 1}, _generator_backpressure_num_objects=1).remote(3)
    made = plus_one.remote(next(items))
    ready, _ = ray.wait([made], timeout=60, fetch_local=False)
    assert ready
    cluster.add_node(num_cpus=1, resources={"user": 1})
    cluster.remove_node(user, allow_graceful=False)
    assert first_of(made) == 1
    assert [first_of(item) for item in items] == [1, 2]
