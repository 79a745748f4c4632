"""What Python can join: heads that Ray's Python has started. Of others it is said at once what they are and what helps."""

import glob
import logging
import os
import socket
import sys

logger = logging.getLogger("ray")

LOOPBACK = "127.0.0.1"
SESSION_NAME, SESSION_NAMESPACE = b"session_name", b"session"
# The file of a session in which a head that Ray's Python has started says its port.
PYTHON_PORTS = "gcs_server_port_*"
NO_HEAD = "does not speak swift-ray's protocol"
# How long a head that is no server of Ray Client has to say so: servers send nothing that we could read.
CLIENT_PROBE_MS = 200
NO_QUESTION = b"\x80"
# As many of the newest sessions are looked at.
SESSIONS_MAX = 20
REMEDY = (
    "Python joins heads that Ray's Python has started, and programs in Swift join those, too: end this one with the "
    f"`ray stop` of the program that started it, and start the head by `{os.path.dirname(sys.executable)}/ray start --head`."
)


def refuse_others(address: str) -> None:
    """Looks whether Python can join what listens at `address`; who does not answer may be about to start.

    AuthenticationError: the token is wrong. Refused: it is no head, or one that knows nothing of Python.
    """
    import ray.exceptions

    from swift_ray.raylet.gcs_client import GcsClient
    from swift_ray.refusals import Refused

    address = listening_address(address)
    try:
        client = GcsClient(address=address)
        # The node of a head that Ray's Python starts comes after what Python looks for.
        is_foreign = any(node["head"] and node["alive"] for node in client.nodes()) and not (
            client.internal_kv_exists(SESSION_NAME, SESSION_NAMESPACE)
        )
    except ray.exceptions.RpcError as error:
        if NO_HEAD in str(error):
            raise Refused(
                f"what listens at {address} is no head of a cluster of swift-ray: {error}. Name the address of one, "
                "or join a cluster that runs on Ray's own core with SWIFT_RAY=0 in the environment."
            ) from None
        return
    if is_foreign:
        raise Refused(f"the head at {address} is one of swift-ray's own program `ray`. {REMEDY}")


def listening_address(address: str) -> str:
    """An address, or the loopback's if a head of this machine listens only there: Ray puts the machine's in its place."""
    from ray.util import get_node_ip_address

    host, _, port = address.rpartition(":")
    is_own = port.isdigit() and host == get_node_ip_address()
    if is_own and not listens(host, int(port)) and listens(LOOPBACK, int(port)):
        return f"{LOOPBACK}:{port}"
    return address


def listens(host: str, port: int) -> bool:
    """Whether somebody on this machine listens there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def refuse_others_of_client(address: str) -> None:
    """The same for an address of Ray Client (host:port).

    Refused: a head answers there that does not serve it.
    """
    from swift_ray import _core
    from swift_ray.refusals import Refused

    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        connection = _core.Connection(host.strip("[]"), int(port))
        connection.request("nodes", NO_QUESTION, CLIENT_PROBE_MS)
    except _core.CoreError:
        return
    raise Refused(
        f"the head at {address} is one of swift-ray's own program `ray`, which does not serve Ray Client. {REMEDY}"
    )


def own_heads(folder: str) -> list[str]:
    """The addresses of heads of our own program that live on this machine, with their sessions in `folder`."""
    found = []
    for session in sorted(glob.glob(os.path.join(glob.escape(folder), "session_2*")))[-SESSIONS_MAX:]:
        if glob.glob(os.path.join(glob.escape(session), PYTHON_PORTS)):
            continue
        try:
            with open(os.path.join(session, "head_address")) as file:
                address = file.read().strip()
        except OSError:
            continue
        if any(map(is_living, glob.glob(os.path.join(glob.escape(session), "processes", "gcs_server-*")))):
            found.append(address)
    return found


def is_living(note: str) -> bool:
    """Whether the process that a session has noted (its id, when it started) still runs."""
    try:
        with open(note) as file:
            process, start = file.read().split()
        with open(f"/proc/{int(process)}/stat") as file:
            return file.read().rpartition(") ")[2].split()[19] == start
    except (OSError, ValueError):
        return False


def tell_of_own_heads(folder: str) -> str:
    """A sentence about heads on this machine that Python does not join; empty if there are none."""
    heads = own_heads(folder)
    if not heads:
        return ""
    return (
        "There is a head on this machine that Python does not join, of swift-ray's own program `ray` or of a program in "
        f"Swift, at {', '.join(heads)}. {REMEDY}"
    )
