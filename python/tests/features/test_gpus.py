"""GPUs as numbers: no device is needed to count them."""

import os
import sys
import time
from collections.abc import Iterator

import pytest
import ray
import ray.cloudpickle

# Workers cannot import this file.
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.fixture(scope="module", autouse=True)
def gpus() -> Iterator[None]:
    """A cluster of one node with two GPUs."""
    ray.init("local", num_cpus=8, num_gpus=2, object_store_memory=128 << 20, include_dashboard=False)
    yield
    ray.shutdown()


def seen():
    context = ray.get_runtime_context()
    ids = ray.get_gpu_ids()
    assert context.get_accelerator_ids()["GPU"] == [str(i) for i in ids]
    return ids, os.environ.get("CUDA_VISIBLE_DEVICES"), context.get_assigned_resources()


@ray.remote
def look(folder=None, count=0):
    """What a task sees; waits until as many are in the folder, so that they hold their GPUs together."""
    if folder is not None:
        open(os.path.join(folder, str(os.getpid())), "w").close()
        while len(os.listdir(folder)) < count:
            time.sleep(0.01)
    return seen()


@ray.remote
class Looker:
    def __init__(self):
        self.first = seen()

    def look(self):
        return self.first, seen()


def test_a_driver_holds_none():
    assert ray.get_gpu_ids() == []
    assert ray.get_runtime_context().get_accelerator_ids()["GPU"] == []


def test_a_task_without_gpus_finds_the_variable_as_the_node_has_it():
    assert ray.get(look.remote()) == ([], os.environ.get("CUDA_VISIBLE_DEVICES"), {"CPU": 1})


def test_whole_gpus_are_distinct(tmp_path):
    one = look.options(num_gpus=1)
    results = ray.get([one.remote(str(tmp_path), 2) for _ in range(2)])
    assert sorted(ids for ids, _, _ in results) == [[0], [1]]
    assert all(variable == str(ids[0]) for ids, variable, _ in results)
    assert all(resources == {"CPU": 1, "GPU": 1} for _, _, resources in results)


def test_all_gpus_and_again():
    both = look.options(num_gpus=2)
    for _ in range(2):
        assert ray.get(both.remote()) == ([0, 1], "0,1", {"CPU": 1, "GPU": 2})


def test_halves_share_one(tmp_path):
    half = look.options(num_gpus=0.5)
    results = ray.get([half.remote(str(tmp_path), 4) for _ in range(4)])
    assert sorted(ids for ids, _, _ in results) == [[0], [0], [1], [1]]
    assert results[0][2] == {"CPU": 1, "GPU": 0.5}


def test_an_actor_keeps_its_gpu():
    actor = Looker.options(num_gpus=1).remote()
    first, later = ray.get(actor.look.remote())
    number = first[0][0]
    assert first == later == ([number], str(number), {"CPU": 1, "GPU": 1})
    assert ray.get(look.options(num_gpus=1).remote())[0] == [1 - number]
    assert ray.get(actor.look.remote())[1] == later
    ray.kill(actor)


def test_an_actor_without_gpus():
    actor = Looker.remote()
    assert ray.get(actor.look.remote())[1] == ([], os.environ.get("CUDA_VISIBLE_DEVICES"), {})


def test_variables_of_a_task_are_taken_back():
    @ray.remote(num_gpus=1, max_calls=0)
    def with_gpu():
        return os.environ["CUDA_VISIBLE_DEVICES"]

    assert ray.get(with_gpu.remote()) in ("0", "1")
    assert ray.get(look.remote())[1] == os.environ.get("CUDA_VISIBLE_DEVICES")


def test_more_than_one_is_whole():
    with pytest.raises(ValueError, match="be whole numbers"):
        look.options(num_gpus=1.5).remote()


def test_cluster_resources():
    assert ray.cluster_resources()["GPU"] == 2
