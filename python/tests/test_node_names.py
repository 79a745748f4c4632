"""The names of nodes' hosts are asked for where they are wanted, and within the time there is."""

import time

import pytest
import ray  # noqa: F401
from ray.core.generated import gcs_pb2, gcs_service_pb2

from swift_ray.raylet.gcs_client import GcsClient


class Client(GcsClient):
    """Of a cluster of a hundred nodes, half of which have died; every name takes `seconds` to come."""

    def __init__(self, seconds=0.0):
        self._host_names, self.asked, self.seconds = {}, [], seconds

    def ask(self, operation, payload, timeout=None):
        if operation == "nodes":
            return [self.node(number) for number in range(100)]
        assert operation == "kv_get"
        self.asked.append((payload["key"].decode(), timeout))
        time.sleep(min(self.seconds, timeout))
        if timeout < self.seconds:
            raise TimeoutError
        return {"value": b"name of " + payload["key"].rpartition(b":")[2]}

    @staticmethod
    def node(number):
        return {
            **{
                "node": number.to_bytes(28, "big"),
                "host": f"10.0.0.{number}",
                "port": 1,
                "name": f"n{number}",
            },
            **{"socket": "s", "session": "/tmp/x", "head": number == 0, "alive": number % 2 == 0},
            **{"total": {}, "labels": {}},
        }


def test_only_those_of_the_nodes_that_are_meant():
    client = Client()
    selector = gcs_service_pb2.GetAllNodeInfoRequest.NodeSelector
    both = [selector(node_id=client.node(number)["node"]) for number in (4, 5)]
    found = client.get_all_node_info(10, both, gcs_pb2.GcsNodeInfo.ALIVE)
    assert [info.node_manager_hostname for info in found.values()] == ["name of 10.0.0.4"]
    assert [key for key, _ in client.asked] == ["host_name:10.0.0.4"]
    assert len(client.get_all_node_info(10, None, gcs_pb2.GcsNodeInfo.DEAD)) == 50
    assert len(client.get_all_node_info(10)) == len(client.asked) == 100


def test_the_limit_is_that_of_all_together():
    client, start = Client(0.05), time.monotonic()
    with pytest.raises(TimeoutError):
        client.get_all_node_info(0.5)
    assert len(client.asked) <= 11 and all(limit <= 0.5 for _, limit in client.asked)
    assert time.monotonic() - start < 5
