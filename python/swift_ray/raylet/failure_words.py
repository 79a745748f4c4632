"""Why something failed: before the core's words those by which people and programs know the reason from Ray."""

import re

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
EXIT_CODE = re.compile(r"ended with exit code (\d+)")


def of_death(message: str) -> str:
    """Why an actor died."""
    cause = message.partition(" died: ")[2]
    known = (words for begin, words in DEATHS.items() if cause.startswith(begin))
    return " ".join([*known, message])


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
