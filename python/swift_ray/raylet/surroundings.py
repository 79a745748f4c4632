"""What a task finds around it: accelerators, threads of libraries, the title of its process, whose output it is."""

import os
import sys
from typing import Any

from swift_ray.raylet.process_title import setproctitle


class Surroundings:
    """Of the tasks of one process."""

    def __init__(self) -> None:
        # Whether the process is titled by a task that has ended: the next one may be here already.
        self.has_title = False
        self._idle_title = "ray::IDLE"
        # The resources whose surroundings are in force, and how to undo them.
        self._surrounded: dict[str, float] | None = None
        self._is_omp_set = False
        # What `announce` printed last.
        self._announced = "", ""

    def surround(self, resources: dict[str, float]) -> dict:
        """Sets variables of the environment for a task; returns those of accelerators, as they were before.

        Without accelerators the next task with the same resources finds everything in place.
        """
        if resources == self._surrounded:
            return {}
        import ray._private.utils as utils

        if self._is_omp_set:
            os.environ.pop("OMP_NUM_THREADS", None)
        visible = utils.set_visible_accelerator_ids()
        self._is_omp_set = utils.set_omp_num_threads_if_unset()
        self._surrounded = None if visible else resources
        return visible

    def leave_title(self, idle: str) -> None:
        """The task has ended: the loop titles the process anew when there is no other, at the latest in SLICE_MS."""
        self.has_title, self._idle_title = True, idle

    def set_idle_title(self) -> None:
        self.has_title = False
        setproctitle(self._idle_title)

    def announce_actor(self, instance: Any) -> str | None:
        """An actor whose class says how it is shown is named so from here on; returns that."""
        if "__repr__" not in type(instance).__dict__:
            return None
        shown = repr(instance)
        self.announce("actor_name", shown)
        return shown

    def announce(self, kind: str, name: str) -> None:
        """Prints whose output follows, where that changes: drivers put it in front of the lines."""
        if self._announced == (kind, name):
            return
        self._announced = kind, name
        for stream in (sys.stdout, sys.stderr):
            print(f":{kind}:{name}", file=stream, flush=True)
