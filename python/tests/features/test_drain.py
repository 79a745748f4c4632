"""Nodes that are to leave, as `ray drain-node`, Serve and `ray start` at SIGTERM have it."""

import sys
import time

import pytest
import ray
from ray import cloudpickle
from ray._private import state
from ray.cluster_utils import Cluster
from ray.core.generated.autoscaler_pb2 import DrainNodeReason
from ray.core.generated.common_pb2 import ActorDiedErrorContext, NodeDeathInfo
from ray.exceptions import ActorDiedError, RaySystemError
from waiting import eventually

HOUR_MS = 3_600_000
EXPECTED_TERMINATION, UNEXPECTED_TERMINATION, AUTOSCALER_DRAIN_PREEMPTED = (
    NodeDeathInfo.Reason.Value(name)
    for name in ("EXPECTED_TERMINATION", "UNEXPECTED_TERMINATION", "AUTOSCALER_DRAIN_PREEMPTED")
)
# Workers cannot import this file.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


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

        with pytest.raises(RaySystemError, match="deadline must be non-negative"):
            client.drain_node(node.node_id, DrainNodeReason.DRAIN_NODE_REASON_PREEMPTION, "spot", -1)

        ray.kill(holder)
        assert eventually(lambda: not row(node)["Alive"])
        assert (row(node)["DeathReason"], row(node)["DeathReasonMessage"]) == (
            AUTOSCALER_DRAIN_PREEMPTED,
            "spot",
        )
        assert client.get_draining_nodes() == {}
        # What has left, or was never there, need not leave.
        for gone in (node.node_id, "ab" * 28):
            idle = DrainNodeReason.DRAIN_NODE_REASON_IDLE_TERMINATION
            assert client.drain_node(gone, idle, "not needed", 0)[0]
    finally:
        ray.shutdown()
        cluster.shutdown()


def row(node) -> dict:
    """What `ray.nodes()` says of a node."""
    return next(row for row in ray.nodes() if row["NodeID"] == node.node_id)


def end_of(actor) -> int:
    """What ended an actor, by its id."""
    return state.actors(actor.hex())["DeathCause"].actor_died_error_context.reason


@ray.remote(num_cpus=0)
class Member:
    def here(self) -> str:
        return ray.get_runtime_context().get_node_id()


def test_an_actor_and_a_table_say_what_ended_a_node():
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    ray.init(cluster.address, log_to_driver=False)
    try:
        client = ray._private.worker.global_worker.gcs_client
        for number, (is_preempted, is_asked, end) in enumerate(
            [
                (False, True, EXPECTED_TERMINATION),
                (False, False, UNEXPECTED_TERMINATION),
                (True, True, AUTOSCALER_DRAIN_PREEMPTED),
            ]
        ):
            node = cluster.add_node(num_cpus=1, resources={str(number): 1})
            member = Member.options(resources={str(number): 1}).remote()
            assert ray.get(member.here.remote(), timeout=60) == node.node_id
            if is_preempted:
                # The deadline is over at once.
                client.drain_node(node.node_id, DrainNodeReason.DRAIN_NODE_REASON_PREEMPTION, "spot", 1)
            cluster.remove_node(node, allow_graceful=is_asked)
            assert eventually(lambda node=node: not row(node)["Alive"])
            assert row(node)["DeathReason"] == end
            with pytest.raises(ActorDiedError, match="node") as died:
                ray.get(member.here.remote(), timeout=60)
            assert died.value.preempted == is_preempted
            assert end_of(member._actor_id) == ActorDiedErrorContext.NODE_DIED
    finally:
        ray.shutdown()
        cluster.shutdown()


def test_a_table_says_what_ended_an_actor():
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        killed, left = Member.remote(), Member.remote()
        ray.get([killed.here.remote(), left.here.remote()])
        actors = [killed._actor_id, left._actor_id]
        ray.kill(killed)
        del left
        ends = [ActorDiedErrorContext.RAY_KILL, ActorDiedErrorContext.OUT_OF_SCOPE]
        assert eventually(lambda: [end_of(actor) for actor in actors] == ends)
    finally:
        ray.shutdown()
