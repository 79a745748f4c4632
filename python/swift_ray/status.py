"""`ray status`: the table comes from the control store, and our own program `ray` writes it as Ray does."""

import os
import subprocess

from swift_ray.services import LIB

LIMIT_S = 60


def debug_status(status: bytes, error: bytes, verbose: bool = False, address: str | None = None) -> str:
    """What stands for Ray's function of this name; `status` and `error` of an autoscaler do not exist.

    Refused: the head does not answer, or refuses.
    """
    from swift_ray.refusals import Refused

    # The program takes its role from the name by which it is called.
    command = ["ray", "status", *([f"--address={address}"] if address else []), *(["-v"] if verbose else [])]
    done = subprocess.run(
        command,
        executable=os.path.join(LIB, "raylet"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    if done.returncode:
        raise Refused(done.stderr.strip().removeprefix("Error: "))
    return done.stdout.rstrip("\n")
