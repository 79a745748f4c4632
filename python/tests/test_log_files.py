"""Parts of files and lines, as `ray logs` reads them."""

import ast
import itertools
from collections import defaultdict
from pathlib import Path

import pytest
import ray
from test_daemons import finish

from swift_ray import logs

TEXTS = [b"", b"\n", b"a", b"a\n", b"a\nbc", b"a\nbc\n", b"\n\n\n", b"abcdefgh\n" * 3, b"\nabcdefghijk\n\nx"]


@pytest.mark.parametrize(("text", "size"), list(itertools.product(TEXTS, (1, 2, 3, 100))))
def test_the_last_lines_are_found_from_the_end(text, size, tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "CHUNK_BYTES", size)
    path = str(tmp_path / "log")
    # What is added after its length was taken is none of it.
    (tmp_path / "log").write_bytes(text + b"more\n")
    lines = text.splitlines(keepends=True)
    for count in range(6):
        start = logs.start_of_last_lines(path, len(text), count)
        expected = b"".join(lines[-count:] if count else [])
        assert b"".join(logs.chunks(path, start, len(text))) == expected
    assert list(logs.lines(logs.chunks(path, 0, len(text)))) == lines


def test_no_more_is_read_than_is_wanted(tmp_path, monkeypatch):
    with open(tmp_path / "log", "wb") as file:
        # It takes no room, and nobody would wait until it is read.
        file.truncate(1 << 40)
        file.seek(0, 2)
        file.write(b"\none\ntwo\n")
        end = file.tell()
    assert logs.start_of_last_lines(str(tmp_path / "log"), end, 2) == end - len(b"one\ntwo\n")


def read(text, tmp_path, monkeypatch, **options):
    (tmp_path / "log").write_bytes(text)
    monkeypatch.setattr(logs.Places, "__init__", lambda self, address: None)
    monkeypatch.setattr(logs.Places, "file", lambda self, options: (str(tmp_path / "log"), None))
    return "".join(logs.get_log(node_id="00", filename="log", **options))


def test_a_part_of_a_character_at_the_end_is_told_of(tmp_path, monkeypatch):
    part = "a ä".encode()[:-1]
    with pytest.raises(UnicodeDecodeError):
        read(part, tmp_path, monkeypatch)
    assert read(part, tmp_path, monkeypatch, errors="replace") == "a \ufffd"
    monkeypatch.setattr(logs, "CHUNK_BYTES", 1)
    assert read("ä ö".encode(), tmp_path, monkeypatch) == "ä ö"


def writers_of_ray(names):
    """What Ray's own function says, out of its file: that can be imported only where `ray[default]` is installed."""
    path = Path(ray.__file__).parent / "dashboard/modules/log/log_manager.py"
    (function,) = (
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name == "_categorize_log_files"
    )
    function.returns = None
    for argument in function.args.args:
        argument.annotation = None
    scope = {"defaultdict": defaultdict}
    exec(compile(ast.Module([function], []), str(path), "exec"), scope)
    return scope[function.name](None, names)


def test_writers_are_those_of_ray():
    names = [
        *(
            "worker-1-2.out",
            "worker-1-2.err",
            "python-core-worker-1.log",
            "python-core-driver-1.log",
            "raylet.out",
        ),
        *(
            "raylet.1.err",
            "gcs_server.out",
            "log_monitor.log",
            "monitor.log",
            "dashboard_agent.log",
            "worker.txt",
        ),
        *("dashboard.log", "runtime_env_agent.out", "old/", "old/worker-1.out", "core-worker.txt"),
    ]
    ours = {}
    for name in names:
        ours.setdefault(logs.writer_of(name), []).append(name)
    assert ours == writers_of_ray(names)


def test_they_are_found_wherever_the_session_is(tmp_path):
    """The latest session of the usual folder may be another cluster's."""
    finish(
        """
from ray.util.state import get_log, list_logs
begin()
def says():
    print("it says this", flush=True)
    return os.getpid()
pid = ray.get(ray.remote(says).remote())
node = ray.get_runtime_context().get_node_id()
folder = ray._private.worker._global_node.get_logs_dir_path()
assert folder.startswith(os.environ["RAY_TMPDIR"])
before = os.listdir(folder)
listed = {name.rstrip("/") for group in list_logs(node_id=node).values() for name in group}
assert set(before) <= listed <= set(os.listdir(folder))
assert "it says this" in "".join(get_log(pid=pid, node_id=node))
""",
        RAY_TMPDIR=str(tmp_path),
    )
