"""Swift and Python together where the driver's node can run nothing: all calls go to other nodes."""

import os
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import ray
from ray.cluster_utils import Cluster

import swift_ray

# Larger than what travels inside messages, so it is brought from store to store.
NUMBERS = np.arange(1 << 18, dtype=np.float32)


@pytest.fixture(scope="module")
def address(together: str, modules: str) -> Iterator[str]:
    """The address of a cluster whose head has no CPU, with two nodes beside it that have two each."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [modules, before]))
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": 100 << 20})
    for name in ("first", "second"):
        cluster.add_node(num_cpus=2, resources={name: 2}, object_store_memory=100 << 20)
    cluster.wait_for_nodes()
    ray.init(cluster.address, log_to_driver=False)
    swift_ray.program(together)
    yield cluster.address
    ray.shutdown()
    cluster.shutdown()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def test_arrays_go_from_node_to_node_through_both_languages(address):
    scaled = swift_ray.function("scaled")

    @ray.remote
    def more(numbers):
        return float(numbers.sum()), ray.get_runtime_context().get_node_id()

    once = scaled.options(resources={"first": 1}).remote(swift_ray.put(NUMBERS), 2.0)
    total, node = ray.get(more.options(resources={"second": 1}).remote(once))
    assert total == 2 * float(NUMBERS.sum(dtype=np.float32))
    assert node != ray.get_runtime_context().get_node_id()
    assert (ray.get(once) == 2 * NUMBERS).all()
    twice = ray.get(scaled.options(resources={"second": 1}).remote(once, 0.5))
    assert (twice == NUMBERS).all()


def test_actors_in_swift_are_called_from_other_nodes(address):
    counter = swift_ray.actor_class("Counter").options(name="far", resources={"first": 1}).remote(40)

    @ray.remote(resources={"second": 1})
    def increment():
        return ray.get(ray.get_actor("far").increment.remote(2))

    assert ray.get(increment.remote()) == 42
    ray.kill(counter)


def test_a_driver_in_swift_has_its_calls_made_elsewhere(address, together, modules):
    package = os.path.dirname(os.path.dirname(os.path.abspath(swift_ray.__file__)))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([modules, package]),
        "SWIFT_RAY_PYTHON": sys.executable,
        "RAY_ADDRESS": address,
    }
    done = subprocess.run([together], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr[-5000:]
    lines = done.stdout.splitlines()
    assert "doubled 100000 3.0" in lines and "scaled in Swift 6.0" in lines and "found 50" in lines
