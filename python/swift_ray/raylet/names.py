"""The names of Ray's module that are not made here: passed on from Ray's Python, or left out for a reason."""

# name -> module:attribute, imported when it is asked for.
PASSED_ON = {
    "ActorDiedErrorContext": "ray.core.generated.common_pb2:ActorDiedErrorContext",
    "GetAllNodeInfoRequest": "ray.core.generated.gcs_service_pb2:GetAllNodeInfoRequest",
    "GetAllResourceUsageReply": "ray.core.generated.gcs_service_pb2:GetAllResourceUsageReply",
    "GetDrainingNodesReply": "ray.core.generated.gcs_service_pb2:GetDrainingNodesReply",
    "DeferSigint": "ray._private.utils:DeferSigint",
    "PythonGCThread": "ray._private.gc_collect_manager:PythonGCThread",
    "DynamicObjectRefGenerator": "ray._private.object_ref_generator:DynamicObjectRefGenerator",
    "ObjectRefGenerator": "ray._private.object_ref_generator:ObjectRefGenerator",
    "StreamingObjectRefGenerator": "ray._private.object_ref_generator:ObjectRefGenerator",
    "binary_to_hex": "ray._common.utils:binary_to_hex",
    "decode": "ray._common.utils:decode",
    "get_or_create_event_loop": "ray._common.utils:get_or_create_event_loop",
    "disable_client_hook": "ray._private.client_mode_hook:disable_client_hook",
    **{
        name: f"ray._private.async_compat:{name}"
        for name in ("get_new_event_loop", "has_async_methods", "is_async_func", "sync_to_async")
    },
    **{
        name: f"ray.util.scheduling_strategies:{name}"
        for name in (
            "DoesNotExist",
            "Exists",
            "In",
            "NodeAffinitySchedulingStrategy",
            "NodeLabelSchedulingStrategy",
            "NotIn",
            "PlacementGroupSchedulingStrategy",
        )
    },
    **{
        name: f"ray.exceptions:{name}"
        for name in (
            "ActorAlreadyExistsError",
            "ActorDiedError",
            "ActorHandleNotFoundError",
            "AsyncioActorExit",
            "AuthenticationError",
            "GetTimeoutError",
            "ObjectRefStreamEndOfStreamError",
            "ObjectStoreFullError",
            "OutOfDiskError",
            "PendingCallsLimitExceeded",
            "RayActorError",
            "RayChannelError",
            "RayChannelTimeoutError",
            "RayError",
            "RaySystemError",
            "RayTaskError",
            "RpcError",
            "TaskCancelledError",
        )
    },
}

_CYTHON = "made by Cython for itself"
_IMPORTED = "a module or type of the standard library or of Ray that Ray's core imports for itself"
_TASK_LOOP = "inner part of Ray's task loop; ours is swift_ray/raylet/worker_loop.py"
_INNER = "inner part of a class of Ray's core that nothing else asks for"


def _all(reason: str, names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), reason)


# name -> why it is not there; no Python file of Ray's asks for any of these.
ABSENT = {
    **_all(
        _CYTHON,
        """__pyx_unpickle_Config __pyx_unpickle_EmptyProfileEvent __pyx_unpickle_Enum
        __pyx_unpickle_MessagePackSerializedObject __pyx_unpickle_MessagePackSerializer
        __pyx_unpickle_Pickle5SerializedObject __pyx_unpickle_RawSerializedObject __pyx_unpickle_RayEvent
        __pyx_unpickle_SerializedObject __pyx_unpickle_StreamRedirector __reduce_cython__ __setstate_cython__
        __test__""",
    ),
    **_all(
        _IMPORTED,
        """Any AsyncGenerator Awaitable Callable Dict Future Generator GenericAlias List NamedTuple Optional Sequence
        StopAsyncIteration Tuple Union _thread asyncio autoscaler_pb2 collections common_pb2 concurrent contextlib
        contextvars dataclass external_storage functools gc gcs_pb2 hashlib inspect io json logging msgpack os pickle
        psutil random ray ray_constants ray_pickle subprocess sys threading time traceback uuid warnings""",
    ),
    **_all(
        _TASK_LOOP,
        """StreamingGeneratorExecutionContext _async_reserve_actor_generator_slot _async_wait_for_object_consumed
        _call_actor_shutdown _release_actor_generator_slot _reserve_actor_generator_slot _temporarily_disable_gc
        _wait_for_object_consumed current_task_id current_task_id_lock execute_streaming_generator_async
        exit_actor_task_ids exit_actor_task_ids_lock job_config_initialization_lock job_config_initialized
        maybe_initialize_job_config""",
    ),
    **_all(
        _INNER,
        """InnerGcsClient _GcsSubscriber _current_proctitle _current_proctitle_lock _event_recorder_instance
        _event_recorder_lock logger""",
    ),
}
