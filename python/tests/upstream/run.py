"""Runs test files of Ray's repository on our core and prints a table: file, passed, failed, and why.

    RAY_TESTS=<checkout of Ray's repository> python run.py [file …]

A test that runs into the limit counts as failed. `skipped.txt` names those that are not run, and why.
"""

import os
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = """test_basic.py test_basic_2.py test_basic_3.py test_basic_4.py test_basic_5.py test_actor.py test_wait.py
test_cancel.py test_generators.py""".split()
TEST_SECONDS = int(os.environ.get("RAY_TESTS_SECONDS", "90"))
FILE_SECONDS = int(os.environ.get("RAY_TESTS_FILE_SECONDS", "1800"))


def skips() -> dict[str, str]:
    """Reasons by `file::test`."""
    with open(os.path.join(HERE, "skipped.txt")) as file:
        lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    return dict(line.split(" ", 1) for line in lines)


def run(file: str, folder: str, skipped: dict[str, str], report: str) -> None:
    """Runs one file from its folder, so that workers can import it by the name that pytest gives it."""
    root = os.path.join(folder, "python", "ray", "tests")
    paths = [HERE, os.environ.get("PYTHONPATH", "")]
    # Tests run `ray`, and those of cancellation want SIGINT, which is ignored behind a shell's `&`.
    programs = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
    environment = {
        **os.environ,
        "PATH": programs,
        # gRPC's threads end processes that tests fork (`swift_ray/services.py`).
        "GRPC_ENABLE_FORK_SUPPORT": "0",
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
    }
    options = ["-q", "-p", "no:cacheprovider", f"--timeout={TEST_SECONDS}", f"--junitxml={report}"]
    deselected = [f"--deselect={name}" for name in skipped if name.startswith(file + "::")]
    command = [sys.executable, "-m", "pytest", *options, *deselected, file]
    log = report.removesuffix(".xml") + ".log"
    with open(log, "w") as output:
        process = subprocess.Popen(
            command,
            cwd=root,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        try:
            process.wait(timeout=FILE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def cases(report: str) -> list[tuple[str, str, str]]:
    """(test, outcome, first line of the reason) for each; none if the run did not end."""
    if not os.path.exists(report):
        return []
    found = []
    for case in xml.parse(report).getroot().iter("testcase"):
        outcome, reason = "passed", ""
        for kind in ("failure", "error", "skipped"):
            child = case.find(kind)
            if child is not None:
                outcome = "failed" if kind != "skipped" else "skipped"
                reason = (child.get("message") or child.text or "").strip().split("\n")[0][:160]
        found.append((case.get("name"), outcome, reason))
    return found


def main() -> None:
    folder = os.environ.get("RAY_TESTS")
    if not folder or not os.path.isdir(os.path.join(folder, "python", "ray", "tests")):
        sys.exit("RAY_TESTS must name a checkout of Ray's repository: there must be python/ray/tests in it")
    skipped = skips()
    reports = os.environ.get("RAY_TESTS_REPORTS") or tempfile.mkdtemp(prefix="ray-tests-")
    os.makedirs(reports, exist_ok=True)
    print(f"Reports and logs: {reports}\n\n| file | passed | failed | skipped by Ray | not run |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    total = {"passed": 0, "failed": 0, "skipped": 0}
    failures = []
    for file in sys.argv[1:] or FILES:
        report = os.path.join(reports, file.removesuffix(".py") + ".xml")
        run(file, folder, skipped, report)
        results = cases(report)
        counts = {name: sum(outcome == name for _, outcome, _ in results) for name in total}
        total = {name: total[name] + counts[name] for name in total}
        not_run = sum(name.startswith(file + "::") for name in skipped)
        ended = "" if results else " (did not end)"
        print(
            f"| {file}{ended} | {counts['passed']} | {counts['failed']} | {counts['skipped']} | {not_run} |",
            flush=True,
        )
        failures += [(file, name, reason) for name, outcome, reason in results if outcome == "failed"]
    ran = total["passed"] + total["failed"]
    print(f"\n{total['passed']} of {ran} passed ({100 * total['passed'] / max(1, ran):.0f} %).\n")
    for file, name, reason in failures:
        print(f"{file}::{name}: {reason}")


if __name__ == "__main__":
    main()
