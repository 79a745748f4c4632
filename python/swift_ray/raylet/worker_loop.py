"""The life of a worker: it fetches tasks until the process is to end."""

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import msgpack

from swift_ray import _core
from swift_ray.raylet import context, debugger
from swift_ray.raylet.cancellation import Cancellation
from swift_ray.raylet.event_loops import EventLoops
from swift_ray.raylet.execution import Execution
from swift_ray.raylet.kinds import ACTOR_CALL
from swift_ray.raylet.objects import ACTOR_DIED
from swift_ray.raylet.process_end import FAREWELL_SECONDS, end_process, say_farewell
from swift_ray.raylet.thread_pool import ThreadPool

# The group that every actor has, for one call at a time that must not wait behind others.
SYSTEM_GROUP = "_ray_system"
# How long the loop sleeps without looking for signals.
SLICE_MS = 1_000
# How long the process keeps the title of a task that has ended: the next one may be of the same name.
TITLE_MS = 2


class WorkerLoop:
    """The part of `CoreWorker` that runs tasks.

    Normal tasks and plain actors run on the main thread, as in Ray: signals, event loops and many libraries want it.
    """

    # The actor that lives in this process.
    _actor: bytes | None

    def prepare_loop(self) -> None:
        self._actor = None
        self._actor_placement = None
        # Calls in which `exit_actor` was called.
        self._exiting: set[bytes] = set()
        self._is_asyncio = False
        self._max_concurrency = 1
        self._pools: dict[str, ThreadPool] = {}
        self._loops: EventLoops | None = None
        self._actor_name = ""
        # What the actor holds while it lives.
        self._held: dict[str, float] = {}
        self._cancellation = Cancellation(self)
        self._execution = Execution(self)

    def run_task_loop(self) -> None:
        """Returns when the process is to end; raises SystemExit where user code asked for it."""
        self._cancellation.install()
        # What Ray teaches its pickler is there before user code, which may pickle by itself.
        context.ray_worker().get_serialization_context()
        surroundings = self._execution.surroundings
        while (task := _core.next_task(TITLE_MS if surroundings.has_title else SLICE_MS)) is not False:
            if task is not None:
                self._start(task)
                continue
            self._cancellation.forget_ended()
            if surroundings.has_title:
                surroundings.set_idle_title()
            else:
                # User code may have taken the signal for itself.
                self._cancellation.perform()
                if self._actor is not None and self.control("take_farewell"):
                    say_farewell(self)
        # The raylet has no more work for this process, or is gone: user code must not hold up the end for long.
        end_process(0)

    def _start(self, task: Any) -> None:
        execution = self._execution
        plain = execution.plain_methods.get(task.call)
        if plain is not None:
            self._run_call(plain.group, plain.run, task)
            return
        header = execution.header_of(task)
        if header["kind"] != ACTOR_CALL:
            execution.run(task, header)
        elif self._loops is None:
            self._run_call(header["group"], execution.run, task, header)
        else:
            self._loops.start(task, header, header["group"])
            if self._cancellation.take_early(header["task"]):
                self._loops.cancel(header["task"])

    def _run_call(self, group: str, run: Callable[..., None], *arguments: Any) -> None:
        """Runs a call on the actor: on a thread of its concurrency group, if that has any."""
        pool = self._pools.get(group)
        if pool is None and group == SYSTEM_GROUP:
            pool = self._pools[group] = ThreadPool(1)
        if pool is None:
            run(*arguments)
        else:
            pool.submit(run, *arguments)

    def became_actor(self, header: dict, extras: dict) -> None:
        """The process is an actor from here on."""
        self._actor = header["actor"]
        self.control("expect_farewell")
        if "known" in extras:
            self._actors.setdefault(header["actor"], extras["known"])
        self._actor_placement = header["placement"]
        self._actor_name = extras.get("name", "")
        self._held = extras.get("held", {})
        self._max_concurrency = extras.get("max_concurrency", 1)
        # How many calls of each concurrency group run at a time.
        groups = {"": self._max_concurrency, **extras.get("groups", {})}
        self._is_asyncio = extras.get("asyncio", False)
        if self._is_asyncio or self._max_concurrency > 1 or len(groups) > 1:
            context.constructor = header["task"]
        if self._is_asyncio:
            self._loops = EventLoops(self._execution, groups)
        elif self._max_concurrency > 1 or len(groups) > 1:
            self._pools = {name: ThreadPool(count) for name, count in groups.items()}

    # The actor of this process

    def current_actor_is_asyncio(self) -> bool:
        return self._is_asyncio

    def current_actor_max_concurrency(self) -> int:
        return self._max_concurrency

    def get_actor_name(self) -> bytes:
        return self._actor_name.encode()

    def set_current_actor_should_exit(self) -> None:
        """The actor ends with the call in which this is called; one that has ended already ends it at once."""
        task = context.current()
        if task is None:
            self.control("leave_actor")
            self.end_coroutines(msgpack.packb({"type": ACTOR_DIED, "message": "The actor ended itself."}))
        else:
            self._exiting.add(task.task_id)

    def end_coroutines(self, end: bytes) -> None:
        """The actor ends: as in Ray its coroutines do not go on. `end` is what their callers are told.

        The process does not wait for ever for one that does not let itself be cancelled.
        """
        if self._loops is None:
            return
        limit = threading.Timer(FAREWELL_SECONDS, os._exit, (0,))
        limit.daemon = True
        limit.start()
        self._loops.end(end)

    def get_current_actor_should_exit(self) -> bool:
        task = context.current()
        return task is not None and task.task_id in self._exiting

    def is_canceled(self) -> bool:
        task = context.current()
        return task is not None and self.control("is_cancelled", task=task.task_id)

    def get_event_loop(self, function_descriptor: Any, specified_cgname: str) -> asyncio.AbstractEventLoop:
        groups = self._actors.get(self._actor, {}).get("groups", {})
        return self._loops.loop(specified_cgname or groups.get(function_descriptor.function_name, ""))

    def stop_and_join_asyncio_threads_if_exist(self) -> None:
        if self._loops is not None:
            self._loops.stop()

    def drain_and_exit_worker(self, exit_type: str, detail: str) -> None:
        """Ends the process at once, saying why."""
        print(detail, file=sys.stderr, flush=True)
        os._exit(0 if exit_type == "intentional_system_exit" else 1)

    def update_task_is_debugger_paused(self, task_id: Any, is_debugger_paused: bool) -> None:
        from ray.exceptions import RpcError

        client = context.ray_worker().gcs_client
        # Whoever debugs goes on while the head is away.
        with contextlib.suppress(RpcError):
            debugger.hold(client, self._worker_id.binary(), task_id.binary(), is_debugger_paused)

    def record_task_log_start(self, *arguments: Any) -> None:
        """The raylet reads what workers print; where a task's part begins is not kept."""

    def record_task_log_end(self, *arguments: Any) -> None:
        """See `record_task_log_start`."""
