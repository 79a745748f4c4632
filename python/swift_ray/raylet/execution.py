"""One task, from its arguments to its results."""

import inspect
from typing import Any

import msgpack
from ray._private import client_mode_hook

from swift_ray import _core
from swift_ray.raylet import by_name, context, stepping
from swift_ray.raylet.calls import EXTRAS
from swift_ray.raylet.context import ray_worker
from swift_ray.raylet.functions import Functions
from swift_ray.raylet.kinds import ACTOR_CALL, ACTOR_CREATION, NORMAL
from swift_ray.raylet.plain_methods import PlainMethod, header_from
from swift_ray.raylet.process_end import exit_task, is_exit
from swift_ray.raylet.process_title import setproctitle
from swift_ray.raylet.results import Results, refuse_no_generator
from swift_ray.raylet.serialization import deserialize
from swift_ray.raylet.surroundings import Surroundings

# The first bytes of an object say how long its MessagePack part is (`unpack.c`).
HEADER_BYTES = 9
# Tasks may be given a name each; descriptions of so many are remembered.
DESCRIPTIONS_MAX = 1_000


class Execution:
    """Runs tasks of one core worker."""

    def __init__(self, core_worker: Any) -> None:
        self._core_worker = core_worker
        self.surroundings = Surroundings()
        self.functions = Functions(core_worker, self.surroundings)
        self.results = Results(self.functions)
        self._calls: dict[Any, int] = {}
        # What tasks are, less their ids and tries, by the number that those have in common which differ in no more.
        self._descriptions: dict[int, dict] = {}
        # Methods that have been called, by the same number.
        self.plain_methods: dict[int, PlainMethod] = {}

    def run(self, task: Any, header: dict) -> None:
        """Runs a task on this thread and ends it, whatever happens."""
        before = context.enter(context.RunningTask(header, task))
        # As `disable_client_hook` does, which costs as much as the rest of a small task.
        status = client_mode_hook._disable_client_hook()
        try:
            self._run(task, header)
        finally:
            client_mode_hook._set_client_hook_status(status)
            context.enter(before)

    def forget_methods(self) -> None:
        """No call comes any more: what is remembered of methods holds the actor."""
        self.plain_methods.clear()
        self.functions.forget()

    def header_of(self, task: Any) -> dict:
        """What a task is: what those like it have in common, its id and its try."""
        return header_from(self.description_of(task), task)

    def description_of(self, task: Any) -> dict:
        """What tasks of the same call have in common: their description (`DescribedCall.swift`) and names."""
        described = self._descriptions.get(task.call)
        return self._described(task) if described is None else described

    def _described(self, task: Any) -> dict:
        described = msgpack.unpackb(_core.task_description(task))
        module, cls, name, _ = described["function"]
        # What the task is called, and its function, as in Ray without what that is nested in.
        short = ".".join(part for part in (cls.rpartition(".")[2], name.rpartition(".")[2]) if part)
        described["shown"] = described["name"] or short
        described["function_name"] = ".".join(part for part in (module, short) if part)
        # As Ray calls it in coroutines: with what that is nested in.
        described["nested_name"] = ".".join(part for part in (module, cls, name) if part)
        described["title"] = f"ray::{described['shown']}"
        described["idle_title"] = f"ray::{cls.rpartition('.')[2]}"
        described["key"] = (described["job"], *described["function"])
        if len(self._descriptions) >= DESCRIPTIONS_MAX:
            self._descriptions.clear()
            self.plain_methods.clear()
        self._descriptions[task.call] = described
        return described

    def _run(self, task: Any, header: dict) -> None:
        extras, arguments = self.split(task)
        cancellation = self._core_worker._cancellation
        try:
            self.functions.configure(header["job"])
            function, max_calls = self.functions.find(header, extras)
            if PlainMethod.fits(header):
                self.plain_methods[task.call] = PlainMethod(self, self.description_of(task), function)
            args, kwargs = self.recover(arguments, header, extras)
            try:
                if header["kind"] == NORMAL:
                    cancellation.begin(header["task"])
                outputs = self.surrounded(task, function, header, extras, args, kwargs)
            finally:
                cancellation.interruptible = None
                self._count(header, max_calls)
            if header["kind"] == ACTOR_CREATION:
                if (shown := self.surroundings.announce_actor(self.functions.instance(header))) is not None:
                    self._core_worker.control("show_actor", name=shown)
            self.results.finish(task, header, outputs)
        except BaseException as error:
            cancellation.interruptible = None
            self.end(task, header, extras, error)

    def end(self, task: Any, header: dict, extras: dict, error: BaseException) -> None:
        """Ends a task that has raised an error, and the process if that is what it stands for."""
        if is_exit(error):
            exit_task(self._core_worker, task, header, error)
        else:
            self.results.fail(task, header, extras, error)

    @staticmethod
    def split(task: Any) -> tuple[dict, list]:
        """What is for the loop, and the function's own arguments."""
        arguments = task.arguments
        if arguments and arguments[0][1] == EXTRAS:
            return (
                msgpack.unpackb(arguments[0][0].to_pybytes()[HEADER_BYTES:], strict_map_key=False),
                arguments[1:],
            )
        return {}, arguments

    @staticmethod
    def recover(arguments: list, header: dict, extras: dict) -> tuple[list, dict]:
        """The arguments as they were given; an argument that is an error is raised."""
        if not arguments:
            return [], {}
        from ray._common import signature
        from ray.exceptions import RayError

        values = deserialize(arguments)
        for value in values:
            if isinstance(value, RayError):
                raise value
        if by_name.is_by_name(header):
            return by_name.arguments_of(values, extras)
        return signature.recover_args(values)

    def surrounded(
        self, task: Any, function: Any, header: dict, extras: dict, args: list, kwargs: dict
    ) -> Any:
        """`produce` with what a task finds around it: accelerators, threads of libraries, process title."""
        if header["kind"] == ACTOR_CALL:
            setproctitle(header["title"])
            result = self.produce(task, function, header, extras, args, kwargs)
            self.surroundings.leave_title(header["idle_title"])
            return result
        if header["kind"] == NORMAL:
            self.surroundings.announce("task_name", header["shown"])
        visible = self.surroundings.surround(header["resources"])
        setproctitle(header["title"])
        try:
            return self.produce(task, function, header, extras, args, kwargs)
        finally:
            if header["kind"] == NORMAL:
                self.surroundings.leave_title("ray::IDLE")
                if visible:
                    import ray._private.utils as utils

                    utils.reset_visible_accelerator_env_vars(visible)
            else:
                # Its calls may run on other threads, whose titles are not the process's name.
                setproctitle(header["idle_title"])

    def produce(self, task: Any, function: Any, header: dict, extras: dict, args: list, kwargs: dict) -> Any:
        """Calls the function and, if that is a generator, takes its items."""
        outputs = self.call(function, header, args, kwargs, extras.get(stepping.BREAKPOINT))
        if extras.get("dynamic"):
            return self.results.gather(task, outputs, header, extras)
        if not inspect.isgenerator(outputs):
            if header["generator"] is not None:
                refuse_no_generator("streaming")
            return outputs
        if header["generator"] is not None:
            return self.results.drain(task, outputs, header, extras)
        values = self.results.collect(outputs, header, extras)
        return values[0] if header["returns"] == 1 else values

    def call(
        self, function: Any, header: dict, args: list, kwargs: dict, breakpoint_uuid: bytes | None = None
    ) -> Any:
        loops = self._core_worker._loops
        if header["kind"] == ACTOR_CREATION and loops is not None:
            result = loops.run_now(function, args, kwargs)
        else:
            result = stepping.run(function, args, kwargs, breakpoint_uuid)
        self.leave_if_asked()
        return result

    def leave_if_asked(self) -> None:
        """SystemExit: `exit_actor` was called in this call, although something in it has caught what that raised."""
        if self._core_worker._exiting and self._core_worker.get_current_actor_should_exit():
            raise SystemExit(0)

    def _count(self, header: dict, max_calls: int) -> None:
        """Says that this is the last task here when the function has been called often enough, or has left the cluster.

        As in Ray `ray.shutdown()` in a task is the end of its worker: it could not make calls any more.
        """
        if header["kind"] == NORMAL and ray_worker().mode is None:
            self._core_worker.control("retire")
            return
        if not max_calls:
            return
        key = tuple(header["function"])
        self._calls[key] = self._calls.get(key, 0) + 1
        if self._calls[key] >= max_calls:
            self._core_worker.control("retire")
