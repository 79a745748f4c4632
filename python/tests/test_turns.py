"""Programs that are compared in turns, with a small one in the place of `ray microbenchmark`."""

import os
import signal
import sys
import time

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "benchmarks"))

import turns

PROGRAM = f"""
import subprocess, sys, time
child = subprocess.Popen(["sleep", "60"])
print("child", child.pid, flush=True)
for row in ("one", "two"):
    print({turns.NEXT_ROW!r}, flush=True)
    if not sys.stdin.readline():
        sys.exit("alone")
    print(row, "per second", 12.5, "+-", 0.1, flush=True)
"""
# Each ends another way: as it should, with an error, in silence that a Ctrl-C ends, and in one that it does not.
ENDS = {
    "well": "child.kill()",
    "error": "child.kill(); sys.exit('what went wrong')",
    "silent": "time.sleep(60)",
    "deaf": "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)",
}


@pytest.fixture
def program(monkeypatch):
    programs = []

    def begin(end="well", minutes=1.0):
        monkeypatch.setattr(turns, "COMMAND", PROGRAM + ENDS[end])
        monkeypatch.setattr(turns, "END_SECONDS", 1)
        programs.append(turns.Program("core", dict(os.environ), "", 0, minutes))
        return programs[-1]

    yield begin
    for one in programs:
        one.end()


def family(program):
    return [program._process.pid, *turns.descendants(program._process.pid)]


def states(pids):
    found = set()
    for pid in pids:
        with open(f"/proc/{pid}/stat") as file:
            found.add(file.read().rpartition(")")[2].split()[0])
    return found


def eventually(is_so):
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)
    return True


def stand_still(pids):
    # A signal takes a moment to be heard.
    return eventually(lambda: states(pids) == {"T"})


def are_gone(pids):
    # Orphans are collected by whoever is there for them.
    return eventually(
        lambda: not any(os.path.exists(f"/proc/{pid}") and states([pid]) != {"Z"} for pid in pids)
    )


def test_rows_come_in_turns_and_all_processes_stand_still_between(program):
    one, other = program(), program()
    assert one.turn() == other.turn() == []
    for row in ("one", "two"):
        for now, waiting in ((one, other), (other, one)):
            if not waiting.is_over:
                pids = family(waiting)
                assert len(pids) == 2 and stand_still(pids)
            assert now.turn() == [(row, 12.5)]
    assert one.is_over and other.is_over and not one.failure and not other.failure


def test_what_went_wrong_is_said(program):
    one = program("error")
    assert [one.turn(), one.turn(), one.turn()] == [[], [("one", 12.5)], [("two", 12.5)]]
    assert one.is_over and "ended with 1:" in one.failure and "what went wrong" in one.failure


@pytest.mark.parametrize("end", ("silent", "deaf"))
def test_silence_ends_it(program, monkeypatch, end):
    one = program(end)
    assert [one.turn(), one.turn()] == [[], [("one", 12.5)]]
    # Not before: a busy machine may take longer to start it.
    monkeypatch.setattr(turns, "SILENCE_SECONDS", 1)
    pids = family(one)
    if end == "silent":
        # It holds the output open, and is not told of a Ctrl-C.
        os.kill(pids[1], signal.SIGKILL)
    # The row that it has printed is not lost.
    assert one.turn() == [("two", 12.5)]
    assert one.is_over and "it was silent for 1 s" in one.failure and are_gone(pids)


def test_time_that_is_used_up_ends_it(program):
    one = program("silent", minutes=0.05)
    assert [one.turn(), one.turn()] == [[], [("one", 12.5)]]
    os.kill(family(one)[1], signal.SIGKILL)
    one.turn()
    assert one.is_over and "it took too long" in one.failure


@pytest.mark.parametrize("turns_before", (1, 2))
def test_a_stopped_program_is_ended_with_all_that_came_from_it(program, turns_before):
    one = program("deaf")
    for _ in range(turns_before):
        one.turn()
    pids = family(one)
    assert stand_still(pids)
    one.end()
    assert one.is_over and are_gone(pids)
