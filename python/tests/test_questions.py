"""Callbacks for objects that are gone."""

import queue
import threading

import pytest
import ray  # noqa: F401

from swift_ray.raylet import questions


class Process(questions.Questions):
    """A core worker that knows the objects of `known`, and counts what it is asked."""

    def __init__(self):
        self.known, self.asked, self.may_answer = set(), [], threading.Event()
        self.may_answer.set()
        self.prepare_questions()

    def control(self, operation, **payload):
        self.asked.append(operation)
        if operation == "owner":
            return b""
        assert operation == "unknown_objects"
        self.may_answer.wait(10)
        return [one for one in payload["objects"] if one not in self.known]


class Reference:
    def __init__(self, number):
        self.id = number.to_bytes(28, "little")

    def binary(self):
        return self.id


@pytest.fixture
def process(monkeypatch):
    monkeypatch.setattr(questions, "LOOK_SECONDS", 0.01)
    process = Process()
    yield process
    process.known.clear()
    process.may_answer.set()


def test_all_objects_are_asked_for_at_once(process):
    references, gone = [Reference(number) for number in range(1000)], queue.Queue()
    process.known = {one.id for one in references}
    for one in references:
        assert process.add_object_out_of_scope_callback(one, gone.put)
    process.known -= {references[3].id, references[5].id}
    assert {gone.get(timeout=10), gone.get(timeout=10)} == {references[3].id, references[5].id}
    # One question for each that was added, and one for each look, of which there are a hundred a second.
    assert process.asked.count("owner") == 1000


def test_nobody_waits_while_it_is_looked(process):
    process.known = {Reference(1).id, Reference(2).id}
    process.add_object_out_of_scope_callback(Reference(1), print)
    process.may_answer.clear()
    while "unknown_objects" not in process.asked:
        pass
    adding = threading.Thread(target=process.add_object_out_of_scope_callback, args=[Reference(2), print])
    adding.start()
    adding.join(5)
    assert not adding.is_alive()


def test_a_callback_that_fails_is_no_others_end(process):
    gone = queue.Queue()

    def fail(one):
        raise SystemExit

    process.known = {Reference(1).id}
    process.add_object_out_of_scope_callback(Reference(1), fail)
    process.add_object_out_of_scope_callback(Reference(1), gone.put)
    process.known.clear()
    assert gone.get(timeout=10) == Reference(1).id
    process.known = {Reference(2).id}
    process.add_object_out_of_scope_callback(Reference(2), gone.put)
    process.known.clear()
    assert gone.get(timeout=10) == Reference(2).id
