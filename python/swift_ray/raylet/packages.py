"""Large packages of runtime environments: in the head's archive, in pieces; their names lead there.

name (gcs://…) ──▶ value of the key-value store: the package, or ARCHIVED + its SHA-256 ──▶ file of the archive
"""

import hashlib
import threading
from collections.abc import Callable
from typing import Any

from .core_error import GRPC_NOT_FOUND

# What Ray's names of packages begin with.
PREFIX = b"gcs://"
# Largest package that is a value itself, and length of a piece of a larger one (`Limits.chunkBytes`).
PIECE_BYTES = 1 << 20
# The beginning of a value that leads to the archive (`ArchivedPackage`, Swift).
ARCHIVED = b"swift-ray-archive:"
HASH_DIGITS = 64

# How often the pieces are sent: the head lets go of what it has of a file when it, or the connection, is new.
TRIES = 3

# The pieces of a file come in order, whichever thread sends them.
_sending = threading.Lock()

Ask = Callable[[str, dict, float | None], Any]


def is_large(key: bytes, value: bytes) -> bool:
    """Whether a value is to go into the archive."""
    return key.startswith(PREFIX) and len(value) > PIECE_BYTES


def archived_hash(key: bytes, value: bytes | None) -> str | None:
    """The file of the archive to which a value leads; None if it is the value."""
    if value is None or not key.startswith(PREFIX) or not value.startswith(ARCHIVED):
        return None
    digits = value[len(ARCHIVED) :]
    return digits.decode() if len(digits) == HASH_DIGITS else None


def send(ask: Ask, package: bytes, timeout: float | None) -> bytes:
    """Brings a package to the archive, unless it is there; the value for its name."""
    from ray.exceptions import RpcError

    digest = hashlib.sha256(package).hexdigest()
    with _sending:
        if fetch(ask, digest, timeout, count=1) is None:
            for left in reversed(range(TRIES)):
                try:
                    _send_pieces(ask, digest, package, timeout)
                    break
                except RpcError:
                    if left == 0:
                        raise
    return ARCHIVED + digest.encode()


def _send_pieces(ask: Ask, digest: str, package: bytes, timeout: float | None) -> None:
    rest = memoryview(package)
    for offset in range(0, len(package), PIECE_BYTES):
        piece = bytes(rest[offset : offset + PIECE_BYTES])
        ask("store_blob", {"hash": digest, "offset": offset, "total": len(package), "bytes": piece}, timeout)


def fetch(ask: Ask, digest: str, timeout: float | None, count: int | None = None) -> bytes | None:
    """A package of the archive, or its first `count` bytes; None if it is not there."""
    from ray.exceptions import RpcError

    package = bytearray()
    total = count
    while total is None or len(package) < total:
        wanted = {"hash": digest, "offset": len(package), "count": count or PIECE_BYTES}
        try:
            piece = ask("fetch_blob", wanted, timeout)
        except RpcError as error:
            if error.rpc_code == GRPC_NOT_FOUND:
                return None
            raise
        if not piece["bytes"]:
            # A head that has none of it left would be asked for ever.
            return None
        package += piece["bytes"]
        total = count or piece["total"]
    return bytes(package)
