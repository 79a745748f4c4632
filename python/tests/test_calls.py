"""What a process remembers of its calls."""

import weakref

import msgpack
import pytest
import ray  # noqa: F401

from swift_ray import _core
from swift_ray.raylet import calls


class Template:
    """What the core gives for a description."""


@pytest.fixture
def made(monkeypatch):
    """The templates that are held, and how many were made."""
    held, descriptions = weakref.WeakSet(), []

    def make(description):
        descriptions.append(msgpack.unpackb(description))
        held.add(template := Template())
        return template

    monkeypatch.setattr(_core, "template", make)
    return held, descriptions


def test_templates_of_calls_that_have_a_name_each_are_not_kept_for_ever(made, monkeypatch):
    held, descriptions = made
    monkeypatch.setattr(calls, "TEMPLATES_MAX", 100)
    process = calls.FunctionCalls()
    process._templates = {}
    for number in range(1000):
        key = ("function", str(number))
        found = process.new_template(key, {"returns": 2})
        assert found[1] == 2 and len(held) <= 101
        assert process._templates.get(key) is found
    assert len(descriptions) == 1000 and len(process._templates) == 100
