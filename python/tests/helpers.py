"""Calls of the small helpers, on both modules."""

import os
import tempfile
from dataclasses import dataclass
from typing import Any

from corpus import outcome


def network() -> list[Any]:
    from ray._raylet import (
        build_address,
        get_all_interfaces_ip,
        get_localhost_ip,
        is_ipv6,
        is_localhost,
        node_ip_address_from_perspective,
        parse_address,
    )

    addresses = (
        "h:1 1.2.3.4:56 [::1]:80 ::1 abc http://a:1 a:b:c [::1] :80 h: a:1:2 [::1]: localhost:0 tcp://1:5 h:p"
    )
    results: list[Any] = [(one, outcome(lambda: parse_address(one))) for one in [*addresses.split(), ""]]
    pairs = [("h", 1), ("::1", 2), ("1.2.3.4", "5"), ("[::1]", 3), ("", "1"), ("fe80::1%eth0", 3)]
    results += [build_address(*pair) for pair in pairs]
    hosts = [
        "127.0.0.1",
        "localhost",
        "::1",
        "0.0.0.0",
        "127.0.0.2",
        "",
        "LOCALHOST",
        "10.0.0.1",
        "[::1]",
        "fe80::1",
    ]
    results += [(host, is_localhost(host), is_ipv6(host)) for host in hosts]
    results += [get_localhost_ip(), get_all_interfaces_ip(), node_ip_address_from_perspective()]
    results += [node_ip_address_from_perspective("127.0.0.1:53"), node_ip_address_from_perspective("[::1]:5")]
    return results + [outcome(lambda: parse_address(None)), outcome(lambda: parse_address(b"h:1"))]


def ports() -> list[Any]:
    from ray._raylet import NodeID, get_port_filename, persist_port, wait_for_persisted_port

    node = NodeID(bytes(range(28))).hex()
    results: list[Any] = [get_port_filename(node, "some_port")]
    with tempfile.TemporaryDirectory() as folder:
        persist_port(folder, node, "some_port", 1234)
        results += [sorted(os.listdir(folder)), wait_for_persisted_port(folder, node, "some_port")]
        with open(os.path.join(folder, os.listdir(folder)[0])) as file:
            results.append(file.read())
        for text in ("zz", "", "12\n", "65535"):
            with open(os.path.join(folder, get_port_filename(node, "bad")), "w") as file:
                file.write(text)
            found = outcome(lambda: wait_for_persisted_port(folder, node, "bad", 30, 10), with_text=False)
            results.append((text, found))
        results.append(
            outcome(lambda: wait_for_persisted_port(folder, node, "none", 30, 10), with_text=False)
        )
    return results + [outcome(lambda: persist_port("/nonexistent", node, "x", 1), with_text=False)]


def labels() -> list[Any]:
    from ray._raylet import node_labels_match_selector

    conditions = [
        "1",
        "2",
        "",
        "!1",
        "!2",
        "!",
        "!!1",
        "! 1",
        " 1",
        "in(1,2)",
        "in( 1 , 2 )",
        "in(1,,2)",
        "in()",
    ]
    conditions += [
        "!in(1,2)",
        "!in(2)",
        "!in()",
        "in(1",
        "IN(1)",
        "!in(2),x",
        "in(a)b",
        "in(,)",
        "in(1)",
        3,
        None,
    ]
    results: list[Any] = []
    for label in ({}, {"a": "1"}, {"a": ""}, {"a": "3", "b": "1"}, {"a": "in(1"}):
        for condition in conditions:
            found = outcome(lambda: node_labels_match_selector(label, {"a": condition}))
            results.append((label, condition, found))
    more = [
        (None, {}),
        ({}, None),
        ({"a": 3}, {"a": "3"}),
        ({"a": "1"}, {"": "1"}),
        ({"a": "1", "b": "2"}, {"a": "1", "b": "3"}),
    ]
    return results + [outcome(lambda: node_labels_match_selector(*pair)) for pair in more]


@dataclass
class Point:
    timestamp: float
    value: float


def time_series() -> list[Any]:
    import random

    from ray._raylet import merge_instantaneous_total_cython as merge
    from ray._raylet import time_weighted_average_cython as average

    source = random.Random(6)

    def series(count: int) -> list[Point]:
        moments = sorted(source.uniform(0, 3) for _ in range(count))
        return [Point(moment, float(source.randrange(4))) for moment in moments]

    infinite = float("inf")
    some = [
        [],
        [Point(1, 1), Point(3, 2), Point(5, 0)],
        *(series(source.randrange(1, 40)) for _ in range(30)),
    ]
    results: list[Any] = [merge([]), merge([[]]), merge([[], some[1]]), merge([some[1]])]
    results += [merge([source.choice(some) for _ in range(source.randrange(1, 6))]) for _ in range(60)]
    for one in some:
        for window in (
            (0, 10),
            (2, 4),
            (6, 7),
            (5, 5),
            (0, 0.5),
            (4, 2),
            (-1, 10),
            (-infinite, -infinite),
            (-infinite, 2),
            (1, -infinite),
        ):
            found = average(one, *window), average(one, *window, last_window_s=2.0)
            results.append([None if value is None else round(value, 9) for value in found])
    return results


def settings() -> list[Any]:
    import json

    from ray._raylet import Config

    def now() -> tuple:
        return Config.kill_worker_timeout_milliseconds(), Config.enable_timeline(), Config.REDIS_CA_CERT()

    results: list[Any] = [now()]
    for environment, settings in (
        ({}, {"kill_worker_timeout_milliseconds": 7, "enable_timeline": False}),
        ({"RAY_kill_worker_timeout_milliseconds": "9"}, {}),
        ({"RAY_kill_worker_timeout_milliseconds": "9"}, {"kill_worker_timeout_milliseconds": 7}),
        ({"RAY_enable_timeline": "0"}, {}),
        ({"RAY_enable_timeline": "False"}, {}),
        ({"RAY_enable_timeline": "true", "RAY_REDIS_CA_CERT": "abc"}, {}),
        ({}, {}),
    ):
        os.environ.update(environment)
        Config.initialize(json.dumps(settings) if settings else "")
        results.append(now())
        for name in environment:
            del os.environ[name]
    Config.initialize("")
    return results + [now()]


def tokens() -> list[Any]:
    from ray._raylet import (
        AuthenticationTokenLoader,
        Config,
        get_authentication_mode,
        is_k8s_token_auth_enabled,
        validate_authentication_token,
    )

    loader = AuthenticationTokenLoader.instance()
    before = {
        name: os.environ.get(name)
        for name in ("HOME", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
    }
    results: list[Any] = []

    def show(**environment: str | None) -> None:
        for name, text in environment.items():
            if text is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = text
        Config.initialize("")
        loader.reset_cache()
        calls = [loader.has_token, loader.get_raw_token, loader.get_token_for_http_header]
        calls += [
            lambda: loader.has_token(True),
            lambda: loader.get_raw_token(True),
            loader.get_raw_token,
            loader.has_token,
        ]
        found = []
        for call in calls:
            kind, *rest = outcome(call)
            found.append((kind, rest[0], rest[-1].partition(".")[0].partition(":")[0]))
        results.append((get_authentication_mode(), is_k8s_token_auth_enabled(), *found))

    with tempfile.TemporaryDirectory() as home:
        show(HOME=home, RAY_AUTH_MODE=None, RAY_AUTH_TOKEN=None, RAY_AUTH_TOKEN_PATH=None)
        show(RAY_AUTH_MODE="token")
        show(RAY_AUTH_TOKEN="token in the environment")
        headers = (
            "Bearer token in the environment",
            "Bearer x",
            "",
            "bearer token in the environment",
            "token",
        )
        results += [validate_authentication_token(header) for header in headers]
        path = os.path.join(home, "some_file")
        with open(path, "w") as file:
            file.write("  token in a file\n")
        show(RAY_AUTH_TOKEN_PATH=path)
        show(RAY_AUTH_TOKEN=None)
        os.mkdir(os.path.join(home, ".ray"))
        with open(os.path.join(home, ".ray", "auth_token"), "w") as file:
            file.write("token at home")
        show(RAY_AUTH_TOKEN_PATH="/nonexistent")
        show(RAY_AUTH_TOKEN_PATH=None)
        show(RAY_AUTH_TOKEN="  ")
        show(RAY_AUTH_TOKEN="")
        show(RAY_AUTH_TOKEN=None, RAY_AUTH_MODE="disabled")
        results.append(validate_authentication_token("anything"))
        show(RAY_AUTH_MODE="TOKEN")
        show(**before)
    return results


def exits() -> list[Any]:
    import ray._raylet as raylet
    from ray._raylet import (
        NumReturnsWarning,
        PythonFunctionDescriptor,
        StreamingGeneratorStats,
    )
    from ray._raylet import (
        raise_sys_exit_with_custom_error_message as leave,
    )

    results: list[Any] = []
    for arguments in (("bye",), ("bye", 3)):
        try:
            leave(*arguments)
        except SystemExit as exit:
            results.append((exit.code, exit.ray_terminate_msg, str(exit)))
    stats = StreamingGeneratorStats(1.5)
    results += [
        stats.object_creation_dur_s,
        repr(stats),
        outcome(lambda: setattr(stats, "x", 1), with_text=False),
    ]
    descriptor = PythonFunctionDescriptor("m", "f")
    for allowed in (None, (ValueError, KeyError)):
        results.append(raylet.serialize_retry_exception_allowlist(allowed, descriptor))
    return results + [NumReturnsWarning.__mro__[1].__name__]
