"""Rates of a notebook: a process with nothing but Ray's own package, which has joined a cluster by ray://.

It talks to a head that `ray start --head` has started, by Ray Client's proxy, as a user's notebook does. (The rows of `ray
microbenchmark` that begin with "client:" have client and server in one process, and no proxy between.)
"""

import contextlib
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

ROW_SECONDS = 3
# A head is started, and a client has done its rows, within so long.
LIMIT_SECONDS = 120
# The command `ray`, with our core where the environment does not say otherwise.
COMMAND = """
import sys
import swift_ray
swift_ray.install()
sys.argv[0] = "ray"
from ray.scripts.scripts import main
main()
"""
CLIENT = f"""
import sys
import time
import ray
ray.init(sys.argv[1], logging_level="error")

@ray.remote
class Actor:
    def call(self):
        return b"ok"

@ray.remote
def task():
    return b"ok"

actor, value = Actor.remote(), ray.put(0)
ROWS = (
    ("get calls", 1, lambda: ray.get(value)),
    ("put calls", 1, lambda: ray.put(0)),
    ("tasks sync", 1, lambda: ray.get(task.remote())),
    ("1:1 actor calls sync", 1, lambda: ray.get(actor.call.remote())),
    ("1:1 actor calls async", 1000, lambda: ray.get([actor.call.remote() for _ in range(1000)])),
)
for row, times, function in ROWS:
    function()
    start, count = time.perf_counter(), 0
    while time.perf_counter() < start + {ROW_SECONDS}:
        function()
        count += times
    print("row", count / (time.perf_counter() - start), row, sep="\\t", flush=True)
"""


def rates(environment: dict[str, str]) -> Iterator[tuple[str, float]]:
    """Rows with their rates, on a cluster that has `environment`.

    RuntimeError: the head was not started, or the client has not done its rows; what was printed last is in the text.
    """
    environment = {**environment, "RAY_AUTH_MODE": "disabled"}
    with head(environment) as port:
        command = [sys.executable, "-c", CLIENT, f"ray://127.0.0.1:{port}"]
        try:
            done = subprocess.run(
                command,
                env={**environment, "SWIFT_RAY": "0"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=LIMIT_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"a client by ray:// was stopped after {LIMIT_SECONDS} s") from error
    if done.returncode != 0:
        raise RuntimeError(f"a client by ray:// ended with {done.returncode}:\n{done.stdout[-3000:]}")
    for line in done.stdout.splitlines():
        if line.startswith("row\t"):
            _, rate, row = line.split("\t")
            yield f"notebook: {row}", float(rate)


@contextlib.contextmanager
def head(environment: dict[str, str]) -> Iterator[int]:
    """A head in the foreground, with the port of Ray Client's proxy; it ends as by SIGTERM in a pod."""
    port, client_port = free_ports(2)
    arguments = ["--head", f"--port={port}", f"--ray-client-server-port={client_port}", "--block"]
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", COMMAND, "start", *arguments, "--include-dashboard=false"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    limit = threading.Timer(LIMIT_SECONDS, process.kill)
    limit.start()
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if "--block" in line:
                break
        else:
            raise RuntimeError(f"no head was started within {LIMIT_SECONDS} s:\n{''.join(said[-30:])}")
        limit.cancel()
        yield client_port
    finally:
        limit.cancel()
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=30)
        process.kill()
        process.communicate()


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
