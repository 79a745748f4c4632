"""Authentication by a token that all processes of a cluster know. Tokens are never logged or shown.

The mode comes from RAY_AUTH_MODE, read when `Config.initialize` is called.
"""

import hmac
import os
from typing import Optional

from swift_ray.raylet import config
from swift_ray.raylet.constants import AUTHORIZATION_HEADER_NAME

_ABSENT = (
    "Token authentication is enabled but Ray couldn't find an authentication token. Create a token file at "
    "~/.ray/auth_token, or store the token in any file and set RAY_AUTH_TOKEN_PATH to point to it, or set the "
    "RAY_AUTH_TOKEN environment variable."
)


class AuthenticationMode:
    DISABLED = 0
    TOKEN = 1


def get_authentication_mode() -> int:
    """One of `AuthenticationMode`. ValueError: RAY_AUTH_MODE names none."""
    mode = config.value("AUTH_MODE")
    if mode not in ("disabled", "token"):
        raise ValueError(f"RAY_AUTH_MODE is {mode!r} and should be 'token' or 'disabled'")
    return AuthenticationMode.TOKEN if mode == "token" else AuthenticationMode.DISABLED


def is_k8s_token_auth_enabled() -> bool:
    return config.value("ENABLE_K8S_TOKEN_AUTH")


def _read_token_file(path: str) -> str:
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return ""


def _find_token() -> str:
    """RAY_AUTH_TOKEN, else the file of RAY_AUTH_TOKEN_PATH, else ~/.ray/auth_token; "" if there is none."""
    if token := os.environ.get("RAY_AUTH_TOKEN"):
        return token.strip()
    if path := os.environ.get("RAY_AUTH_TOKEN_PATH"):
        if token := _read_token_file(path):
            return token
        from ray.exceptions import AuthenticationError

        raise AuthenticationError(f"RAY_AUTH_TOKEN_PATH is set but file cannot be opened or is empty: {path}")
    return _read_token_file(os.path.expanduser("~/.ray/auth_token"))


class AuthenticationTokenLoader:
    """The token of this process, read once. A mode of "disabled" hides it until something asked regardless."""

    _token: Optional[str] = None

    @staticmethod
    def instance() -> "AuthenticationTokenLoader":
        return AuthenticationTokenLoader()

    def get_raw_token(self, ignore_auth_mode: bool = False) -> str:
        """The token, "" in disabled mode. AuthenticationError: there is none although the mode wants it.

        `ignore_auth_mode`: the token if there is one, whatever the mode.
        """
        if AuthenticationTokenLoader._token is None:
            if not ignore_auth_mode and get_authentication_mode() == AuthenticationMode.DISABLED:
                return ""
            token = _find_token()
            if not token and not ignore_auth_mode:
                from ray.exceptions import AuthenticationError

                raise AuthenticationError(_ABSENT)
            AuthenticationTokenLoader._token = token or None
        return AuthenticationTokenLoader._token or ""

    def has_token(self, ignore_auth_mode: bool = False) -> bool:
        return bool(self.get_raw_token(ignore_auth_mode))

    def get_token_for_http_header(self, ignore_auth_mode: bool = False) -> dict[str, str]:
        """The header that carries the token, {} without one."""
        token = self.get_raw_token(ignore_auth_mode)
        return {AUTHORIZATION_HEADER_NAME: f"Bearer {token}"} if token else {}

    def reset_cache(self) -> None:
        AuthenticationTokenLoader._token = None


def validate_authentication_token(provided_metadata: str) -> bool:
    """Whether a request's header is "Bearer <token>"; always, while authentication is off."""
    if get_authentication_mode() == AuthenticationMode.DISABLED:
        return True
    wanted = f"Bearer {AuthenticationTokenLoader.instance().get_raw_token()}"
    return hmac.compare_digest(provided_metadata.encode(errors="surrogateescape"), wanted.encode())
