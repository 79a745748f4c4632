"""What our core does not have. Each call says so with its own name."""

from asyncio import Future
from typing import Any, NoReturn

COMPILED_GRAPHS = "swift-ray has no compiled graphs (experimental_compile, experimental_channel_…): run the graph by execute()"


class RayletClient:
    """Ray's agents ask a raylet for process ids with it; we start no agents."""

    def __init__(self, ip_address: str, port: int) -> None:
        self.address = (ip_address, port)

    def async_get_worker_pids(self, timeout_ms: int = 1000) -> "Future[list[int]]":
        raise NotImplementedError("RayletClient.async_get_worker_pids")

    def async_get_agent_pids(self, timeout_ms: int = 1000) -> "Future[list[int]]":
        raise NotImplementedError("RayletClient.async_get_agent_pids")


def get_session_key_from_storage(
    host: str, port: int, username: str, password: str, use_ssl: bool, config: Any, key: Any
) -> NoReturn:
    raise NotImplementedError("get_session_key_from_storage: the GCS keeps nothing in Redis")


def del_key_prefix_from_storage(
    host: str, port: int, username: str, password: str, use_ssl: bool, key_prefix: Any
) -> NoReturn:
    raise NotImplementedError("del_key_prefix_from_storage: the GCS keeps nothing in Redis")


class Channels:
    """The part of `CoreWorker` that compiled graphs stand on, which there are none of here."""

    def experimental_channel_register_writer(self, *arguments: Any) -> NoReturn:
        raise NotImplementedError(COMPILED_GRAPHS)

    experimental_channel_register_reader = experimental_channel_register_writer
    experimental_channel_put_serialized = experimental_channel_register_writer
    experimental_channel_set_error = experimental_channel_register_writer
