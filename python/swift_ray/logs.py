"""`ray logs` and `ray.util.state.get_log` without a dashboard: the files of this machine's session are read."""

import codecs
import glob
import itertools
import os
import socket
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# How often a file that is followed is looked at, if nobody says.
INTERVAL_S = 0.5
CHUNK_BYTES = 1 << 20
TASK_MARK = b":task_name:"
# A worker's first line that says whose output follows is one of these.
MARKS = (TASK_MARK, b":actor_name:")
SUFFIXES = ("out", "err")
# What writes files, by a part of their name and its end: the first that fits.
WRITERS = (
    ("worker_out", "worker", ".out"),
    ("worker_err", "worker", ".err"),
    ("core_worker", "core-worker", ".log"),
    ("driver", "core-driver", ".log"),
    ("raylet", "raylet.", ""),
    ("gcs_server", "gcs_server.", ""),
    ("internal", "log_monitor", ""),
    ("autoscaler", "monitor", ""),
    ("agent", "agent.", ""),
    ("dashboard", "dashboard.", ""),
    ("internal", "", ""),
)


def list_logs(
    address: str | None = None,
    node_id: str | None = None,
    node_ip: str | None = None,
    glob_filter: str | None = None,
    timeout: int = 30,
) -> dict[str, list[str]]:
    """Takes the place of `ray.util.state.list_logs`: names of files by what wrote them.

    RayStateApiException: there is no such node, it is another machine, or the filter is none.
    """
    assert node_ip is not None or node_id is not None, "At least one of node ip and node id is required"
    found: dict[str, list[str]] = {}
    for name in files_in(Places(address).folder(node_id, node_ip), glob_filter or "*"):
        found.setdefault(writer_of(name), []).append(name)
    return found


def get_log(
    address: str | None = None,
    node_id: str | None = None,
    node_ip: str | None = None,
    filename: str | None = None,
    actor_id: str | None = None,
    task_id: str | None = None,
    pid: int | None = None,
    follow: bool = False,
    tail: int = -1,
    timeout: int = 30,
    suffix: str = "out",
    encoding: str | None = "utf-8",
    errors: str | None = "strict",
    submission_id: str | None = None,
    attempt_number: int = 0,
    _interval: float | None = None,
    filter_ansi_code: bool = False,
) -> Iterator[Any]:
    """Takes the place of `ray.util.state.get_log`: parts of one file, of its last `tail` lines if that is not negative.

    RayStateApiException: there is no such file, or it is on another machine. ValueError: nothing that can be looked for.
    """
    from ray.util.state.common import GetLogOptions, remove_ansi_escape_codes

    options = GetLogOptions(
        timeout=timeout,
        node_id=node_id,
        node_ip=node_ip,
        filename=filename,
        actor_id=actor_id,
        task_id=task_id,
        pid=pid,
        lines=tail,
        media_type="stream" if follow else "file",
        suffix=suffix,
        submission_id=submission_id,
        attempt_number=attempt_number,
        interval=_interval if follow else None,
    )
    path, task = Places(address).file(options)
    end = os.path.getsize(path)
    if task is None:
        parts = chunks(path, 0 if tail < 0 else start_of_last_lines(path, end, tail), end)
    else:
        parts = of_task(chunks(path, 0, end), task)
        if tail >= 0:
            parts = deque(parts, maxlen=tail)
    if follow:
        parts = itertools.chain(parts, added(path, end, _interval or INTERVAL_S))
    if encoding is None:
        yield from parts
        return
    for text in codecs.iterdecode(parts, encoding, errors or "strict"):
        yield remove_ansi_escape_codes(text) if filter_ansi_code is True else text


class Places:
    """Where the logs of one cluster are."""

    def __init__(self, address: str | None) -> None:
        from swift_ray.state import control_store

        self._client = control_store(address)

    def file(self, options: Any) -> tuple[str, bytes | None]:
        """The path of what is asked for, and the name of the task whose part of it is meant.

        RayStateApiException: it is not here.
        """
        if options.filename is not None:
            return self._named(options.filename, self.folder(options.node_id, options.node_ip)), None
        if options.submission_id is not None:
            raise refusal("This core submits no jobs, so none has a log: a driver prints where it runs")
        if options.task_id is not None:
            row = self._task(options.task_id, options.attempt_number)
            return (
                self._file_of(row["worker_pid"], self.folder(row["node_id"]), options.suffix),
                row["name"].encode(),
            )
        if options.actor_id is not None:
            row = self._row("actors", "actor_id", options.actor_id)
            if not row["pid"]:
                raise refusal(
                    f"Worker ID for Actor ID {options.actor_id} not found. Actor is not scheduled yet."
                )
            return self._file_of(row["pid"], self.folder(row["node_id"]), options.suffix), None
        return self._file_of(options.pid, self.folder(options.node_id, options.node_ip), options.suffix), None

    def folder(self, node_id: str | None, node_ip: str | None = None) -> str:
        """The folder of a node's logs. RayStateApiException: there is no such node, or it is another machine."""
        nodes = [
            node
            for node in self._client.nodes()
            if node_id in (None, node["node"].hex()) and node_ip in (None, node["host"])
        ]
        if not nodes:
            raise refusal(f"There is no node {node_id or node_ip}")
        node = max(nodes, key=lambda node: node["alive"])
        host, folder = node["host"], os.path.join(node["session"], "logs")
        if not is_here(host) or not os.path.isdir(folder):
            raise refusal(f"The logs of node {host} are in {folder} of that machine: look for them there")
        return folder

    @staticmethod
    def _named(name: str, folder: str) -> str:
        # A file may be a link to another place, as in Ray.
        path = os.path.abspath(os.path.join(folder, name))
        if not path.startswith(os.path.abspath(folder) + os.sep) or not os.path.isfile(path):
            raise refusal(f"There is no file {name} in {folder}")
        return path

    @staticmethod
    def _file_of(process: int, folder: str, suffix: str) -> str:
        """What the last worker with this process id has printed."""
        if suffix not in SUFFIXES:
            raise refusal(f"The suffix is {suffix!r}, and must be one of {SUFFIXES}")
        found = glob.glob(os.path.join(glob.escape(folder), f"worker-*-{int(process)}.{suffix}"))
        if not found:
            raise refusal(f"There is no log of a worker with the process id {process} in {folder}")
        return max(found, key=os.path.getmtime)

    def _task(self, task_id: str, attempt: int) -> dict:
        row = self._row("tasks", "task_id", task_id, ("attempt_number", False, str(attempt)))
        if row["actor_id"] is not None:
            raise refusal(
                f"For actor task, please query actor log for actor({row['actor_id']}): "
                f"e.g. ray logs actor --id {row['actor_id']}"
            )
        if not row["worker_pid"]:
            raise refusal(f"Task {task_id} (attempt {attempt}) has not run in any worker yet")
        return row

    def _row(self, resource: str, column: str, value: str, *more: tuple) -> dict:
        rows = self._client.rows(resource, [(column, False, value), *more], 1)["rows"]
        if not rows:
            raise refusal(f"There are no {resource} with the {column} {value}")
        return rows[0]


def refusal(sentence: str) -> Exception:
    from ray.util.state.exception import RayStateApiException

    return RayStateApiException(sentence)


def is_here(host: str) -> bool:
    """Whether it is an address of this machine."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(address)
    except OSError:
        return False
    return True


def files_in(folder: str, pattern: str) -> list[str]:
    """The files and folders below a folder that fit, by their paths from there.

    RayStateApiException: the pattern leaves the folder, or is none.
    """
    if Path(pattern).anchor or ".." in Path(pattern).parts:
        raise refusal(f"Invalid glob filter: {pattern}. It must be a relative path and cannot contain '..'.")
    try:
        found = list(Path(folder).glob(pattern))
    except (ValueError, IndexError) as error:
        raise refusal(f"Invalid glob filter: {pattern}. {error}") from None
    return sorted(str(path.relative_to(folder)) + ("/" if path.is_dir() else "") for path in found)


def writer_of(name: str) -> str:
    """What has written a file, in Ray's words."""
    return next(writer for writer, part, end in WRITERS if part in name and name.endswith(end))


def chunks(path: str, start: int, end: int) -> Iterator[bytes]:
    """A part of a file."""
    with open(path, "rb") as file:
        file.seek(start)
        while start < end and (part := file.read(min(end - start, CHUNK_BYTES))):
            start += len(part)
            yield part


def start_of_last_lines(path: str, end: int, count: int) -> int:
    """Where the last lines of a file of that length begin; no more of it is read."""
    if count == 0:
        return end
    with open(path, "rb") as file:
        # The last byte may end a line, but none begins after it.
        stop = end - 1
        while stop > 0:
            start = max(0, stop - CHUNK_BYTES)
            file.seek(start)
            place = len(part := file.read(stop - start))
            while (place := part.rfind(b"\n", 0, place)) >= 0:
                count -= 1
                if count == 0:
                    return start + place + 1
            stop = start
    return 0


def lines(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The same, line by line."""
    begun: list[bytes] = []
    for part in parts:
        *whole, rest = part.split(b"\n")
        for line in whole:
            yield b"".join((*begun, line, b"\n"))
            begun.clear()
        begun.append(rest)
    if rest := b"".join(begun):
        yield rest


def of_task(parts: Iterator[bytes], name: bytes) -> Iterator[bytes]:
    """What tasks of that name have printed in a worker; marks between the lines say whose they are."""
    is_wanted = False
    for line in lines(parts):
        if line.startswith(MARKS):
            is_wanted = line.rstrip(b"\n") == TASK_MARK + name
        elif is_wanted:
            yield line


def added(path: str, end: int, interval: float) -> Iterator[bytes]:
    """For ever what is added to a file of that length."""
    with open(path, "rb") as file:
        file.seek(end)
        while True:
            if part := file.read(CHUNK_BYTES):
                yield part
            else:
                time.sleep(interval)
