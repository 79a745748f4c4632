"""Nodes that are to leave, as `ray drain-node`, Serve and `ray start` at SIGTERM have it."""

import time

import ray
from ray.cluster_utils import Cluster
from ray.core.generated.autoscaler_pb2 import DrainNodeReason
from waiting import eventually

HOUR_MS = 3_600_000


def test_a_node_takes_nothing_new_and_leaves_when_it_is_idle():
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    node = cluster.add_node(num_cpus=2, resources={"far": 2})
    cluster.wait_for_nodes()
    ray.init(cluster.address, log_to_driver=False)
    try:

        @ray.remote(resources={"far": 1})
        class Holder:
            def here(self) -> str:
                return ray.get_runtime_context().get_node_id()

        holder = Holder.remote()
        assert ray.get(holder.here.remote()) == node.node_id
        client = ray._private.worker.global_worker.gcs_client
        assert client.get_draining_nodes() == {}

        accepted, reason = client.drain_node(
            node.node_id, DrainNodeReason.DRAIN_NODE_REASON_IDLE_TERMINATION, "not needed", 0
        )
        assert not accepted
        assert reason == "The node to be idle terminated is no longer idle."

        deadline = round(time.time() * 1000) + HOUR_MS
        accepted, reason = client.drain_node(
            node.node_id, DrainNodeReason.DRAIN_NODE_REASON_PREEMPTION, "spot", deadline
        )
        assert accepted, reason
        draining = client.get_draining_nodes()
        assert list(draining) == [node.node_id]
        assert abs(draining[node.node_id] - deadline) < 10_000
        # What runs there goes on, and nothing comes to it.
        assert ray.get(holder.here.remote()) == node.node_id
        ready, _ = ray.wait([Holder.remote().here.remote()], timeout=1)
        assert not ready

        ray.kill(holder)
        assert eventually(lambda: not any(n["Alive"] for n in ray.nodes() if n["NodeID"] == node.node_id))
        assert client.get_draining_nodes() == {}
    finally:
        ray.shutdown()
        cluster.shutdown()
