"""Accelerators that are counted like GPUs, and many kinds of resources: no device is needed to count them."""

import os
import sys
import time
from collections.abc import Iterator

import pytest
import ray
import ray.cloudpickle

# Workers cannot import this file.
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])

VARIABLES = {
    "TPU": "TPU_VISIBLE_CHIPS",
    "neuron_cores": "NEURON_RT_VISIBLE_CORES",
    "NPU": "ASCEND_RT_VISIBLE_DEVICES",
    "HPU": "HABANA_VISIBLE_MODULES",
}
KINDS = {f"kind{number}": 1 for number in range(200)}


@pytest.fixture(scope="module", autouse=True)
def accelerators() -> Iterator[None]:
    """A cluster of one node with four devices of each kind."""
    resources = {**dict.fromkeys(VARIABLES, 4), **KINDS}
    ray.init("local", num_cpus=8, resources=resources, object_store_memory=128 << 20, include_dashboard=False)
    yield
    ray.shutdown()


def seen(name):
    ids = sorted(ray.get_runtime_context().get_accelerator_ids()[name])
    variable = os.environ.get(VARIABLES[name])
    return ids, sorted(variable.split(",")) if variable else []


@ray.remote(num_cpus=0)
def look(name, folder=None, count=0):
    """What a task sees; waits until as many are in the folder, so that they hold their devices together."""
    if folder is not None:
        open(os.path.join(folder, str(os.getpid())), "w").close()
        while len(os.listdir(folder)) < count:
            time.sleep(0.01)
    return seen(name)


@ray.remote(num_cpus=0)
class Looker:
    def look(self, name):
        return seen(name)


@pytest.mark.parametrize("name", VARIABLES)
def test_whole_devices_are_distinct(name, tmp_path):
    one = look.options(resources={name: 1})
    results = ray.get([one.remote(name, str(tmp_path), 4) for _ in range(4)], timeout=120)
    assert sorted(ids for ids, _ in results) == [["0"], ["1"], ["2"], ["3"]]
    assert all(variable == ids for ids, variable in results)


@pytest.mark.parametrize("name", VARIABLES)
def test_several_devices_of_a_kind(name):
    ids, variable = ray.get(look.options(resources={name: 2}).remote(name), timeout=60)
    assert len(set(ids)) == 2 and variable == ids
    assert ray.get(look.remote(name), timeout=60)[0] == []


def test_kinds_are_apart():
    @ray.remote(num_cpus=0, resources={"NPU": 1, "neuron_cores": 2})
    def both():
        return seen("NPU"), seen("neuron_cores"), seen("HPU")

    npu, cores, hpu = ray.get(both.remote(), timeout=60)
    # Which ones are free depends on what workers of earlier tests still hold.
    assert npu[0] == npu[1] and len(npu[0]) == 1
    assert cores[0] == cores[1] and len(set(cores[0])) == 2
    assert hpu[0] == []


def test_an_actor_keeps_its_devices_and_a_group_its_own():
    actor = Looker.options(resources={"neuron_cores": 1}).remote()
    (own,), variable = ray.get(actor.look.remote("neuron_cores"), timeout=60)
    assert variable == [own]
    group = ray.util.placement_group([{"CPU": 1, "neuron_cores": 2}])
    ray.get(group.ready(), timeout=60)
    inside = ray.util.scheduling_strategies.PlacementGroupSchedulingStrategy(group)
    ids, variable = ray.get(
        look.options(resources={"neuron_cores": 2}, scheduling_strategy=inside).remote("neuron_cores"),
        timeout=60,
    )
    assert own not in ids and len(ids) == 2 and variable == ids
    ray.util.remove_placement_group(group)
    ray.kill(actor)


def test_halves_of_a_device(tmp_path):
    half = look.options(resources={"NPU": 0.5})
    results = ray.get([half.remote("NPU", str(tmp_path), 2) for _ in range(2)], timeout=60)
    assert [ids for ids, _ in results] == [["0"], ["0"]]


def test_more_than_one_is_whole():
    with pytest.raises(ValueError):
        look.options(resources={"neuron_cores": 1.5}).remote("neuron_cores")


def test_a_call_names_as_many_kinds_as_it_likes():
    assert ray.get(look.options(resources=KINDS).remote("TPU"), timeout=60)[0] == []
    actor = Looker.options(resources=KINDS).remote()
    assert ray.get(actor.look.remote("TPU"), timeout=60)[0] == []
    assert ray.available_resources().get("kind7", 0) == 0
    ray.kill(actor)
