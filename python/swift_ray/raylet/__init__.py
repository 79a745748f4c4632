"""The module that Ray's Python finds as `ray._raylet`.

Order matters: Ray's own modules import names from here while this one is still being made, so everything that needs
nothing of Ray comes first, and what only passes through is looked up when it is asked for (`names.py`).
"""

import importlib as _importlib
import sys as _sys

_RAY_VERSION = "2.60.0"

if "ray" not in _sys.modules:
    raise ImportError(
        "swift_ray.raylet is imported by `import ray`, after swift_ray.install() or with the wheel installed"
    )
if "ray._raylet" in _sys.modules:
    raise ImportError("swift_ray.raylet cannot be imported: Ray's own core is loaded already")
if (_found := _sys.modules["ray"].__version__) != _RAY_VERSION:
    raise ImportError(
        f"swift-ray-core stands in for the core of Ray {_RAY_VERSION}, and this is Ray {_found}: "
        f"install ray=={_RAY_VERSION}, or set SWIFT_RAY=0 to use Ray's own core"
    )
_sys.modules["ray._raylet"] = _sys.modules[__name__]

from swift_ray._native import (
    ActorClassID,
    ActorID,
    BaseID,
    Buffer,
    ClusterID,
    FunctionID,
    JobID,
    MessagePackSerializedObject,
    NodeID,
    Pickle5SerializedObject,
    Pickle5Writer,
    PlacementGroupID,
    RawSerializedObject,
    SerializedObject,
    SubBuffer,
    TaskID,
    UniqueID,
    WorkerID,
    split_buffer,
    unpack_pickle5_buffers,
)
from swift_ray.raylet.authentication import (
    AuthenticationMode,
    AuthenticationTokenLoader,
    get_authentication_mode,
    is_k8s_token_auth_enabled,
    validate_authentication_token,
)
from swift_ray.raylet.config import Config
from swift_ray.raylet.constants import *
from swift_ray.raylet.descriptors import (
    CppFunctionDescriptor,
    EmptyFunctionDescriptor,
    FunctionDescriptor,
    JavaFunctionDescriptor,
    PythonFunctionDescriptor,
)
from swift_ray.raylet.events import EventRecorder, RayEvent
from swift_ray.raylet.gcs_options import GcsClientOptions
from swift_ray.raylet.identifiers import check_id, check_nil, compute_task_id
from swift_ray.raylet.labels import node_labels_match_selector
from swift_ray.raylet.language import Language
from swift_ray.raylet.metrics import Count, Gauge, Histogram, Metric, Sum
from swift_ray.raylet.names import ABSENT as _ABSENT, PASSED_ON as _PASSED_ON
from swift_ray.raylet.network import (
    build_address,
    get_all_interfaces_ip,
    get_localhost_ip,
    is_ipv6,
    is_localhost,
    node_ip_address_from_perspective,
    parse_address,
)
from swift_ray.raylet.object_ref import ObjectRef, _set_future_helper
from swift_ray.raylet.ports import get_port_filename, persist_port, wait_for_persisted_port
from swift_ray.raylet.process_title import getproctitle, setproctitle
from swift_ray.raylet.profiling import EmptyProfileEvent, ProfileEvent
from swift_ray.raylet.serialization import MessagePackSerializer, SerializedRayObject
from swift_ray.raylet.streams import StreamRedirector
from swift_ray.raylet.task_context import (
    NumReturnsWarning,
    StreamingGeneratorStats,
    async_task_function_name,
    async_task_id,
    async_task_name,
    raise_sys_exit_with_custom_error_message,
    serialize_retry_exception_allowlist,
)
from swift_ray.raylet.time_series import (
    merge_instantaneous_total_cython,
    time_weighted_average_cython,
)
from swift_ray.raylet.unavailable import (
    RayletClient,
    del_key_prefix_from_storage,
    get_session_key_from_storage,
)

ObjectID = ObjectRef


def _take_name(value: object) -> None:
    """Ray pickles classes and functions by the module where it finds them."""
    if getattr(value, "__module__", "").startswith("swift_ray."):
        value.__module__ = "ray._raylet"


for _value in list(globals().values()):
    if callable(_value):
        _take_name(_value)


def __getattr__(name: str) -> object:
    if name in _PASSED_ON:
        module, _, attribute = _PASSED_ON[name].partition(":")
        value = getattr(_importlib.import_module(module), attribute)
        if attribute == "ObjectRefGenerator":
            value.__module__ = "ray"  # where users find it; Ray's core does the same
        globals()[name] = value
        return value
    reason = f": {_ABSENT[name]}" if name in _ABSENT else ""
    raise AttributeError(f"module 'ray._raylet' has no attribute {name!r}{reason}", name=name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PASSED_ON})


# These need the core itself, and some modules of Ray that import names from above.
from swift_ray.raylet.core_worker import CoreWorker
from swift_ray.raylet.gcs_client import GcsClient
from swift_ray.raylet.global_state import GlobalStateAccessor
from swift_ray.raylet.subscribers import GcsErrorSubscriber, GcsLogSubscriber

for _value in (CoreWorker, GcsClient, GlobalStateAccessor, GcsErrorSubscriber, GcsLogSubscriber):
    _take_name(_value)
