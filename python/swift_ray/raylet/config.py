"""The settings of Ray's core that its Python reads, with Ray's defaults.

A setting comes from the cluster's JSON, else from the variable RAY_<name>, else from the table.
"""

import json
import os
from typing import Any

_DEFAULTS: dict[str, Any] = {
    "REDIS_CA_CERT": b"",
    "REDIS_CA_PATH": b"",
    "REDIS_CLIENT_CERT": b"",
    "REDIS_CLIENT_KEY": b"",
    "REDIS_SERVER_NAME": b"",
    "debug_dump_period_milliseconds": 10_000,
    "enable_autoscaler_v2": False,
    "enable_task_events_to_dashboard_head": False,
    "enable_timeline": True,
    "gcs_mark_task_failed_on_job_done_delay_ms": 15_000,
    "gcs_mark_task_failed_on_worker_dead_delay_ms": 1_000,
    "grpc_client_keepalive_time_ms": 300_000,
    "grpc_client_keepalive_timeout_ms": 120_000,
    "handler_warning_timeout_ms": 1_000,
    "health_check_failure_threshold": 5,
    "health_check_initial_delay_ms": 5_000,
    "health_check_period_ms": 3_000,
    "health_check_timeout_ms": 10_000,
    "kill_worker_timeout_milliseconds": 5_000,
    "max_grpc_message_size": 512 * 1024 * 1024,
    "maximum_gcs_deletion_batch_size": 1_000,
    "maximum_gcs_destroyed_actor_cached_count": 100_000,
    "metrics_report_interval_ms": 10_000,
    "nums_py_gcs_reconnect_retry": 5,
    "object_manager_pull_timeout_ms": 10_000,
    "object_manager_push_timeout_ms": 10_000,
    "object_timeout_milliseconds": 100,
    "py_gcs_connect_timeout_s": 30,
    "ray_cookie": 0x5241590000000000,
    "raylet_client_connect_timeout_milliseconds": 1_000,
    "raylet_client_num_connect_attempts": 10,
    "record_ref_creation_sites": False,
    "redis_db_connect_retries": 120,
    "redis_db_connect_wait_milliseconds": 500,
    "start_python_gc_manager_thread": True,
    "task_events_gc_job_summary_interval_ms": 5_000,
    "task_events_max_dropped_task_attempts_tracked_per_job_in_gcs": 1_000_000,
    "task_events_max_num_profile_events_per_task": 1_000,
    "task_events_max_num_task_in_gcs": 100_000,
    "worker_register_timeout_seconds": 60,
    # Not in Ray's `Config`: what workers import before their first task, whether they have one thread, how many items a
    # generator may have; and see `authentication.py`.
    "preload_python_modules": [],
    "support_fork": False,
    "max_num_generator_returns": 100_000_000,
    "AUTH_MODE": "disabled",
    "ENABLE_K8S_TOKEN_AUTH": False,
}

_OURS = {
    "AUTH_MODE",
    "ENABLE_K8S_TOKEN_AUTH",
    "preload_python_modules",
    "support_fork",
    "max_num_generator_returns",
}

_values: dict[str, Any] = {}


def _convert(name: str, text: str, default: Any) -> Any:
    if isinstance(default, bool):
        return text.strip().lower() in ("true", "1")
    if isinstance(default, bytes):
        return text.encode()
    if isinstance(default, list):
        return [part for part in text.split(",") if part]
    if isinstance(default, str):
        return text.strip().lower()
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"RAY_{name} is {text!r} and should be a whole number") from None


def value(name: str) -> Any:
    """The present value of a setting. KeyError: there is none of that name."""
    return _values[name]


class Config:
    """Every setting is a static method without arguments that returns its present value."""

    @staticmethod
    def initialize(config_list: str | bytes) -> None:
        """Reads the environment again, then the cluster's settings as JSON, "" for none.

        Names that are not in the table are settings of the core alone. ValueError: no JSON object, or a variable that
        is not a number where one belongs.
        """
        settings = json.loads(config_list) if config_list else {}
        if not isinstance(settings, dict):
            raise ValueError(f"the cluster's settings are no JSON object: {config_list!r}")
        for name, default in _DEFAULTS.items():
            text = os.environ.get(f"RAY_{name}")
            found = default if text is None else _convert(name, text, default)
            if name in settings:
                chosen = settings[name]
                if isinstance(default, list) and isinstance(chosen, str):
                    chosen = _convert(name, chosen, default)
                found = chosen.encode() if isinstance(default, bytes) else type(default)(chosen)
            _values[name] = found


def _reader(name: str) -> staticmethod:
    def read() -> Any:
        return _values[name]

    read.__name__, read.__qualname__ = name, f"Config.{name}"
    return staticmethod(read)


for _name in _DEFAULTS:
    if _name not in _OURS:
        setattr(Config, _name, _reader(_name))
Config.initialize("")
