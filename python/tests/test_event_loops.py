"""The event loops of actors whose methods are coroutines, in processes of their own: some end them."""

import subprocess
import sys
import textwrap

# A worker's part that is not asked for.
PREPARE = """
import asyncio, sys, threading, time
import swift_ray
swift_ray.install()
import ray
from types import SimpleNamespace
from swift_ray import _core
from swift_ray.raylet import context
from swift_ray.raylet.event_loops import EventLoops

running = SimpleNamespace(task_id=bytes(24), name="call")
context.current = lambda: running
"""


def run(program: str, seconds: float = 60) -> tuple[int, str]:
    """The code that a program ends with, and what it prints."""
    code = textwrap.dedent(PREPARE) + textwrap.dedent(program)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=seconds)
    return done.returncode, done.stdout + done.stderr


def test_exit_in_a_constructor_comes_to_the_calling_thread():
    code, output = run("""
        loops = EventLoops(None, {"": 1})
        try:
            loops.run_now(lambda: sys.exit(3), [], {})
        except SystemExit as exit:
            print("exit", exit.code)
        # The loop goes on.
        print(loops.run_now(lambda: 4, [], {}))
        """)
    assert (code, output) == (0, "exit 3\n4\n")


def test_exit_in_a_task_of_user_code_ends_the_process():
    code, output = run("""
        async def leave():
            sys.exit(5)

        async def call():
            asyncio.create_task(leave())

        EventLoops(None, {"": 1}).run_now(call, [], {})
        time.sleep(30)
        """)
    assert code == 5, output


def test_call_is_cancelled_that_the_loop_has_not_begun():
    code, output = run("""
        failed, ended, free = [], threading.Event(), threading.Event()

        def fail(task, header, extras, error):
            failed.append((task, type(error).__name__))
            ended.set()

        loops = EventLoops(SimpleNamespace(results=SimpleNamespace(fail=fail)), {"": 1})
        loops.loop("").call_soon_threadsafe(free.wait)
        header = {"task": bytes(24), "attempt": 0}
        loops.start("task", header, "")
        print(loops.cancel(header["task"]))
        free.set()
        print(ended.wait(10), failed, loops.cancel(header["task"]))
        """)
    assert (code, output) == (0, "True\nTrue [('task', 'CancelledError')] False\n")
