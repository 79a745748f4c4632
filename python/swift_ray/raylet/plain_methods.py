"""Methods of an actor that have been called before: of most calls there is no more to do than what is here."""

from types import GeneratorType
from typing import Any

from ray._private import client_mode_hook

from swift_ray.raylet import by_name, context, stepping
from swift_ray.raylet.calls import EXTRAS
from swift_ray.raylet.kinds import ACTOR_CALL
from swift_ray.raylet.process_title import setproctitle


def header_from(described: dict, task: Any) -> dict:
    """What a task is (`Execution.header_of`) that is described so."""
    return {**described, "task": task.id, "attempt": task.attempt}


class PlainMethod:
    """One method with one result. Its calls come to the same as those by `Execution.run`, which has to ask what they are."""

    __slots__ = ("_execution", "_described", "_function", "_title", "_idle_title", "group")

    def __init__(self, execution: Any, described: dict, function: Any) -> None:
        """`described`: what its calls have in common (`Execution.description_of`)."""
        self._execution = execution
        self._described = described
        self._function = function
        self._title = described["title"]
        self._idle_title = described["idle_title"]
        # The concurrency group.
        self.group = described["group"]

    @staticmethod
    def fits(header: dict) -> bool:
        """Whether calls like this one may be of a plain method."""
        return (
            header["kind"] == ACTOR_CALL
            and header["returns"] == 1
            and header["generator"] is None
            and not by_name.is_by_name(header)
        )

    def run(self, task: Any) -> None:
        """Runs a call on this thread and ends it, whatever happens."""
        execution = self._execution
        arguments = task.arguments if task.has_arguments else None
        if arguments and arguments[0][1] == EXTRAS:
            execution.run(task, header_from(self._described, task))
            return
        before = context.enter(context.RunningTask(self._described, task))
        hook = client_mode_hook._client_hook_status_on_thread
        status = getattr(hook, "status", True)
        hook.status = False
        try:
            args, kwargs = execution.recover(arguments, self._described, {}) if arguments else ((), {})
            setproctitle(self._title)
            value = stepping.run(self._function, args, kwargs, None)
            execution.leave_if_asked()
            if isinstance(value, GeneratorType):
                (value,) = execution.results.collect(value, header_from(self._described, task), {})
            execution.surroundings.leave_title(self._idle_title)
            execution.results.send_value(task, value)
        except BaseException as error:
            execution.end(task, header_from(self._described, task), {}, error)
        finally:
            hook.status = status
            context.enter(before)
