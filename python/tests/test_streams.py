"""Output goes to files, and files are rotated."""

import os
import subprocess
import sys

PROGRAM = """
import os, sys
import swift_ray; swift_ray.install()
from ray._raylet import StreamRedirector
path, size, count, tee, lines = sys.argv[1], *map(int, sys.argv[2:])
StreamRedirector.redirect_stdout(path + ".out", size, count, bool(tee), False)
StreamRedirector.redirect_stderr(path + ".err", size, count, False, False)
for number in range(lines):
    print(f"line {number}", flush=True)
os.write(2, b"an error\\n")
os.system("echo from a child")
"""


def run(folder, size, count, tee, lines):
    path = os.path.join(folder, "log")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = [sys.executable, "-c", PROGRAM, path, *map(str, (size, count, tee, lines))]
    done = subprocess.run(arguments, env=environment, capture_output=True, timeout=60, check=True)
    return path, done.stdout.decode()


def read(path):
    with open(path) as file:
        return file.read()


WRITTEN = "".join(f"line {number}\n" for number in range(500)) + "from a child\n"


def test_without_rotation(tmp_path):
    for size in (0, 2**64 - 1):
        folder = tmp_path / str(size)
        folder.mkdir()
        path, shown = run(folder, size, 1, 0, 500)
        assert (read(path + ".out"), read(path + ".err"), shown) == (WRITTEN, "an error\n", "")
        assert len(os.listdir(folder)) == 2


def test_tee(tmp_path):
    path, shown = run(tmp_path, 0, 0, 1, 500)
    assert read(path + ".out") == shown == WRITTEN


def test_rotation_keeps_the_last_files(tmp_path):
    path, _ = run(tmp_path, 1000, 2, 0, 500)
    files = [path + ".out.2", path + ".out.1", path + ".out"]
    assert sorted(os.listdir(tmp_path)) == ["log.err", "log.out", "log.out.1", "log.out.2"]
    assert WRITTEN.endswith("".join(map(read, files)))
    assert all(0 < os.path.getsize(file) <= 1000 for file in files)


def test_the_end_waits_for_a_rotation(tmp_path):
    slow = "import os, time; replace = os.replace; os.replace = lambda *a: (time.sleep(0.1), replace(*a))\n"
    path, errors = str(tmp_path / "log"), str(tmp_path / "errors")
    # The last two lines find their files full.
    program = slow + PROGRAM.replace("os.system", "os.write(1, b'x' * 90 + bytes([10]))\nos.system")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with open(errors, "w") as file:
        command = [sys.executable, "-c", program, path, "100", "2", "0", "12"]
        subprocess.run(command, env=environment, stderr=file, check=True)
    assert read(errors) == ""
    assert sorted(os.listdir(tmp_path)) == ["errors", "log.err", "log.out", "log.out.1", "log.out.2"]
    assert read(path + ".err") == "an error\n"
    assert read(path + ".out") == "from a child\n"


def test_rotation_without_old_files(tmp_path):
    path, _ = run(tmp_path, 1000, 0, 0, 500)
    assert sorted(os.listdir(tmp_path)) == ["log.err", "log.out"]
    assert WRITTEN.endswith(read(path + ".out"))


def test_children_that_live_on_do_not_hold_up_the_end(tmp_path):
    import time

    program = PROGRAM + "import subprocess, time; child = subprocess.Popen(['sleep', '60']).pid\n"
    program += "print(child, time.monotonic(), flush=True)\n"
    path = str(tmp_path / "log")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program, path, "1000", "2", "0", "5"], env=environment, check=True)
    now = time.monotonic()
    child, last = read(path + ".out").splitlines()[-1].split()
    os.kill(int(child), 9)
    # From the program's last words: without its care the end would take 5 s.
    assert now - float(last) < 4
