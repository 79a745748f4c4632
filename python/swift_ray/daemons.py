"""How Ray's Python starts our head and raylets, and what is said of one that ends at once."""

import os
import signal
import time
import weakref
from types import ModuleType

# The process with which a daemon ends (ParentWatch.swift).
PARENT_VARIABLE = "RAY_PARENT_PROCESS"
# Where a worker has found what it ends with.
DESCRIPTOR_VARIABLE = "RAY_PARENT_DESCRIPTOR"
NODE_OPTIONS = ("--node-id=", "--node_id=")
ERRORS_OPTION = "--stderr_filepath="
OUTPUT_OPTION = "--stdout_filepath="
# How long a node that is awaited is looked for in one go, in seconds; Ray asks again.
PATIENCE_S = 1.0
# The longest pause between two looks, in seconds.
PAUSE_S = 0.1
# How much of what a daemon has written before its end is told, in bytes.
TOLD_BYTES = 2_000

# The daemons of this process's nodes, by role and by the node's id in hexadecimal digits.
_daemons = weakref.WeakValueDictionary()


def check(role: str, node_id: str) -> bool:
    """Whether this process has started such a daemon. HeadEnded, RayletEnded: it has ended."""
    daemon = _daemons.get((role, node_id))
    if daemon is not None and daemon.poll() is not None:
        from swift_ray.refusals import HeadEnded, RayletEnded

        raise (HeadEnded if role == "gcs_server" else RayletEnded)(daemon.told_end())
    return daemon is not None


def pause(since: float, longest: float = PAUSE_S) -> None:
    """Sleeps before the next look; what comes quickly is not waited for much longer than it takes."""
    time.sleep(min(max((time.monotonic() - since) / 8, 0.002), longest))


def option(command: list[str], *names: str) -> str:
    """What the command line says of the first of these that it has."""
    return next((part.removeprefix(name) for name in names for part in command if part.startswith(name)), "")


def daemon_type(services: ModuleType) -> type:
    """The class of processes that `services` starts.

    Daemons of ours are started without a fork of the interpreter: what `preexec_fn` does in Ray is done here, and by
    themselves. It makes Python call `fork`, and libraries that look after forks (gRPC does) start their threads anew in
    the child. These find their files closed and end it, if it is not another program by then.
    """
    executables = {services.GCS_SERVER_EXECUTABLE, services.RAYLET_EXECUTABLE}

    class Process(services.ConsolePopen):
        def __init__(self, command, *arguments, preexec_fn=None, **options):
            # Ray puts `valgrind` in front of it if a variable asks for that.
            executable = next((part for part in command if part in executables), None)
            if executable is None:
                super().__init__(command, *arguments, preexec_fn=preexec_fn, **options)
                return
            self.role = os.path.basename(executable)
            self.log = option(command, ERRORS_OPTION)
            self.notes = option(command, OUTPUT_OPTION)
            # Of this process, if it is a worker: its own parent is nobody's business.
            options["env"].pop(DESCRIPTOR_VARIABLE, None)
            # A child inherits what is blocked. What a user types into the terminal is meant for the program alone.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
            try:
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
                super().__init__(command, *arguments, **options)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            _daemons[self.role, option(command, *NODE_OPTIONS)] = self

        def told_end(self) -> str:
            code = self.returncode
            end = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            if not self.log:
                return f"The {self.role} of this node {end}."
            # Who leaves in an orderly way notes why, and has no error.
            said = end_of(self.log) or end_of(self.notes) or "it wrote nothing."
            return f"The {self.role} of this node {end}: {said} ({self.log})"

    return Process


def end_of(path: str) -> str:
    """The end of a text file; nothing if there is none."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - TOLD_BYTES))
            return file.read().decode(errors="replace").strip()
    except OSError:
        return ""


def patch(services: ModuleType) -> None:
    """Starts daemons as above, and awaits their nodes."""
    services.ConsolePopen = daemon_type(services)
    find = services.get_node

    def get_node(gcs_address, node_id):
        """Ray asks without a pause, for 30 s, for the node that it has started, and logs each time."""
        since = time.monotonic()
        while True:
            try:
                return find(gcs_address, node_id)
            except RuntimeError:
                if not check("raylet", node_id) or time.monotonic() - since > PATIENCE_S:
                    raise
            pause(since)

    services.get_node = get_node
