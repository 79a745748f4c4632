"""What changes in Ray's modules: those that start processes or ask them, and what meets Swift.

Called by the finder after each of them is loaded.
"""

import atexit
import base64
import contextlib
import functools
import json
import os
import socket
import time
from collections.abc import Callable
from types import ModuleType

from . import daemons

SETTINGS_NAMESPACE = b"swift_ray"
SETTINGS_KEY = b"system_config"
SETTINGS_OPTION = "--config_list="
# Before an address: the name of the host that has it.
HOST_NAME_PREFIX = b"host_name:"
# The metadata of a value that Swift has made, and of the error of a task whose worker died.
SWIFT_VALUE = b"SWIFT"
WORKER_DIED = b"0"
# How long a driver whose interpreter ends waits, as Ray does.
EXIT_S = 0.5
# What is recorded of tasks (TraceSettings.swift).
TRACE_SETTINGS = (
    "enable_timeline",
    "task_events_report_interval_ms",
    "task_events_max_num_status_events_buffer_on_worker",
    "task_events_max_num_profile_events_buffer_on_worker",
    "task_events_send_batch_size",
    "task_events_max_num_task_in_gcs",
)
# Those of a head.
HEAD_SETTINGS = ("scheduler_spread_threshold", *TRACE_SETTINGS)
# Those that workers, which have them from their raylets, and drivers look at.
WORKER_SETTINGS = (
    "lineage_pinning_enabled",
    "max_lineage_bytes",
    "task_oom_retries",
    "task_oom_retry_delay_base_ms",
    *TRACE_SETTINGS,
)
# What raylets read from variables of this name, with RAY_ in front (RayletConfiguration+Environment.swift).
RAYLET_SETTINGS = (
    "automatic_object_spilling_enabled",
    "object_spilling_threshold",
    "min_spilling_size",
    "max_fused_object_count",
    "oom_grace_period_s",
    "local_fs_capacity_threshold",
    "memory_usage_threshold",
    "min_memory_free_bytes",
    "memory_monitor_refresh_ms",
    "worker_oom_score_adjustment",
    "worker_niceness",
    *WORKER_SETTINGS,
)
# Whether workers of a node let debuggers of other machines come in; they have it from their raylet.
DEBUGGER_VARIABLE = "RAY_ray_debugger_external"
# Whether gRPC takes care of forks (cygrpc's variable).
FORKING_VARIABLE = "GRPC_ENABLE_FORK_SUPPORT"
NO_DASHBOARD = (
    "swift-ray has no dashboard, and so neither jobs nor an interface over HTTP: run the program itself, with "
    "RAY_ADDRESS=HOST:PORT in its environment. What it prints and the logs of its workers are in the session's folder, "
    "session_latest/logs."
)
LIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib")


def socket_name(session: str, kind: str, node_id: str) -> str:
    """The socket of a node's `raylet` or `store` (RayletConfiguration.swift); the id in hexadecimal digits."""
    return f"{session}/links/{kind}-{node_id[:8]}.sock"


def variables_of(settings: dict, names: tuple[str, ...]) -> dict[str, str]:
    """Some of the cluster's settings (`_system_config`) as variables."""
    return {f"RAY_{name}": str(settings[name]) for name in names if name in settings}


def settings_in(command: list[str]) -> dict:
    """The cluster's settings in the command line of a head, as Ray's Python writes it."""
    texts = [option.removeprefix(SETTINGS_OPTION) for option in command if option.startswith(SETTINGS_OPTION)]
    return json.loads(base64.b64decode(texts[0])) if texts else {}


def raylet_variables(settings: dict, session: str) -> dict[str, str]:
    """The cluster's settings as variables for a raylet, which override those of its environment."""
    variables = variables_of(settings, RAYLET_SETTINGS)
    spilling = json.loads(settings.get("object_spilling_config") or "{}")
    if spilling.get("type") == "filesystem":
        folders = spilling["params"]["directory_path"]
        folder = folders if isinstance(folders, str) else folders[0]
        # The session's folder, which goes with it, is where raylets spill without being told.
        if folder != session:
            variables["RAY_object_spilling_directory"] = folder
    return variables


def patch_services(services: ModuleType) -> None:
    """`ray._private.services` starts our `gcs_server` and `raylet` (same flags), and no dashboard."""
    services.GCS_SERVER_EXECUTABLE = os.path.join(LIB, "gcs_server")
    services.RAYLET_EXECUTABLE = os.path.join(LIB, "raylet")
    daemons.patch(services)

    def start_api_server(*arguments, **options):
        """No url and no process: then Ray's Node records neither."""
        return "", None

    services.start_api_server = start_api_server
    start_raylet = services.start_raylet

    def start_raylet_alone(*arguments, **options):
        """There is no dashboard's agent, so nobody has to know, by importing all of it, what it could do."""
        utils = services.ray._private.utils
        find_error = utils.get_dashboard_dependency_error
        utils.get_dashboard_dependency_error = lambda: None
        try:
            return start_raylet(*arguments, **options)
        finally:
            utils.get_dashboard_dependency_error = find_error

    services.start_raylet = start_raylet_alone
    start_process = services.start_ray_process

    def start_ray_process(command, process_type, fate_share, *arguments, env_updates=None, **options):
        """The head has its settings as variables, and daemons know with whom they end.

        Ray Client's proxy forks with gRPC's threads in it, which gRPC then starts in the child, too. There they find
        their files closed, and end it, if they are there before the child is another program.
        """
        if process_type == services.ray_constants.PROCESS_TYPE_GCS_SERVER:
            env_updates = {**variables_of(settings_in(command), HEAD_SETTINGS), **(env_updates or {})}
        if fate_share and command[0] in (services.GCS_SERVER_EXECUTABLE, services.RAYLET_EXECUTABLE):
            env_updates = {daemons.PARENT_VARIABLE: str(os.getpid()), **(env_updates or {})}
        if process_type == services.ray_constants.PROCESS_TYPE_RAY_CLIENT_SERVER:
            env_updates = {FORKING_VARIABLE: os.environ.get(FORKING_VARIABLE, "0"), **(env_updates or {})}
        return start_process(
            command, process_type, fate_share, *arguments, env_updates=env_updates, **options
        )

    services.start_ray_process = start_ray_process
    find = services.get_ray_address_from_environment

    def find_address(addr, temp_dir):
        """Who looks for a cluster on this machine is told of those that Python does not join."""
        from swift_ray.heads import logger, tell_of_own_heads

        folder = temp_dir or services.ray._common.utils.get_default_ray_temp_dir()
        try:
            found = find(addr, temp_dir)
        except ConnectionError as error:
            if sentence := tell_of_own_heads(folder):
                raise ConnectionError(f"{error} {sentence}") from None
            raise
        if found is None and (sentence := tell_of_own_heads(folder)):
            logger.warning("This program does not join a cluster. %s", sentence)
        return found

    services.get_ray_address_from_environment = find_address


def patch_debugger(rpdb: ModuleType) -> None:
    """It steps over our lines as over Ray's own."""
    listen = rpdb._RemotePdb.listen

    def listen_and_skip(self) -> None:
        listen(self)
        self.skip.add("swift_ray.*")

    rpdb._RemotePdb.listen = listen_and_skip


def patch_node(node: ModuleType) -> None:
    """A Node starts neither monitor nor log monitor: the GCS scales nothing, and raylets read the logs themselves.

    It names the sockets as our raylets do, and the head's keeps the cluster's settings where others find them.
    """

    def start_nothing(self) -> None:
        """Our core does what this process of Ray's is for."""

    prepare_folders = node.Node._init_temp

    def init_temp(self, node_to_connect_info) -> None:
        """Ray lets everybody write below the session's folder; workers run what lies there, so others stay outside."""
        prepare_folders(self, node_to_connect_info)
        if node_to_connect_info is None:
            # Somebody else's, which is no place for a node of this user.
            with contextlib.suppress(PermissionError):
                os.chmod(self._session_dir, 0o700)

    prepare = node.Node._prepare_socket_file

    def prepare_socket_file(self, socket_path: str | None, default_prefix: str) -> str:
        """The socket that is wanted, or else the one that the raylet of this node will make."""
        if socket_path is not None:
            return prepare(self, socket_path, default_prefix)
        kind = "store" if default_prefix == "plasma_store" else default_prefix
        return socket_name(self.get_session_dir_path(), kind, self._node_id)

    connect = node.Node._init_gcs_client

    def init_gcs_client(self) -> None:
        """Ray tries for long to connect to what is no head for Python, or refuses the token."""
        if not self.head and self._ray_params.session_name is None:
            from swift_ray.heads import refuse_others

            refuse_others(self.gcs_address)
        try:
            connect(self)
        except RuntimeError:
            daemons.check("gcs_server", self._node_id)
            raise

    write = node.Node._write_cluster_info_to_kv

    def write_cluster_info(self) -> None:
        """Beside what Ray keeps there, the settings that the nodes which join later compare with theirs."""
        write(self)
        settings = json.dumps(self._config).encode()
        self.get_gcs_client().internal_kv_put(SETTINGS_KEY, settings, True, SETTINGS_NAMESPACE)

    start_one = node.Node.start_raylet

    def start_raylet(self, *arguments, **options) -> None:
        """With the cluster's settings, which Ray's own raylet fetches from the head; the head learns its host's name.

        One that a driver starts for itself is told, too, which program the workers will run.
        """
        variables = raylet_variables(self._config, self.get_session_dir_path())
        if self._ray_params.ray_debugger_external:
            variables[DEBUGGER_VARIABLE] = "1"
        if self.ray_init_cluster:
            from swift_ray.raylet.config import Config
            from swift_ray.raylet.program import EXPECTED_VARIABLE, worker_program

            Config.initialize(json.dumps(self._config))
            variables[EXPECTED_VARIABLE] = json.dumps(worker_program())
        self._ray_params.env_vars = {**(self._ray_params.env_vars or {}), **variables}
        key = HOST_NAME_PREFIX + self.node_ip_address.encode()
        self.get_gcs_client().internal_kv_put(key, socket.gethostname().encode(), True, SETTINGS_NAMESPACE)
        start_one(self, *arguments, **options)

    check_versions = node.Node.check_version_info

    def check_version_info(self) -> None:
        """A head that Swift has started says nothing of Python and Ray that could be compared."""
        from ray._common.usage.usage_constants import CLUSTER_METADATA_KEY
        from ray._private.ray_constants import KV_NAMESPACE_CLUSTER

        if self.get_gcs_client().internal_kv_exists(CLUSTER_METADATA_KEY, KV_NAMESPACE_CLUSTER):
            check_versions(self)

    node.Node.check_version_info = check_version_info
    node.Node._init_gcs_client = init_gcs_client
    node.Node._init_temp = init_temp
    node.Node._prepare_socket_file = prepare_socket_file
    node.Node._write_cluster_info_to_kv = write_cluster_info
    node.Node.start_raylet = start_raylet
    node.Node.start_monitor = start_nothing
    node.Node.start_log_monitor = start_nothing


def patch_worker(worker: ModuleType) -> None:
    """At the interpreter's end a driver waits for what is under way and what is printed, and not half a second.

    What cannot be joined is said in our words, and not in Ray's for all that fails then. Plain values come from the core.
    """
    atexit.unregister(worker.shutdown)
    atexit.register(shutdown_at_exit)
    begin = worker.init

    @functools.wraps(begin)
    def init(*arguments, **options):
        from swift_ray.refusals import Refused

        try:
            return begin(*arguments, **options)
        except ConnectionError as error:
            if isinstance(error.__cause__, Refused):
                raise error.__cause__ from None
            raise

    worker.init = init
    fetch = worker.Worker.get_objects

    @functools.wraps(fetch)
    def get_objects(
        self, object_refs, timeout=None, return_exceptions=False, skip_deserialization=False, *rest, **options
    ):
        if not skip_deserialization:
            milliseconds = int(timeout * 1000) if timeout is not None and timeout != -1 else -1
            try:
                object_refs = self.core_worker.get_values(object_refs, milliseconds)
            except TypeError:
                if all(isinstance(one, worker.ObjectRef) for one in object_refs):
                    raise
                # What is no reference is named by Ray.
            else:
                if type(object_refs) is list:
                    return object_refs, b""
        return fetch(self, object_refs, timeout, return_exceptions, skip_deserialization, *rest, **options)

    worker.Worker.get_objects = get_objects


def shutdown_at_exit() -> None:
    """Ends what `ray.init` has begun. Calls that nobody waits for may end before, for half a second, as in Ray."""
    import ray._private.worker as worker

    driver = worker.global_worker
    if driver.mode == worker.SCRIPT_MODE and driver.connected:
        deadline = time.monotonic() + EXIT_S
        while driver.core_worker.has_calls() and time.monotonic() < deadline:
            time.sleep(0.005)
        printing = getattr(driver, "logger_thread", None)
        if printing is not None and printing.is_alive():
            driver.gcs_log_subscriber.wait_until_printed(max(EXIT_S / 5, deadline - time.monotonic()))
    worker.shutdown()


def patch_state(api: ModuleType) -> None:
    """`ray.util.state` asks the control store, and not the server of a dashboard, and reads logs by itself."""
    from swift_ray import logs
    from swift_ray.state import StateClient

    api.StateApiClient.__init__ = StateClient.connect
    api.StateApiClient._make_http_get_request = StateClient.request
    api.list_logs, api.get_log = logs.list_logs, logs.get_log


def patch_internal_api(api: ModuleType) -> None:
    """`ray memory` and statistics of stores: raylets are not asked over gRPC, but the control store."""
    from swift_ray import memory

    api.get_memory_info_reply = memory.memory_info
    api.node_stats = memory.node_stats
    api.store_stats_summary = memory.with_spills(api.store_stats_summary)


def patch_dashboard(utils: ModuleType) -> None:
    """There is no dashboard, for which Ray would look for long."""

    def refuse(address: str | None = None) -> str:
        from swift_ray.refusals import Refused

        raise Refused(NO_DASHBOARD)

    utils.ray_address_to_api_server_url = refuse
    utils.ray_client_address_to_api_server_url = refuse


def patch_status(commands: ModuleType) -> None:
    """`ray status` has its table from the control store."""
    from swift_ray.status import debug_status

    commands.debug_status = debug_status


def patch_client(client: ModuleType) -> None:
    """Who connects to a head that does not serve Ray Client is told so. Large values are put with fewer copies."""
    from swift_ray import client_puts

    client_puts.patch(client)
    connect = client.Worker._connect_channel

    def connect_channel(self, reconnecting=False) -> None:
        if not reconnecting:
            from swift_ray.heads import refuse_others_of_client

            refuse_others_of_client(self._conn_str)
        connect(self, reconnecting)

    client.Worker._connect_channel = connect_channel


def patch_exceptions(exceptions: ModuleType) -> None:
    """A worker that died is told of with the reason, which Ray has in a log that there is not here."""
    say = exceptions.WorkerCrashedError.__str__

    def say_with_reason(self) -> str:
        if not self.args:
            return say(self)
        return f"The worker died unexpectedly while executing this task: {self.args[0]}"

    exceptions.WorkerCrashedError.__str__ = say_with_reason


def patch_serialization(serialization: ModuleType) -> None:
    """Values that Swift has made are read, too, and why a worker died; plain values without the context."""
    from swift_ray._native import plain_values

    context = serialization.SerializationContext
    deserialize = context.deserialize_objects

    def deserialize_objects(self, objects, references, *rest):
        try:
            if (values := plain_values(objects)) is not None:
                return values
        except ValueError:
            # A text that is none: the context says of which object.
            pass
        if not any(metadata in (SWIFT_VALUE, WORKER_DIED) for _, metadata, _ in objects):
            return deserialize(self, objects, references, *rest)
        from swift_ray.raylet import swift_values

        is_swift = [metadata == SWIFT_VALUE for _, metadata, _ in objects]
        others = [pair for pair, flag in zip(zip(objects, references), is_swift) if not flag]
        values = iter(deserialize(self, [one for one, _ in others], [ref for _, ref in others], *rest))
        found = [
            swift_values.value_or_error(one[0]) if flag else next(values)
            for one, flag in zip(objects, is_swift)
        ]
        for (data, metadata, _), value in zip(objects, found):
            if metadata == WORKER_DIED and data:
                value.args = (bytes(data).decode(),)
        return found

    context.deserialize_objects = deserialize_objects
    serialization._object_ref_deserializer = reference_maker(serialization)


def reference_maker(serialization: ModuleType) -> Callable[..., object]:
    """What the references in pickles are made by, under the name that they give; ours counts when it is constructed."""
    from swift_ray._native import _object_ref_deserializer, set_connection_check

    set_connection_check(lambda: serialization.ray._private.worker.global_worker.check_connected())
    _object_ref_deserializer.__module__ = serialization.__name__
    return _object_ref_deserializer


def patch_serialization_addons(addons: ModuleType) -> None:
    """Values of pydantic, Starlette and pyarrow can be pickled once these are imported, which Ray does itself."""
    import swift_ray.addons

    addons.apply = swift_ray.addons.apply


def patch_signature(signature: ModuleType) -> None:
    """Whether arguments fit is asked `inspect` for the first calls of a function only."""
    from swift_ray.signatures import flattening

    signature.flatten_args = flattening(signature.flatten_args, signature.DUMMY_TYPE)


def patch_cross_language(cross_language: ModuleType) -> None:
    """Calls of Swift: they need no code search path, which Ray wants for those of Java and C++."""
    from swift_ray.raylet.language import SWIFT

    describe = cross_language._get_function_descriptor_for_actor_method

    def format_arguments(worker, args, kwargs):
        if kwargs:
            raise TypeError(f"Cross language remote functions does not support kwargs, kwargs:{kwargs}.")
        return args

    def describe_method(language, creation, method_name, signature):
        if language != SWIFT:
            return describe(language, creation, method_name, signature)
        from swift_ray.swift import descriptor

        # What Ray calls a constructor.
        return descriptor("init" if method_name == "<init>" else method_name, creation.class_name)

    cross_language._format_args = format_arguments
    cross_language._get_function_descriptor_for_actor_method = describe_method


def patch_proxier(proxier: ModuleType) -> None:
    """Ray Client's proxy sets up environments of servers itself, says at once what has failed, and stays out of the way."""
    from swift_ray.client_access import end_soon
    from swift_ray.client_environment import create_runtime_env
    from swift_ray.client_proxy import pass_on_natively

    proxier.ProxyManager._create_runtime_env = create_runtime_env
    end_soon(proxier)
    pass_on_natively(proxier)


def patch_interceptor(interceptor: ModuleType) -> None:
    """Clients without the cluster's token hear why they are refused."""
    from swift_ray.client_access import refuse_with_reason

    refuse_with_reason(interceptor)


def patch_grpc(utilities: ModuleType) -> None:
    """Servers of Ray Client have their connections in Swift."""
    from swift_ray.grpc_server import serve_natively

    serve_natively(utilities)


def patch_client_server(server: ModuleType) -> None:
    """Plain requests of clients are answered without the interpreter."""
    from swift_ray.client_sessions import share_references

    share_references(server)


def patch_data_servicer(servicer: ModuleType) -> None:
    """Requests of clients are answered by the thread that they come to."""
    from swift_ray.grpc_server import collect_one_at_a_time, take_requests_directly

    take_requests_directly(servicer)
    collect_one_at_a_time(servicer.ChunkCollector)
