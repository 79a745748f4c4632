"""Placement groups."""

import time

import pytest
import ray
from ray.exceptions import GetTimeoutError, RayActorError, RaySystemError, TaskPlacementGroupRemoved
from ray.util import get_placement_group, placement_group, placement_group_table, remove_placement_group
from ray.util.placement_group import PlacementGroup, get_current_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

pytestmark = pytest.mark.usefixtures("cluster")


@pytest.fixture
def group():
    """A group of two bundles with one CPU each, ready."""
    group = placement_group([{"CPU": 1}, {"CPU": 1}])
    ray.get(group.ready(), timeout=30)
    yield group
    remove_placement_group(group)


def inside(group, bundle=-1, captures=False):
    return PlacementGroupSchedulingStrategy(
        group,
        placement_group_bundle_index=bundle,
        placement_group_capture_child_tasks=captures,
    )


@ray.remote(num_cpus=1)
def where():
    own = ray.get_runtime_context()
    group = get_current_placement_group()
    if group is not None:
        assert own.get_placement_group_id() == group.id.hex()
    return group, own.should_capture_child_tasks_in_placement_group


@ray.remote(num_cpus=1)
def parent():
    return where.remote()


@ray.remote(num_cpus=1)
class Placed:
    def child(self):
        return where.remote()

    def where(self):
        return get_current_placement_group()

    def sleep(self, seconds):
        time.sleep(seconds)


def until(condition):
    """Waits until it is true, for half a minute at most."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_ready_gives_the_group(group):
    assert ray.get(group.ready()) == group
    assert group.wait(5)
    assert group.bundle_specs == [{"CPU": 1.0}, {"CPU": 1.0}]
    assert group.bundle_count == 2


def test_a_group_reserves(group):
    until(lambda: ray.available_resources().get("CPU") == 2)
    assert ray.cluster_resources()["CPU"] == 4


def test_tasks_run_in_it(group):
    assert ray.get(where.options(scheduling_strategy=inside(group)).remote()) == (group, False)
    assert ray.get(where.options(scheduling_strategy=inside(group, 1)).remote()) == (group, False)
    assert ray.get(where.remote()) == (None, False)
    assert get_current_placement_group() is None
    assert ray.get_runtime_context().get_placement_group_id() is None


def test_children_follow_only_if_captured(group):
    outer = parent.options(scheduling_strategy=inside(group))
    assert ray.get(ray.get(outer.remote())) == (None, False)
    outer = parent.options(scheduling_strategy=inside(group, captures=True))
    assert ray.get(ray.get(outer.remote())) == (group, True)


@pytest.mark.parametrize("captures", [False, True])
def test_actors_run_in_it(group, captures):
    actor = Placed.options(scheduling_strategy=inside(group, 0, captures)).remote()
    assert ray.get(actor.where.remote()) == group
    assert ray.get(ray.get(actor.child.remote())) == ((group, True) if captures else (None, False))
    ray.kill(actor)


def test_bundles_bound_what_runs(group):
    first = Placed.options(scheduling_strategy=inside(group, 0)).remote()
    ray.get(first.where.remote())
    second = where.options(scheduling_strategy=inside(group, 0)).remote()
    assert ray.wait([second], timeout=0.5)[0] == []
    assert ray.get(where.options(scheduling_strategy=inside(group, 1)).remote())[0] == group
    ray.kill(first)
    assert ray.get(second, timeout=30)[0] == group


def test_a_group_that_does_not_fit_waits():
    group = placement_group([{"CPU": 100}])
    assert not group.wait(1)
    ready = group.ready()
    with pytest.raises(GetTimeoutError):
        ray.get(ready, timeout=0.2)
    assert placement_group_table(group)["state"] == "PENDING"
    remove_placement_group(group)
    with pytest.raises(TaskPlacementGroupRemoved):
        ray.get(ready, timeout=30)
    until(lambda: placement_group_table(group)["state"] == "REMOVED")
    remove_placement_group(group)


def test_tasks_can_be_submitted_before_it_is_ready():
    group = placement_group([{"CPU": 1}])
    assert ray.get(where.options(scheduling_strategy=inside(group)).remote())[0] == group
    remove_placement_group(group)


def test_removing_ends_what_runs():
    group = placement_group([{"CPU": 1}])
    actor = Placed.options(scheduling_strategy=inside(group)).remote()
    assert ray.get(actor.where.remote()) == group
    call = actor.sleep.remote(60)
    remove_placement_group(group)
    with pytest.raises(RayActorError):
        ray.get(call, timeout=30)
    until(lambda: ray.available_resources().get("CPU") == 4)


def test_the_table(group):
    entry = placement_group_table(group)
    (node,) = ray.nodes()
    assert entry["placement_group_id"] == group.id.hex()
    assert entry["bundles"] == {0: {"CPU": 1.0}, 1: {"CPU": 1.0}}
    assert entry["bundles_to_node_id"] == {0: node["NodeID"], 1: node["NodeID"]}
    assert (entry["name"], entry["strategy"], entry["state"]) == ("", "PACK", "CREATED")
    assert entry["stats"]["scheduling_state"] == "FINISHED"
    assert placement_group_table()[group.id.hex()]["state"] == "CREATED"
    assert placement_group_table(PlacementGroup(ray.PlacementGroupID.of(ray.JobID.from_int(1)))) == {}


@pytest.mark.parametrize("bundle", [{"CPU": 100}, {"CPU": 1, "GPU": 1}])
def test_groups_that_fit_no_node(bundle):
    group = placement_group([bundle], strategy="STRICT_PACK")
    until(lambda: placement_group_table(group)["stats"]["scheduling_state"] == "INFEASIBLE")
    remove_placement_group(group)


def test_groups_that_find_no_room(group):
    late = placement_group([{"CPU": 1}] * 3, strategy="STRICT_PACK")
    until(lambda: placement_group_table(late)["stats"]["scheduling_state"] == "NO_RESOURCES")
    remove_placement_group(late)


def test_names():
    group = placement_group([{"CPU": 1}], name="mine")
    found = get_placement_group("mine")
    assert found == group
    assert found.bundle_specs == [{"CPU": 1.0}]
    with pytest.raises(RaySystemError, match="because name 'mine' already exists"):
        placement_group([{"CPU": 1}], name="mine")
    remove_placement_group(group)
    until(lambda: placement_group_table(group)["state"] == "REMOVED")
    with pytest.raises(ValueError, match="Failed to look up placement group with name: mine"):
        get_placement_group("mine")
    again = placement_group([{"CPU": 1}], name="mine")
    assert again.wait(30)
    remove_placement_group(again)


@pytest.mark.parametrize("strategy", ["PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD"])
def test_strategies(strategy):
    group = placement_group([{"CPU": 1}, {"CPU": 1}], strategy=strategy)
    # There is one node only.
    assert group.wait(2 if strategy == "STRICT_SPREAD" else 30) == (strategy != "STRICT_SPREAD")
    assert placement_group_table(group)["strategy"] == strategy
    remove_placement_group(group)


def test_a_wished_node():
    (node,) = ray.nodes()
    for target in (node["NodeID"], "ab" * 28):
        group = placement_group([{"CPU": 1}], strategy="STRICT_PACK", _soft_target_node_id=target)
        assert group.wait(30)
        remove_placement_group(group)
    with pytest.raises(ValueError, match="STRICT_PACK"):
        placement_group([{"CPU": 1}], _soft_target_node_id=node["NodeID"])


def test_a_group_ends_with_the_detached_actor_that_made_it():
    @ray.remote(num_cpus=0)
    class Maker:
        def make(self, lifetime):
            group = placement_group([{"CPU": 1}], lifetime=lifetime)
            ray.get(group.ready())
            return group

    maker = Maker.options(lifetime="detached").remote()
    group, detached = ray.get([maker.make.remote(None), maker.make.remote("detached")])
    ray.kill(maker)
    until(lambda: placement_group_table(group)["state"] == "REMOVED")
    assert placement_group_table(detached)["state"] == "CREATED"
    remove_placement_group(detached)


def test_labels_of_bundles():
    (node,) = ray.nodes()
    group = placement_group([{"CPU": 1}], bundle_label_selector=[{"ray.io/node-id": node["NodeID"]}])
    assert group.wait(30)
    remove_placement_group(group)
    other = placement_group([{"CPU": 1}], bundle_label_selector=[{"zone": "moon"}])
    assert not other.wait(1)
    remove_placement_group(other)


def test_bad_requests(group):
    with pytest.raises(ValueError, match="cannot fit into any bundles"):
        where.options(num_cpus=3, scheduling_strategy=inside(group)).remote()
    with pytest.raises(ValueError, match="placement group bundle index 7 is invalid"):
        where.options(scheduling_strategy=inside(group, 7)).remote()
    with pytest.raises(ValueError, match="Bundles cannot be an empty dictionary"):
        placement_group([{"CPU": 0}])
