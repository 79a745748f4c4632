"""Where tasks run, beside placement groups."""

import pytest
import ray
from ray.exceptions import ActorUnschedulableError, GetTimeoutError, TaskUnschedulableError
from ray.util.scheduling_strategies import (
    DoesNotExist,
    Exists,
    In,
    NodeAffinitySchedulingStrategy,
    NodeLabelSchedulingStrategy,
    NotIn,
)

pytestmark = pytest.mark.usefixtures("cluster")


@ray.remote
def node():
    return ray.get_runtime_context().get_node_id()


@pytest.fixture
def here():
    (only,) = ray.nodes()
    return only["NodeID"]


@pytest.mark.parametrize("soft", [False, True])
def test_on_a_node(here, soft):
    strategy = NodeAffinitySchedulingStrategy(here, soft=soft)
    assert ray.get(node.options(scheduling_strategy=strategy).remote()) == here


def test_on_a_node_that_is_not_there(here):
    elsewhere = "ab" * 28
    strategy = NodeAffinitySchedulingStrategy(elsewhere, soft=True)
    assert ray.get(node.options(scheduling_strategy=strategy).remote()) == here
    strategy = NodeAffinitySchedulingStrategy(elsewhere, soft=False)
    with pytest.raises(TaskUnschedulableError):
        ray.get(node.options(scheduling_strategy=strategy).remote(), timeout=30)


def test_a_node_named_by_its_label(here):
    key = "ray.io/node-id"
    assert ray.get(node.options(label_selector={key: here}).remote(), timeout=30) == here
    with pytest.raises(TaskUnschedulableError):
        ray.get(node.options(label_selector={key: "ab" * 28}).remote(), timeout=30)
    with pytest.raises(TaskUnschedulableError):
        ray.get(node.options(label_selector={key: here}, resources={"none": 1}).remote(), timeout=30)

    @ray.remote
    class Placed:
        def where(self):
            return ray.get_runtime_context().get_node_id()

    nowhere = Placed.options(label_selector={key: "ab" * 28}).remote()
    with pytest.raises(ActorUnschedulableError):
        ray.get(nowhere.where.remote(), timeout=30)


def test_spread(here):
    assert ray.get(node.options(scheduling_strategy="SPREAD").remote()) == here
    with pytest.raises(ValueError, match="Invalid scheduling_strategy value"):
        node.options(scheduling_strategy="NOWHERE").remote()


def test_labels_of_nodes(here):
    key = "ray.io/node-id"
    for hard in ({key: In(here)}, {key: Exists()}, {key: NotIn("x")}, {"zone": DoesNotExist()}):
        strategy = NodeLabelSchedulingStrategy(hard)
        assert ray.get(node.options(scheduling_strategy=strategy).remote(), timeout=30) == here
    only_wished = NodeLabelSchedulingStrategy({}, soft={"zone": Exists()})
    assert ray.get(node.options(scheduling_strategy=only_wished).remote(), timeout=30) == here
    for hard in ({key: In("x")}, {"zone": Exists()}, {key: DoesNotExist()}):
        call = node.options(scheduling_strategy=NodeLabelSchedulingStrategy(hard)).remote()
        with pytest.raises(GetTimeoutError):
            ray.get(call, timeout=0.5)
        ray.cancel(call)


def test_label_selectors(here):
    for selector in ({"ray.io/node-id": here}, {"zone": "!moon"}, {"ray.io/node-id": f"in({here},x)"}):
        assert ray.get(node.options(label_selector=selector).remote(), timeout=30) == here
    call = node.options(label_selector={"zone": "moon"}).remote()
    with pytest.raises(GetTimeoutError):
        ray.get(call, timeout=0.5)
    ray.cancel(call)


def test_fallbacks(here):
    elsewhere, home = {"label_selector": {"zone": "mars"}}, {"label_selector": {"ray.io/node-id": here}}
    call = node.options(label_selector={"zone": "moon"}, fallback_strategy=[elsewhere, home])
    assert ray.get(call.remote(), timeout=30) == here
    # Without conditions any node will do.
    call = node.options(label_selector={"zone": "moon"}, fallback_strategy=[{"label_selector": {}}])
    assert ray.get(call.remote(), timeout=30) == here
    assert ray.get(node.options(fallback_strategy=[elsewhere]).remote(), timeout=30) == here
    waiting = node.options(label_selector={"zone": "moon"}, fallback_strategy=[elsewhere]).remote()
    with pytest.raises(GetTimeoutError):
        ray.get(waiting, timeout=0.5)
    ray.cancel(waiting)
    with pytest.raises(ValueError, match="Unsupported option"):
        node.options(label_selector={"zone": "moon"}, fallback_strategy=[{"num_cpus": 1}]).remote()


def test_wishes(here):
    hard = {"ray.io/node-id": In(here)}
    for soft in ({"zone": Exists()}, {"ray.io/node-id": In("x")}, {"zone": DoesNotExist()}):
        strategy = NodeLabelSchedulingStrategy(hard, soft=soft)
        assert ray.get(node.options(scheduling_strategy=strategy).remote(), timeout=30) == here


def test_actors_by_label(here):
    @ray.remote
    class Here:
        def node(self):
            return ray.get_runtime_context().get_node_id()

    actor = Here.options(label_selector={"ray.io/node-id": here}).remote()
    assert ray.get(actor.node.remote(), timeout=30) == here
    fallback = [{"label_selector": {"ray.io/node-id": here}}]
    actor = Here.options(label_selector={"zone": "moon"}, fallback_strategy=fallback).remote()
    assert ray.get(actor.node.remote(), timeout=30) == here
