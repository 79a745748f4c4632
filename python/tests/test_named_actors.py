"""Actors that are found by their names, a moment before their creator has said what is to be known of them."""

import msgpack
import pytest
import ray  # noqa: F401

from swift_ray import _core
from swift_ray.raylet import actors
from swift_ray.raylet.by_name import CROSS_LANGUAGE
from swift_ray.raylet.core_error import NOT_FOUND

ACTOR = bytes(16)
KNOWN = {"function": ["m", "C", "__init__", "0"], "max_task_retries": 7, "job": b"\1\0\0\0"}


class Process(actors.ActorCalls):
    """A core worker to whom the control store gives `answers`, one after the other, and then the last again."""

    _job = b"\2\0\0\0"

    def __init__(self, digest, *answers):
        self._actors, self.answers, self.digest = {}, list(answers), digest

    def control(self, operation, **payload):
        if payload["name"] == "nobody":
            raise _core.CoreError(NOT_FOUND, "there is none")
        return {"actor": ACTOR, "function": ["m", "C", "__init__", self.digest], "creator": b""}

    def get_key(self, namespace, key):
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def _make_handle(self, actor, weak_ref):
        return self._actors[actor]


def test_what_is_said_a_moment_later_is_waited_for():
    process = Process("0", None, None, msgpack.packb(KNOWN))
    assert process.get_named_actor_handle("name", "") == KNOWN


def test_nothing_is_made_up_where_nothing_is_said(monkeypatch):
    monkeypatch.setattr(actors, "KNOWN_SECONDS", 0.05)
    process = Process("0", None)
    with pytest.raises(ValueError, match="Failed to look up actor"):
        process.get_named_actor_handle("name", "")
    process.answers = [msgpack.packb(KNOWN)]
    assert process.get_named_actor_handle("name", "") == KNOWN


def test_an_actor_that_swift_has_created_is_known_by_its_class():
    assert Process(CROSS_LANGUAGE, None).get_named_actor_handle("name", "")["max_task_retries"] == 0


def test_one_that_is_not_there():
    with pytest.raises(ValueError, match="Failed to look up actor"):
        Process("0", None).get_named_actor_handle("nobody", "")
