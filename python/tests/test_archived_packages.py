"""Packages of runtime environments in the head's archive."""

import threading

import pytest
import ray
from ray.exceptions import RpcError

from swift_ray.raylet import packages


def test_pieces_make_the_package():
    content = bytes(range(256)) * 20_000

    def ask(operation, wanted, timeout):
        end = wanted["offset"] + wanted["count"]
        return {"bytes": content[wanted["offset"] : end], "total": len(content)}

    assert packages.fetch(ask, "00", None) == content
    assert packages.fetch(ask, "00", None, count=1) == content[:1]


def test_a_head_that_sends_nothing_is_not_asked_for_ever():
    asked = []

    def ask(operation, wanted, timeout):
        asked.append(wanted["offset"])
        return {"bytes": b"", "total": 10}

    assert packages.fetch(ask, "00", None) is None
    assert asked == [0]


def test_pieces_are_sent_again_if_the_head_has_lost_some():
    stored, failures = bytearray(), [2]

    def ask(operation, wanted, timeout):
        if operation == "fetch_blob":
            return {"bytes": b"", "total": 0}
        if wanted["offset"] == 2 * packages.PIECE_BYTES and failures[0]:
            failures[0] -= 1
            raise RpcError("out of order", rpc_code=2)
        del stored[wanted["offset"] :]
        stored.extend(wanted["bytes"])
        return None

    content = bytes(range(256)) * 20_000
    assert packages.send(ask, content, None).startswith(packages.ARCHIVED)
    assert stored == content
    failures[0] = packages.TRIES
    with pytest.raises(RpcError, match="out of order"):
        packages.send(ask, content, None)


def test_a_package_arrives_while_others_ask_by_the_same_client():
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    client = ray._private.worker.global_worker.gcs_client
    is_over = threading.Event()

    def ask():
        while not is_over.is_set():
            client.internal_kv_exists(b"something", b"tests", None)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    try:
        for number in range(3):
            package = bytes([number]) * (8 * packages.PIECE_BYTES)
            name = b"gcs://_ray_pkg_%d.zip" % number
            client.internal_kv_put(name, package, True, None, None)
            assert client.internal_kv_get(name, None, None) == package
    finally:
        is_over.set()
        for asker in askers:
            asker.join()
        ray.shutdown()
