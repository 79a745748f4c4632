"""Failures of the core as Ray's exceptions."""

from swift_ray._core import CoreError
from swift_ray.raylet.errors import exception

# ErrorType numbers of the core that Ray raises without storing them as objects (RayCore/ErrorType.swift).
GET_TIMEOUT = 1000
INVALID_ARGUMENT = 1002
SYSTEM_ERROR = 1003
CLUSTER_UNREACHABLE = 1004
AUTHENTICATION_FAILED = 1005
NOT_FOUND = 1007

# gRPC's status codes, which Ray's Python compares `RpcError.rpc_code` with.
GRPC_UNKNOWN = 2
GRPC_DEADLINE_EXCEEDED = 4
GRPC_NOT_FOUND = 5
GRPC_RESOURCE_EXHAUSTED = 8
GRPC_UNAVAILABLE = 14


def ray_exception(error: CoreError) -> BaseException:
    """The exception that Ray's own core raises for such a failure."""
    return exception(*error.args)


def rpc_exception(error: CoreError) -> Exception:
    """The exception of Ray's clients of the GCS."""
    import ray.exceptions as exceptions

    number, message = error.args
    if number == AUTHENTICATION_FAILED:
        return exceptions.AuthenticationError(message)
    codes = {
        CLUSTER_UNREACHABLE: GRPC_UNAVAILABLE,
        GET_TIMEOUT: GRPC_DEADLINE_EXCEEDED,
        NOT_FOUND: GRPC_NOT_FOUND,
        22: GRPC_RESOURCE_EXHAUSTED,
    }
    return exceptions.RpcError(message, rpc_code=codes.get(number, GRPC_UNKNOWN))
