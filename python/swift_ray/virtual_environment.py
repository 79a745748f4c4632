"""The virtual environments of `pip` and `uv` in runtime environments: one for each list of requirements, made once."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import site
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator

WORKING_DIR_VARIABLE = "${RAY_RUNTIME_ENV_CREATE_WORKING_DIR}"
PIP_OPTIONS = ["--disable-pip-version-check", "--no-cache-dir"]
# How much of an installer's output an error shows: raylets keep the last twenty lines of a worker that ends.
SHOWN_LINES = 15


class InstallationError(Exception):
    """What could not be installed, with the output of the command."""


def interpreter(environment: dict, resources: str, folder: str) -> str | None:
    """The Python of the virtual environment that `environment` wants, below the folder `resources`; None if it has none.

    `folder`: the process's working folder, which requirements can name. The first process that wants the environment
    makes it and the others wait for that. InstallationError: it cannot be made.
    """
    kind = next((kind for kind in ("pip", "uv") if environment.get(kind)), None)
    if kind is None:
        return None
    wanted = environment[kind]
    if isinstance(wanted, list):
        wanted = {"packages": wanted}
    # Packages there differ from folder to folder.
    named = folder if any(WORKING_DIR_VARIABLE in one for one in wanted["packages"]) else ""
    content = json.dumps([kind, wanted, sys.version, sys.executable, named], sort_keys=True)
    place = os.path.join(resources, kind, hashlib.sha256(content.encode()).hexdigest()[:40])
    python = os.path.join(place, "bin", "python")
    with made_once(place) as is_missing:
        if is_missing:
            make(place)
            install(kind, wanted, python, place, folder)
    return python


@contextlib.contextmanager
def made_once(place: str) -> Iterator[bool]:
    """Whether something is still to be made at `place`, by one process of this machine at a time.

    The others wait for it, and the kernel for none that has ended; what one leaves unfinished is made anew, and what
    another user of the machine says is complete.
    """
    complete = place + ".complete"
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(os.open(place + ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if is_own(complete):
            yield False
            return
        shutil.rmtree(place, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(complete)
        try:
            yield True
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        open(complete, "w").close()


def is_own(path: str) -> bool:
    """Whether there is a file of this user."""
    with contextlib.suppress(FileNotFoundError):
        return os.lstat(path).st_uid == os.getuid()
    return False


def make(folder: str) -> None:
    """A virtual environment that sees, after its own packages, those of this process: Ray and our core among them."""
    venv.EnvBuilder(symlinks=True).create(folder)
    variables = {"base": folder, "platbase": folder}
    packages = sysconfig.get_path("purelib", "venv", variables)
    seen = [path for path in site.getsitepackages() if os.path.isdir(path)]
    if site.ENABLE_USER_SITE:
        seen.append(site.getusersitepackages())
    # Through `addsitedir`, so that the `.pth` files there count as well.
    lines = [f"import site; site.addsitedir({path!r})" for path in seen]
    with open(os.path.join(packages, "swift_ray_parent.pth"), "w") as file:
        file.write("\n".join(lines) + "\n")


def install(kind: str, wanted: dict, python: str, place: str, folder: str) -> None:
    """Installs the requirements. InstallationError: pip or uv says no."""
    requirements = os.path.join(place, "requirements.txt")
    with open(requirements, "w") as file:
        for one in wanted["packages"]:
            file.write(one.replace(WORKING_DIR_VARIABLE, folder) + "\n")
    if kind == "pip":
        # Not a module of this name in the folder where this process runs, which is the program's.
        pip = [python, "-P", "-m", "pip"]
        if wanted.get("pip_version"):
            run([*pip, "install", *PIP_OPTIONS, "pip" + wanted["pip_version"]])
        run([*pip, "install", *wanted.get("pip_install_options", PIP_OPTIONS), "-r", requirements])
    else:
        uv = shutil.which("uv")
        command = [uv] if uv else [sys.executable, "-P", "-m", "uv"]
        options = wanted.get("uv_pip_install_options", ["--no-cache"])
        run([*command, "pip", "install", "--python", python, *options, "-r", requirements])
        pip = [*command, "pip"]
    if wanted.get(f"{kind}_check"):
        run([*pip, "check", *(["--python", python] if kind == "uv" else [])])


def run(command: list[str]) -> None:
    """Runs a command. InstallationError: it ends with another code than 0."""
    # Packages in the folders of the worker's PYTHONPATH would count as installed.
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=variables,
    )
    if done.returncode:
        lines = done.stdout.strip().splitlines()[-SHOWN_LINES:]
        raise InstallationError(
            "\n".join([f"{' '.join(command)} ended with code {done.returncode}:", *lines])
        )
