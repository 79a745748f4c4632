"""Programs that have a cluster, a server of Ray Client and a client of it in one process."""

import json
import os
import re
import subprocess
import sys
import warnings

# A cluster, a server and a client in one process; `seen` counts what Ray's servicers have seen since `begin`.
BEGIN = """
import collections
import faulthandler
import json
import os

import swift_ray
swift_ray.install()
import ray
from ray._private.client_mode_hook import disable_client_hook
from ray.util.client.ray_client_helpers import ray_start_client_server_pair
from ray.util.client.server import server as servers
from swift_ray.grpc_server import RequestQueue

seen = collections.Counter()
faulthandler.dump_traceback_later(90, exit=True)
see, get_object = RequestQueue._seen, servers.RayletServicer.GetObject


def counting(self, request):
    seen[request.WhichOneof("type")] += 1
    return see(self, request)


def counting_get(self, request, context):
    seen["get"] += 1
    return get_object(self, request, context)


RequestQueue._seen = counting
servers.RayletServicer.GetObject = counting_get
result = {}
ray.init(address="local", num_cpus=2, logging_level="error")
with ray_start_client_server_pair() as (client, server):
    servicer = server.task_servicer

    def begin():
        seen.clear()

    def sees():
        # Releases come when Ray's client likes.
        return {name: count for name, count in seen.items() if name not in ("acknowledge", "release")}

"""
ACTOR = """
    @client.remote
    class Actor:
        def echo(self, value=None, *rest):
            return value

    @client.remote
    def echo(value=None):
        return value

    actor = Actor.remote()
    client.get([actor.echo.remote((1,)), echo.remote((1,))])
"""
END = """
    client.disconnect()
    with disable_client_hook():
        ray.shutdown()
    print(json.dumps(result), flush=True)
    # Without the pauses of Ray's helper.
    os._exit(0)
"""


# gRPC's channels now and then wait for ever in their own end when a connection breaks while they send: the client does
# not connect again then, whatever the server does.
IS_STUCK = re.compile(r'/grpc/_channel\.py", line \d+ in _close$', re.MULTILINE)
TRIES = 4


def run(body: str, before: str = ACTOR) -> dict:
    """What a program puts into `result`; it is begun anew if its client is stuck in gRPC."""
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    for _ in range(TRIES):
        done = subprocess.run(
            [sys.executable, "-c", BEGIN + before + indented + END],
            capture_output=True,
            text=True,
            timeout=120,
            # A server that begins anew has a cluster of its own, whatever address another one has left behind.
            env={**os.environ, "RAY_AUTH_MODE": "disabled", "RAY_ADDRESS": "local"},
        )
        if not IS_STUCK.search(done.stderr):
            break
        warnings.warn(f"the client was stuck in gRPC:\n{done.stderr[-3000:]}", stacklevel=2)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])
