"""Actors whose methods are coroutines: one event loop, and one thread, for each concurrency group."""

import asyncio
import concurrent.futures
import functools
import inspect
import threading
from collections import deque
from collections.abc import Coroutine
from typing import Any

from swift_ray import _core
from swift_ray._native import TaskID
from swift_ray.raylet import context
from swift_ray.raylet.process_end import crash, exit_task, is_exit
from swift_ray.raylet.results import Items, refuse_no_generator, serializer_of
from swift_ray.raylet.task_context import async_task_function_name, async_task_id, async_task_name


def is_coroutine(result: Any) -> bool:
    """Whether a method has still to run. A reference or a future that it gives is its result, though one can wait for it."""
    return inspect.iscoroutine(result) or isinstance(result, Coroutine)


class EventLoops:
    """Runs calls as coroutines; none holds a thread while it waits, but generators for their readers."""

    def __init__(self, execution: Any, groups: dict[str, int]) -> None:
        """`groups`: how many calls of each run at a time."""
        self._execution = execution
        self._calls_max = sum(groups.values())
        self._loops: dict[str, asyncio.AbstractEventLoop] = {}
        # The calls that each loop has still to begin. It is woken for the first, and finds the others with it.
        self._waiting: dict[asyncio.AbstractEventLoop, deque[tuple[Any, dict]]] = {}
        self._woken: set[asyncio.AbstractEventLoop] = set()
        self._threads: list[threading.Thread] = []
        # The loops and tries of calls under way, by the task's id, and the coroutines of those that the loops have come to.
        self._calls: dict[bytes, tuple[asyncio.AbstractEventLoop, int]] = {}
        self._coroutines: dict[bytes, asyncio.Task] = {}
        # What callers are told of calls that the actor's end cuts short.
        self._end: bytes | None = None
        for group in groups:
            self._open(group)

    def _open(self, group: str) -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(
            target=self._serve, args=(loop,), name=f"AsyncIO Thread: {group or 'default'}", daemon=True
        )
        thread.start()
        self._waiting[loop] = deque()
        self._loops[group] = loop
        self._threads.append(thread)
        return loop

    @staticmethod
    def _serve(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        except (SystemExit, KeyboardInterrupt) as exit:
            # A task that user code has made: asyncio passes these on, and without the loop no call would ever end.
            crash(code if isinstance(code := getattr(exit, "code", 1), int) else 1)

    def loop(self, group: str) -> asyncio.AbstractEventLoop:
        """The loop of a group; that of the system's is opened when it is wanted."""
        return self._loops.get(group) or self._open(group)

    def run_now(self, function: Any, args: list, kwargs: dict) -> Any:
        """Runs the constructor, the calling thread's task, in the default loop and waits for it."""
        running = context.current()

        async def call() -> tuple[Any, BaseException | None]:
            async_task_id.set(TaskID(running.task_id))
            context.coroutines[running.task_id] = running
            try:
                result = function(*args, **kwargs)
                return await result if is_coroutine(result) else result, None
            except (SystemExit, KeyboardInterrupt) as exit:
                # For the calling thread: asyncio would end the loop with these.
                return None, exit
            finally:
                context.coroutines.pop(running.task_id, None)

        result, exit = asyncio.run_coroutine_threadsafe(call(), self._loops[""]).result()
        if exit is not None:
            raise exit
        return result

    def start(self, task: Any, header: dict, group: str) -> None:
        """Begins a call soon, in the order of these calls. From one thread only."""
        loop = self.loop(group)
        self._calls[header["task"]] = (loop, header["attempt"])
        self._waiting[loop].append((task, header))
        if loop not in self._woken:
            self._woken.add(loop)
            loop.call_soon_threadsafe(self._begin, loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        # Before it looks: who sees it woken still has added a call that it will find.
        self._woken.discard(loop)
        waiting = self._waiting[loop]
        while waiting:
            task, header = waiting.popleft()
            try:
                coroutine = loop.create_task(self._run(task, header))
            except Exception as error:
                # User code has given the loop a factory of tasks that fails: those behind this one are to begin, too.
                self._calls.pop(header["task"], None)
                self._fail(task, header, {}, error)
                continue
            self._coroutines[header["task"]] = coroutine
            coroutine.add_done_callback(functools.partial(self._ended, task, header, loop))

    def _ended(
        self, task: Any, header: dict, loop: asyncio.AbstractEventLoop, coroutine: asyncio.Task
    ) -> None:
        # The next try at the same call may have come already.
        if self._calls.get(header["task"]) == (loop, header["attempt"]):
            del self._calls[header["task"]]
        if self._coroutines.get(header["task"]) is coroutine:
            del self._coroutines[header["task"]]
        if coroutine.cancelled():
            # It was cancelled before it began, so nobody has ended the call.
            self._fail(task, header, {}, asyncio.CancelledError())

    def cancel(self, task: bytes) -> bool:
        """Cancels the coroutine of a call; whether it is one of this process."""
        call = self._calls.get(task)
        if call is None:
            return False
        loop, _ = call
        # A busy loop may not have begun it yet: it does so before this.
        loop.call_soon_threadsafe(self._cancel, task)
        return True

    def _cancel(self, task: bytes) -> None:
        if task in self._coroutines:
            self._coroutines[task].cancel()

    def end(self, end: bytes) -> None:
        """The actor ends, and with it all calls under way, which fail with `end`, an error as the core reads it."""
        self._end = end
        for call in list(self._calls):
            self.cancel(call)

    def _fail(self, task: Any, header: dict, extras: dict, error: BaseException) -> None:
        if isinstance(error, Exception) and self._is_cancelled(header):
            # As in Ray, whatever the coroutine made of that.
            error = asyncio.CancelledError().with_traceback(error.__traceback__)
        if self._end is not None and isinstance(error, asyncio.CancelledError):
            _core.fail_task(task, self._end)
        else:
            self._execution.results.fail(task, header, extras, error)

    def _is_cancelled(self, header: dict) -> bool:
        return self._execution._core_worker.control("is_cancelled", task=header["task"])

    async def _run(self, task: Any, header: dict) -> None:
        execution = self._execution
        async_task_id.set(TaskID(header["task"]))
        async_task_name.set(header["shown"])
        async_task_function_name.set(header["nested_name"])
        context.coroutines[header["task"]] = context.RunningTask(header, task)
        extras, arguments = execution.split(task)
        try:
            function, _ = execution.functions.find(header, extras)
            args, kwargs = execution.recover(arguments, header, extras)
            result = function(*args, **kwargs)
            if is_coroutine(result) and not extras.get("dynamic"):
                result = await result
            if extras.get("dynamic"):
                result = await asyncio.get_running_loop().run_in_executor(
                    self.item_thread(), execution.results.gather, task, result, header, extras
                )
            elif inspect.isasyncgen(result):
                await self._drain(task, header, extras, result)
                result = None
            elif header["generator"] is not None:
                if not inspect.isgenerator(result):
                    refuse_no_generator("streaming")
                await asyncio.get_running_loop().run_in_executor(
                    self.item_thread(), execution.results.drain, task, result, header, extras
                )
                result = None
            execution.leave_if_asked()
            execution.results.finish(task, header, result)
        except BaseException as error:
            if is_exit(error):
                exit_task(execution._core_worker, task, header, error)
            else:
                self._fail(task, header, extras, error)
        finally:
            context.coroutines.pop(header["task"], None)

    async def _drain(self, task: Any, header: dict, extras: dict, items: Any) -> None:
        """Sends items from a thread: it may have to wait until the reader wants more."""
        serialize = serializer_of(header)
        loop = asyncio.get_running_loop()
        yielded = Items(extras)
        while True:
            if header["asks"]:
                await loop.run_in_executor(self.item_thread(), _core.admit_items, task, yielded.per_yield)
            try:
                value = await anext(items)
            except StopAsyncIteration:
                return
            for item in yielded.of(value):
                await loop.run_in_executor(self.item_thread(), _core.yield_item, task, serialize(item))

    def item_thread(self) -> concurrent.futures.ThreadPoolExecutor:
        if not hasattr(self, "_item_threads"):
            # One for each call, so that those that wait leave one to who may go on; each is made when it is wanted.
            self._item_threads = concurrent.futures.ThreadPoolExecutor(
                self._calls_max, thread_name_prefix="ray.items"
            )
        return self._item_threads

    def stop(self) -> None:
        for loop in self._loops.values():
            loop.call_soon_threadsafe(loop.stop)
        for thread in self._threads:
            thread.join()
