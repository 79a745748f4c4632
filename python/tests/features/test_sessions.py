"""A process that starts one cluster after the other."""

import ray


def test_references_of_an_earlier_cluster_do_no_harm():
    ray.init("local", num_cpus=1, object_store_memory=100 << 20, include_dashboard=False, log_to_driver=False)
    old = [ray.put(number) for number in range(10)]
    ray.shutdown()
    ray.init("local", num_cpus=1, object_store_memory=100 << 20, include_dashboard=False, log_to_driver=False)
    new = [ray.put(number) for number in range(10)]
    del old
    assert ray.get(new) == list(range(10))
    ray.shutdown()
