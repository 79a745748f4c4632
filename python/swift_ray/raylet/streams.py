"""Sends standard output and error to log files, which are rotated when they grow."""

import atexit
import contextlib
import os
import select
import threading
from dataclasses import dataclass, field

_CHUNK = 65536
_ENOUGH = 1 << 62  # sizes from here on mean "never rotate", as C++ writes them


@dataclass
class _Pump:
    """Copies a pipe to a file, to its successors when it is full, and to other descriptors."""

    path: str
    most_bytes: int
    most_files: int
    tees: list[int]
    source: int
    target: int = -1
    size: int = 0
    # Held while `target` changes.
    lock: threading.Lock = field(default_factory=threading.Lock)
    wake: tuple[int, int] = field(default_factory=os.pipe)
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._open()
        self.thread = threading.Thread(
            target=self._run, name=f"redirect {os.path.basename(self.path)}", daemon=True
        )
        self.thread.start()

    def _open(self) -> None:
        self.target = _open_log(self.path)
        self.size = os.fstat(self.target).st_size

    def _rotate(self) -> None:
        """path becomes path.1, path.1 becomes path.2, up to `most_files` old ones; the oldest goes."""
        with self.lock:
            for number in range(self.most_files, 0, -1):
                older = f"{self.path}.{number - 1}" if number > 1 else self.path
                if os.path.exists(older):
                    os.replace(older, f"{self.path}.{number}")
            if self.most_files == 0:
                os.unlink(self.path)
            full = self.target
            self._open()
            os.close(full)

    def _run(self) -> None:
        """Until `stop`, and then until the pipe is dry: its end may never come, as children inherit the pipe."""
        while True:
            ready, _, _ = select.select([self.source, self.wake[0]], [], [])
            if self.source not in ready:
                return
            data = os.read(self.source, _CHUNK)
            if not data:
                return
            # A full disk costs these lines: who prints would block for ever if nobody read them.
            with contextlib.suppress(OSError):
                self._write(data)

    def stop(self) -> None:
        os.write(self.wake[1], b"x")
        self.thread.join(timeout=5)

    def _write(self, data: bytes) -> None:
        for tee in self.tees:
            _write_all(tee, data)
        while data:
            part = data[: self._fitting(data)]
            if part:
                _write_all(self.target, part)
                self.size += len(part)
                data = data[len(part) :]
            else:
                self._rotate()

    def _fitting(self, data: bytes) -> int:
        """How many bytes still go into the file: whole lines, but at least one line into an empty file."""
        room = self.most_bytes - self.size
        if len(data) <= room:
            return len(data)
        end = data.rfind(b"\n", 0, max(room, 0)) + 1
        if end == 0 and self.size == 0:
            end = data.find(b"\n") + 1 or len(data)
        return end


def _open_log(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _redirect(descriptor: int, path: str, most_bytes: int, most_files: int, tees: list[int]) -> None:
    if not tees and (most_bytes == 0 or most_bytes >= _ENOUGH):
        file = _open_log(path)
        os.dup2(file, descriptor)
        os.close(file)
        return
    copies = [os.dup(tee) for tee in tees]
    source, sink = os.pipe()
    os.dup2(sink, descriptor)
    os.close(sink)
    pump = _Pump(path, most_bytes or _ENOUGH, most_files, copies, source)
    atexit.register(_finish, descriptor, pump)


def _finish(descriptor: int, pump: _Pump) -> None:
    """Lets the pipe run dry: nothing written before the end is lost. What is written later goes to the file itself."""
    with pump.lock:
        os.dup2(pump.target, descriptor)
    pump.stop()


class StreamRedirector:
    """`rotation_max_size` bytes a file, 0 for no limit; `rotation_max_file_count` old files are kept."""

    @staticmethod
    def redirect_stdout(
        file_path: str | bytes,
        rotation_max_size: int,
        rotation_max_file_count: int,
        tee_to_stdout: bool,
        tee_to_stderr: bool,
    ) -> None:
        tees = [1] * bool(tee_to_stdout) + [2] * bool(tee_to_stderr)
        _redirect(1, os.fsdecode(file_path), rotation_max_size, rotation_max_file_count, tees)

    @staticmethod
    def redirect_stderr(
        file_path: str | bytes,
        rotation_max_size: int,
        rotation_max_file_count: int,
        tee_to_stdout: bool,
        tee_to_stderr: bool,
    ) -> None:
        tees = [1] * bool(tee_to_stdout) + [2] * bool(tee_to_stderr)
        _redirect(2, os.fsdecode(file_path), rotation_max_size, rotation_max_file_count, tees)
