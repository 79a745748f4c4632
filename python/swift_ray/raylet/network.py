"""Addresses: taking them apart, putting them together, and which address of this machine others see."""

import ipaddress
import logging
import socket

logger = logging.getLogger("ray._raylet")

# Where a datagram socket is pointed to learn the way out; nothing is sent.
_OUTSIDE = ((socket.AF_INET, "8.8.8.8", 80), (socket.AF_INET6, "2001:4860:4860::8888", 80))


def parse_address(address: str) -> tuple[str, str] | None:
    """Host and port of "host:port" or "[IPv6]:port", both as text; None without a port, with a scheme, or a bare IPv6."""
    if not isinstance(address, str):
        raise TypeError(f"Argument 'address' has incorrect type (expected str, got {type(address).__name__})")
    if address.startswith("["):
        host, bracket, port = address[1:].rpartition("]:")
        return (host, port) if bracket else None
    host, colon, port = address.partition(":")
    return (host, port) if colon and ":" not in port and "/" not in port else None


def build_address(host: str, port: int | str) -> str:
    """ "host:port", with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _resolve(host: str, family: socket.AddressFamily) -> bool:
    try:
        return bool(host) and bool(socket.getaddrinfo(host, None, family))
    except (OSError, UnicodeError):
        return False


def is_ipv6(host: str) -> bool:
    """Whether it is an IPv6 address, or a name that has no other."""
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return not _resolve(host, socket.AF_INET) and _resolve(host, socket.AF_INET6)


def is_localhost(host: str) -> bool:
    return host in ("127.0.0.1", "localhost", "::1")


def get_localhost_ip() -> str:
    """127.0.0.1, or ::1 on a machine without IPv4."""
    return (
        "127.0.0.1"
        if _resolve("localhost", socket.AF_INET) or not _resolve("localhost", socket.AF_INET6)
        else "::1"
    )


def get_all_interfaces_ip() -> str:
    """The address that stands for all interfaces, of the same family as `get_localhost_ip`."""
    return "0.0.0.0" if get_localhost_ip() == "127.0.0.1" else "::"


def _own_address(family: socket.AddressFamily, host: str, port: int) -> str | None:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((host, port))
            return probe.getsockname()[0]
    except OSError:
        return None


def node_ip_address_from_perspective(address: str | None = None) -> str:
    """The address of this machine that a packet to `address` ("host:port") carries; without one, to the outside.

    Falls back to what the host's name resolves to, then to 127.0.0.1.
    """
    if address is None:
        ways = _OUTSIDE
    else:
        host, port = parse_address(address) or ("", "")
        ways = (
            ((socket.AF_INET6 if is_ipv6(host) else socket.AF_INET, host, int(port)),)
            if port.isdigit()
            else ()
        )
    for way in ways:
        if found := _own_address(*way):
            return found
    logger.warning(
        "No way from this machine to %s: its address is taken from its name.", address or "the outside"
    )
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return get_localhost_ip()
