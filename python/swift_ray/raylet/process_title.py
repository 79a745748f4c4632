"""The title under which `ps` shows this process."""

import threading

from swift_ray._native import write_process_title

_lock = threading.Lock()
_title: str | None = None


def setproctitle(title: str) -> None:
    """Replaces the command line and, in its first 15 bytes, the name of the process. Titles longer than the room that
    arguments and environment had at the start are cut."""
    global _title
    if title == _title:
        return
    with _lock:
        write_process_title(title)
        _title = title


def getproctitle() -> str:
    """The title that was set, else the command line."""
    with _lock:
        if _title is not None:
            return _title
    with open("/proc/self/cmdline", "rb") as file:
        return file.read().rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
