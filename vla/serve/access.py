"""Who may use a server, and how much: tokens, the address it listens on, certificates, rates."""

from __future__ import annotations

import hmac
import ipaddress
import os
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from vla.errors import ConfigError

TOKEN_VARIABLE = "VLA_TOKEN"
"""Environment variable that holds the token where no file is named."""
SHORTEST_TOKEN = 16
"""[characters]"""
SCHEMES = ("api-key", "bearer")
"""``Authorization: Api-Key <token>``, as openpi's client sends it, or ``Bearer``, as Prometheus does."""


def read_token(
    file: str | Path | None, environment: Mapping[str, str] = os.environ, variable: str = TOKEN_VARIABLE
) -> str | None:
    """Return the token from ``file``, or from a variable of the environment; None if there is neither.

    Raises:
        ConfigError: the file cannot be read, or what is there is no good token. The token itself is never shown.
    """
    if file is not None:
        try:
            token, source = Path(file).expanduser().read_text().strip(), str(file)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"token_file={file} cannot be read: {type(error).__name__}") from error
    elif variable in environment:
        token, source = environment[variable].strip(), variable
    else:
        return None
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(
            f"the token in {source} must be one word of at least {SHORTEST_TOKEN} ASCII characters; "
            "make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return token


def authorized(headers: list[str], token: str | None) -> bool:
    """Whether the values of a request's ``Authorization`` headers prove that it knows the token."""
    if token is None:
        return True
    if len(headers) != 1:
        return False
    scheme, _, given = headers[0].strip().partition(" ")
    same = hmac.compare_digest(given.strip().encode(errors="replace"), token.encode())
    return same and scheme.lower() in SCHEMES


def is_loopback(host: str) -> bool:
    """Whether ``host`` can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_exposure(host: str, token: str | None) -> None:
    """Make sure that nobody else can use a server without a token.

    Raises:
        ConfigError: it would listen beyond this machine without one.
    """
    if token is None and not is_loopback(host):
        raise ConfigError(
            f"host={host} is open to other machines, and there is no token: set token_file= or {TOKEN_VARIABLE}, "
            "or listen on 127.0.0.1"
        )


def server_tls(certificate: str | None, key: str | None) -> ssl.SSLContext | None:
    """Return the TLS side of a server; None without a certificate.

    Raises:
        ConfigError: only one of the files is named, or they cannot be used.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ConfigError("TLS takes both certificate= and key= (PEM files)")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:
        raise ConfigError(f"certificate={certificate} and key={key} cannot be used: {error}") from error
    return context


def client_tls(ca_file: str | None) -> ssl.SSLContext:
    """Return the TLS side of a client that trusts the system's authorities, or those in ``ca_file`` alone.

    Raises:
        ConfigError: the file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:
        raise ConfigError(f"ca_file={ca_file} cannot be used: {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class RateLimit:
    """Allows ``rate`` requests a second, and as many at once (token bucket).

    Args:
        rate: requests a second.
        clock: returns the time [s].
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._left, self._since = max(rate, 1.0), clock()

    def take(self) -> bool:
        """Count a request; return whether it is allowed."""
        now = self._clock()
        self._left = min(max(self._rate, 1.0), self._left + (now - self._since) * self._rate)
        self._since = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
