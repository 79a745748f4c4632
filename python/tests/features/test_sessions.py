"""A process that starts one cluster after the other."""

import pytest
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


def test_workers_import_what_the_cluster_says():
    settings = {"preload_python_modules": ["html.parser", "no.such.module"]}
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False, _system_config=settings)

    @ray.remote
    def is_loaded():
        import sys

        return "html.parser" in sys.modules

    assert ray.get(is_loaded.remote(), timeout=60)
    ray.shutdown()


def test_keys_of_the_control_store():
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    from ray.experimental import internal_kv

    assert internal_kv._internal_kv_put("key", "value") is False
    assert internal_kv._internal_kv_get("key") == b"value"
    for ask in (internal_kv._internal_kv_get, internal_kv._internal_kv_del, internal_kv._internal_kv_list):
        with pytest.raises(ray.exceptions.RaySystemError):
            ask("@namespace_key")
    ray.shutdown()


def test_calls_inside_calls_on_one_cpu():
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)

    @ray.remote
    def inner():
        return 1

    @ray.remote
    def middle():
        return ray.get(inner.remote()) + 1

    @ray.remote
    def outer():
        return ray.get(middle.remote()) + 1

    assert ray.get([outer.remote() for _ in range(50)], timeout=90) == [3] * 50
    ray.shutdown()
