"""The environments of Ray Client's servers: contexts, and the process that sets them up."""

import json
import os

import pytest
import ray  # noqa: F401

from swift_ray import client_environment
from swift_ray.environment import ORIGIN_VARIABLE, origin


def test_context(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/others")
    monkeypatch.delenv(ORIGIN_VARIABLE, raising=False)
    own = origin()
    environment = {"working_dir": "gcs://one.zip", "env_vars": {"COLOUR": "red", "PYTHONPATH": "/mine"}}
    text = client_environment.context(environment, ["/the folder", "/modules"], "/bin/other", str(tmp_path))
    found = json.loads(text)
    assert found["command_prefix"] == ["cd", "'/the folder'", "&&"]
    assert found["py_executable"] == "/bin/other"
    assert found["env_vars"]["COLOUR"] == "red"
    assert found["env_vars"]["PYTHONPATH"] == "/the folder:/modules:/mine:/others"
    # In that process this one is still what workers are started from.
    for name, value in found["env_vars"].items():
        monkeypatch.setenv(name, value)
    assert origin() == own
    assert own["path"] == "/others" and own["folder"] == os.getcwd()


def test_variables_alone():
    found = json.loads(client_environment.context({"env_vars": {"A": "1"}}, [], None, "/none"))
    assert found["command_prefix"] == [] and "PYTHONPATH" not in found["env_vars"]


@pytest.mark.parametrize(
    ("wanted", "seconds", "reason"),
    [
        ("{}", 0.01, "within the timeout of 0.01 seconds"),
        ("garbage", 60, "JSONDecodeError"),
        (
            json.dumps(
                {"environment": {"working_dir": "gcs://x.zip"}, "resources": "/none", "address": "h:1"}
            ),
            60,
            "the runtime environment cannot be set up",
        ),
    ],
)
def test_failures(wanted, seconds, reason):
    with pytest.raises(RuntimeError, match="Failed to create runtime_env for Ray client server") as caught:
        client_environment.answer(wanted, seconds)
    assert reason in str(caught.value)
