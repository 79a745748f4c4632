"""Packages of runtime environments in the head's archive."""

import ray  # noqa: F401

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
