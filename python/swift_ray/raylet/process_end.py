"""How the process of a worker ends: by user code, with its actor, or because it is not wanted any more."""

import atexit
import contextlib
import functools
import gc
import os
import posix
import sys
import threading
import time
import traceback
from typing import Any, NoReturn

import msgpack

from swift_ray import _core
from swift_ray._core import CoreError
from swift_ray._native import ActorID
from swift_ray.raylet.context import ray_worker
from swift_ray.raylet.kinds import ACTOR_CREATION
from swift_ray.raylet.objects import ACTOR_DIED
from swift_ray.services import shutdown_at_exit

NO_PAYLOAD = msgpack.packb({})
# What the call that ended its actor is answered with (`RayError.exitName`).
EXIT = "exit_actor"
# How long a process that is to end waits for what was registered with `atexit`.
EXIT_SECONDS = 5
SETTLE_SECONDS = 0.05
# How long an actor may take for its own end (Ray's `actor_graceful_shutdown_timeout_ms`).
FAREWELL_SECONDS = 30


def is_exit(error: BaseException) -> bool:
    """Whether the task asked for the end of its process, or of the actor that lives there."""
    from ray.exceptions import AsyncioActorExit

    return isinstance(error, (SystemExit, AsyncioActorExit))


def send_before_exit() -> None:
    """Has `os._exit` of this process send first what calls have given that have ended, as far as it is gathered here.

    The end of one call is not to take along the results of those before it.
    """
    leave, process = os._exit, os.getpid()

    @functools.wraps(leave)
    def end(status: int) -> NoReturn:
        # Not in a process that was forked from this one.
        if os.getpid() == process:
            with contextlib.suppress(CoreError):
                _core.control("flush", NO_PAYLOAD)
        leave(status)

    os._exit = posix._exit = end


def run_exit_functions() -> None:
    """Runs what user code has registered with `atexit`; the runtime's own end comes later."""
    atexit.unregister(shutdown_at_exit)
    # It has printed what they raised.
    with contextlib.suppress(Exception):
        atexit._run_exitfuncs()


def prepare_end(code: int) -> None:
    """Does what was registered with `atexit`; the process ends in EXIT_SECONDS even if that takes longer."""
    threading.Timer(EXIT_SECONDS, os._exit, (code,)).start()
    run_exit_functions()
    sys.stdout.flush()
    sys.stderr.flush()


def end_process(code: int) -> NoReturn:
    """Ends this process after what was registered with `atexit`, and when its last results are on their way."""
    prepare_end(code)
    _core.close()
    os._exit(code)


def crash(code: int) -> NoReturn:
    """Ends this process, on any thread, as one that user code has ended while calls were under way."""
    prepare_end(code)
    # Results of calls that have ended leave within milliseconds by themselves.
    time.sleep(SETTLE_SECONDS)
    os._exit(code)


def exit_task(core_worker: Any, task: Any, header: dict, exit: BaseException) -> None:
    """The function ended the process: an actor's calls under way end first, all others count as crashed.

    The caller is told of the actor's death, as all that come after it. What is to be done at the end comes when
    all calls have ended (`say_farewell`).
    """
    code = getattr(exit, "code", 0)
    if core_worker._actor is not None:
        if code != 0:
            # As in Ray a crash: it may be started again.
            crash(code if isinstance(code, int) else 1)
        if header["kind"] == ACTOR_CREATION:
            # There will be no farewell: the raylet kills the process of an actor that did not come to life.
            run_exit_functions()
        with contextlib.suppress(CoreError):
            core_worker.control("exit_actor", task=header["task"])
        asked = header["task"] in core_worker._exiting or not isinstance(exit, SystemExit)
        how = "exit_actor() is called." if asked else f"Worker exits with an exit code {code}."
        end = {"type": ACTOR_DIED, "message": f"The actor ended itself: {how}"}
        _core.fail_task(task, msgpack.packb({**end, "type_name": EXIT}))
        core_worker.end_coroutines(msgpack.packb(end))
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


def say_farewell(core_worker: Any) -> None:
    """The actor's calls have ended, and so does it: its own `__ray_shutdown__` runs, and what `atexit` has.

    The raylet kills the process as soon as the cluster knows that the actor has ended.
    """
    limit = threading.Timer(FAREWELL_SECONDS, os._exit, (0,))
    limit.daemon = True
    limit.start()
    instance = ray_worker().actors.get(ActorID(core_worker._actor))
    try:
        if hasattr(instance, "__ray_shutdown__"):
            instance.__ray_shutdown__()
    except Exception:
        traceback.print_exc()
    # What its class does in `__del__`: the process ends without letting go of anything.
    del instance
    ray_worker().actors.pop(ActorID(core_worker._actor), None)
    core_worker._execution.forget_methods()
    gc.collect()
    run_exit_functions()
    limit.cancel()
    sys.stdout.flush()
    sys.stderr.flush()
    core_worker.control("farewell_said")
