"""Several raylets on one machine, as Ray's own tests start them."""

import os
import tempfile
from collections.abc import Iterator

import numpy as np
import pytest
import ray
from ray.cluster_utils import Cluster
from ray.exceptions import ActorUnschedulableError, TaskUnschedulableError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from waiting import eventually


@pytest.fixture(scope="module")
def nodes() -> Iterator[tuple]:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "resources": {"head": 1}})
    first = cluster.add_node(num_cpus=2, resources={"first": 1}, labels={"zone": "a"})
    second = cluster.add_node(num_cpus=3, resources={"second": 1})
    cluster.wait_for_nodes()
    ray.init(address=cluster.address, log_to_driver=False)
    yield cluster, first, second
    ray.shutdown()
    cluster.shutdown()


@ray.remote(num_cpus=0)
def place() -> str:
    return ray.get_runtime_context().get_node_id()


def test_driver_is_served_by_the_head(nodes):
    cluster, _, _ = nodes
    assert ray.get_runtime_context().get_node_id() == cluster.head_node.node_id


def test_tables(nodes):
    cluster, first, second = nodes
    table = {node["NodeID"]: node for node in ray.nodes()}
    assert set(table) == {node.node_id for node in (cluster.head_node, first, second)}
    assert all(node["Alive"] for node in table.values())
    assert table[first.node_id]["Resources"]["CPU"] == 2
    assert table[first.node_id]["Labels"]["zone"] == "a"
    assert table[first.node_id]["RayletSocketName"] == first.raylet_socket_name
    assert table[second.node_id]["ObjectStoreSocketName"] == second.plasma_store_socket_name
    assert ray.cluster_resources()["CPU"] == 6
    assert eventually(lambda: ray.available_resources().get("CPU") == 6)


def test_places(nodes):
    cluster, first, second = nodes
    wanted = {"head": cluster.head_node, "first": first, "second": second}
    for name, node in wanted.items():
        assert ray.get(place.options(resources={name: 1}).remote()) == node.node_id


def test_a_wish_for_a_node_that_is_busy(nodes):
    _, first, second = nodes

    @ray.remote(num_cpus=2)
    class Busy:
        def where(self) -> str:
            return ray.get_runtime_context().get_node_id()

    def wish(node):
        return NodeAffinitySchedulingStrategy(node.node_id, soft=True, _spill_on_unavailable=True)

    keeper = Busy.options(resources={"first": 0.1}).remote()
    assert ray.get(keeper.where.remote(), timeout=30) == first.node_id
    other = Busy.options(scheduling_strategy=wish(first)).remote()
    assert ray.get(other.where.remote(), timeout=30) == second.node_id
    assert ray.get(place.options(scheduling_strategy=wish(first)).remote(), timeout=30) == first.node_id
    del keeper, other
    assert eventually(lambda: ray.available_resources().get("CPU") == 6)


def test_a_node_that_is_busy_now_will_not_do(nodes):
    _, first, _ = nodes

    @ray.remote(num_cpus=2)
    class Busy:
        def where(self) -> str:
            return ray.get_runtime_context().get_node_id()

    now = NodeAffinitySchedulingStrategy(first.node_id, soft=False, _fail_on_unavailable=True)
    keeper = Busy.options(scheduling_strategy=now).remote()
    assert ray.get(keeper.where.remote(), timeout=30) == first.node_id
    with pytest.raises(ActorUnschedulableError):
        ray.get(Busy.options(scheduling_strategy=now).remote().where.remote(), timeout=30)
    with pytest.raises(TaskUnschedulableError):
        ray.get(place.options(num_cpus=1, scheduling_strategy=now).remote(), timeout=30)
    assert ray.get(place.options(scheduling_strategy=now).remote(), timeout=30) == first.node_id
    del keeper
    assert eventually(lambda: ray.available_resources().get("CPU") == 6)


def test_spread_takes_nodes_in_turn(nodes):
    call = place.options(num_cpus=1, scheduling_strategy="SPREAD")
    # One after the other each finds all nodes idle; the first ones start workers, for which Ray takes its time.
    assert eventually(lambda: len({ray.get(call.remote(), timeout=30) for _ in range(6)}) == 3)


def test_objects_travel(nodes):
    @ray.remote(num_cpus=0, resources={"first": 0.1})
    def make() -> np.ndarray:
        return np.arange(1_000_000)

    @ray.remote(num_cpus=0, resources={"second": 0.1})
    def total(values: np.ndarray) -> int:
        return int(values.sum())

    values = make.remote()
    assert ray.get(total.remote(values)) == 499_999_500_000
    assert int(ray.get(values)[-1]) == 999_999


def test_wait_brings_objects_here(nodes):
    cluster, first, _ = nodes

    @ray.remote(num_cpus=0, resources={"first": 0.1})
    def make() -> np.ndarray:
        return np.zeros(1 << 20)

    def is_here(reference) -> bool:
        home = cluster.head_node.node_id
        return home in ray.experimental.get_object_locations([reference])[reference]["node_ids"]

    near, one, two = ray.put(1), make.remote(), make.remote()
    ready, _ = ray.wait([one, two], num_returns=2, timeout=60, fetch_local=False)
    assert len(ready) == 2 and not is_here(one) and not is_here(two)
    ready, _ = ray.wait([one], timeout=60)
    assert ready == [one] and eventually(lambda: is_here(one)) and not is_here(two)
    # Also what is not waited for.
    assert ray.wait([near, two], num_returns=1, timeout=60)[0] == [near]
    assert eventually(lambda: is_here(two))
    assert ray.wait([one, two], num_returns=2, timeout=0)[0] == [one, two]


def test_items_of_a_generator_stay_where_they_are(nodes):
    _, first, _ = nodes

    @ray.remote(num_cpus=0, resources={"first": 0.1})
    def items():
        for number in range(3):
            yield np.full(1 << 20, number, dtype=np.uint8)

    references = list(items.remote())
    places = ray.experimental.get_local_object_locations(references)
    assert [places[one]["node_ids"] for one in references] == [[first.node_id]] * 3
    assert [ray.get(one)[0] for one in references] == [0, 1, 2]


def test_a_node_has_a_folder_of_its_own(nodes):
    """As on another machine, where nothing of the head's is to be found."""
    cluster, _, _ = nodes
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:
        node = cluster.add_node(num_cpus=1, resources={"apart": 1}, temp_dir=folder)
        try:
            elsewhere = place.options(resources={"apart": 0.1})
            assert ray.get(elsewhere.remote(), timeout=60) == node.node_id
            assert os.path.isdir(os.path.join(folder, "session_latest", "logs"))
            value = ray.put(np.ones(1 << 20, np.uint8))

            @ray.remote(num_cpus=0, resources={"apart": 0.1})
            def total(array) -> int:
                return int(array.sum())

            assert ray.get(total.remote(value), timeout=60) == 1 << 20
        finally:
            cluster.remove_node(node)


def test_node_leaves_and_another_comes(nodes):
    cluster, _, second = nodes
    cluster.remove_node(second)
    assert eventually(lambda: ray.cluster_resources()["CPU"] == 3)
    assert {node["NodeID"]: node["Alive"] for node in ray.nodes()}[second.node_id] is False
    third = cluster.add_node(num_cpus=1, resources={"third": 1})
    assert ray.get(place.options(resources={"third": 1}).remote(), timeout=60) == third.node_id


def test_actor_moves_when_its_node_dies(nodes):
    cluster, _, _ = nodes
    homes = [cluster.add_node(num_cpus=1, resources={"home": 1}) for _ in range(2)]

    @ray.remote(num_cpus=0, resources={"home": 1}, max_restarts=1, max_task_retries=-1)
    class Resident:
        def node(self) -> str:
            return ray.get_runtime_context().get_node_id()

    resident = Resident.remote()
    before = ray.get(resident.node.remote(), timeout=60)
    cluster.remove_node(next(node for node in homes if node.node_id == before), allow_graceful=False)
    after = next(node.node_id for node in homes if node.node_id != before)
    # The process may outlive its raylet by a moment.
    assert eventually(lambda: ray.get(resident.node.remote(), timeout=60) == after)
