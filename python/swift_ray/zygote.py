"""A process that imports Ray once and becomes workers by forking (`Sources/Transport/Zygote.swift` has the other side).

It has one thread, opens no runtime, and imports what every worker does: nothing that looks at the environment of one.
"""

import contextlib
import gc
import os
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

# The number of the socket to the raylet.
VARIABLE = "RAY_FORK_DESCRIPTOR"
# What workers watch to end with their raylet: the same for all.
PARENT_VARIABLE = "RAY_PARENT_DESCRIPTOR"
NUMBER = struct.Struct("<i")
LENGTH = struct.Struct("<I")
DESCRIPTORS = 3
# A request is the environment of one process.
REQUEST_BYTES_MAX = 16 << 20


def load_ray() -> None:
    """Imports what `default_worker.py` and the first task want."""
    import ray._common.usage.usage_lib  # noqa: F401
    import ray._private.workers.default_worker  # noqa: F401


def serve(load: Callable[[], None] = load_ray) -> None:
    """Returns in every process that was forked. In this one never: it ends when the raylet closes the socket."""
    connection = socket.socket(fileno=int(os.environ.pop(VARIABLE)))
    connection.set_inheritable(False)
    # What is loaded stays: collections meanwhile find nothing.
    gc.disable()
    load()
    gc.enable()
    # Collections in the children would copy the pages of what is never garbage.
    gc.collect()
    gc.freeze()
    answer_or_end(connection, 0)
    parent = os.environ.get(PARENT_VARIABLE)
    while True:
        request = receive(connection)
        if request is None:
            os._exit(0)
        folder, variables, descriptors = request
        if parent is not None:
            variables[PARENT_VARIABLE] = parent
        answer = fork(descriptors)
        if answer is None:
            connection.close()
            return become(folder, variables, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        answer_or_end(connection, answer)


def answer_or_end(connection: socket.socket, number: int) -> None:
    """Tells the raylet a number; without a raylet this process ends."""
    try:
        connection.sendall(NUMBER.pack(number))
    except OSError:
        os._exit(0)


def receive(connection: socket.socket) -> tuple[str, dict[str, str], list[int]] | None:
    """Folder, environment, and the descriptors of output, errors and gate; None at the end."""
    data, descriptors, _, _ = socket.recv_fds(connection, 1 << 16, DESCRIPTORS)
    while data and (len(data) < LENGTH.size or len(data) < LENGTH.size + LENGTH.unpack_from(data)[0]):
        if len(data) >= LENGTH.size and LENGTH.unpack_from(data)[0] > REQUEST_BYTES_MAX:
            return None
        more = connection.recv(1 << 16)
        if not more:
            return None
        data += more
    if not data or len(descriptors) != DESCRIPTORS:
        return None
    folder, *variables = data[LENGTH.size :].decode(errors="surrogateescape").split("\0")
    return folder, dict(variable.split("=", 1) for variable in variables), list(descriptors)


def fork(descriptors: list[int]) -> int | None:
    """The id of a new process, or the negative number of an error; None in that process.

    It is the child of a process that ends at once, and so comes to the raylet, which collects it like its own.
    """
    reader, writer = os.pipe()
    try:
        middle = os.fork()
    except OSError as error:
        os.close(reader)
        os.close(writer)
        return -(error.errno or 1)
    if middle == 0:
        try:
            process = os.fork()
        except OSError as error:
            os.write(writer, NUMBER.pack(-(error.errno or 1)))
            os._exit(0)
        if process == 0:
            os.close(reader)
            os.close(writer)
            return None
        # Before anybody can want to signal the group.
        with contextlib.suppress(OSError):
            os.setpgid(process, process)
        os.write(writer, NUMBER.pack(process))
        os._exit(0)
    os.close(writer)
    answer = os.read(reader, NUMBER.size)
    os.close(reader)
    os.waitpid(middle, 0)
    return NUMBER.unpack(answer)[0] if len(answer) == NUMBER.size else -1


def become(folder: str, variables: dict[str, str], descriptors: list[int]) -> None:
    """Makes this process what the raylet asked for, when it says so: else nobody knows of it, and it ends."""
    output, errors, gate = descriptors
    try:
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        if os.read(gate, 1) != b"\1":
            os._exit(0)
        for source, target in ((output, 1), (errors, 2)):
            os.dup2(source, target)
        for descriptor in descriptors:
            os.close(descriptor)
        if folder:
            os.chdir(folder)
        os.environ.clear()
        os.environ.update(variables)
        signal.set_wakeup_fd(-1)
    except BaseException:
        fail()


def fail() -> NoReturn:
    """Ends a process that cannot be what it should; its last lines say why."""
    traceback.print_exc()
    sys.stderr.flush()
    os._exit(1)
