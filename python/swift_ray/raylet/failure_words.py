"""Why something failed: before the core's words those by which people and programs know the reason from Ray."""

import re
from typing import Any

# How the core's words for why an actor died begin, and what Ray says.
DEATHS = {
    "it was killed by ray.kill": "The actor is dead because it was killed by `ray.kill`.",
    "the process that created it died": "The actor is dead because its owner has died.",
    "worker process ": "The actor is dead because its worker process has died.",
    "node ": "The actor died because its node has died.",
}
# By the name of the error's type.
FAILURES = {
    "TASK_EXECUTION_EXCEPTION": "User exception:",
    "NODE_DIED": "Task failed because the node it was running on is dead or unavailable.",
}
NO_NODE = (
    "The node specified via NodeAffinitySchedulingStrategy doesn't exist any more or is infeasible, "
    "and soft=False was specified."
)
# Why an actor died, for programs: Ray's names.
ENDS = ("WORKER_DIED", "OWNER_DIED", "NODE_DIED", "RAY_KILL", "OUT_OF_SCOPE")
# The core's words for a node that was drained and then ended, and for one that was asked to end.
DRAINED = re.compile(r"drained \(preemption: (.*)\)")
ASKED = "it was asked to end (SIGTERM)"
EXIT_CODE = re.compile(r"ended with exit code (\d+)")


# The core's word for the end of an actor whose node was announced to be taken away (RayCore/ActorEnd.swift).
PREEMPTED = "NODE_PREEMPTED"


def end_of(end: str) -> dict[str, Any]:
    """What ended an actor, by the core's word, as `errors.py` has it: nothing if that is not told."""
    if end == PREEMPTED:
        return {"reason": "NODE_DIED", "preempted": True}
    return {"reason": end} if end in ENDS else {}


def of_death(message: str) -> str:
    """Why an actor died."""
    cause = message.partition(" died: ")[2]
    known = (words for begin, words in DEATHS.items() if cause.startswith(begin))
    of_node = [f"\n\tthe actor's node was {of_node_end(cause)}"] if cause.startswith("node ") else []
    return " ".join([*known, message]) + "".join(of_node)


def of_node_end(cause: str) -> str:
    """What ended a node, in Ray's words."""
    if drained := DRAINED.search(cause):
        return f"preempted: {drained[1]}"
    if ASKED in cause:
        return "terminated expectedly: received SIGTERM"
    return f"terminated unexpectedly: {cause.rpartition(' left the cluster: ')[2]}"


def of_node(node: dict) -> str:
    """What ended a node of the core's table, in Ray's words where it has a sentence for it."""
    return "received SIGTERM" if ASKED in node["end_message"] else node["end_message"]


def of_failure(error_type: str | None, message: str) -> str:
    """Why a task failed, in the list of tasks."""
    if error_type == "ACTOR_DIED":
        return of_death(message)
    if error_type == "WORKER_DIED" and (code := EXIT_CODE.search(message)):
        return f"Worker exits with an exit code {code[1]}. {message}"
    if error_type == "TASK_UNSCHEDULABLE_ERROR" and "the only one it may use" in message:
        return f"{NO_NODE} {message}"
    known = FAILURES.get(error_type or "")
    return message if known is None else f"{known} {message}"
