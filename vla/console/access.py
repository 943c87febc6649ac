"""Who may open the page: the token, the names that the page goes by, and what browsers may do with it."""

from __future__ import annotations

import hmac
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from vla.serve.access import is_loopback, read_token

TOKEN_VARIABLE = "VLA_CONSOLE_TOKEN"
"""Environment variable that holds the token."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every answer: nothing comes from, or goes to, anywhere else."""


@dataclass(frozen=True)
class Access:
    """Where the page is, and what it takes to open it.

    Args:
        host: address to listen on.
        token: needed to open the page; None for none, which only an address of this machine's own may have.
    """

    host: str
    token: str | None
    session: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    """What a browser keeps once it has shown the token."""

    @classmethod
    def choose(cls, host: str, token_file: str | None, environment: Mapping[str, str] = os.environ) -> Access:
        """Return the access to ``host``, with the token from file or environment, or one made up where one is needed.

        Raises:
            ConfigError: the file cannot be read, or the token is too weak.
        """
        token = read_token(token_file, environment, TOKEN_VARIABLE)
        if token is None and not is_loopback(host):
            token = secrets.token_urlsafe(24)
        return cls(host, token)

    def url(self, port: int) -> str:
        """Return the address to open in a browser, token included."""
        name = _name_of_this_machine() if self.host in ("0.0.0.0", "::", "") else self.host
        name = f"[{name}]" if ":" in name else name
        return f"http://{name}:{port}/" + (f"?token={self.token}" if self.token else "")

    def knows_token(self, given: str | None) -> bool:
        """Return whether that is the token; how long it takes does not tell how close it was."""
        return self.token is None or hmac.compare_digest((given or "").encode(), self.token.encode())

    def admitted(self, cookie: str | None) -> bool:
        """Return whether a browser has shown the token before."""
        return self.token is None or hmac.compare_digest((cookie or "").encode(), self.session.encode())

    def is_ours(self, host: str, origin: str | None) -> bool:
        """Return whether a request is for this page, and no other site's page makes it.

        Args:
            host: header ``Host``. Another name for a loopback address is one that somebody's site goes by.
            origin: header ``Origin``; None where browsers send none.
        """
        name = urlsplit(f"//{host}").hostname or ""
        known = not is_loopback(self.host) or is_loopback(name)
        return known and (origin is None or urlsplit(origin).netloc == host)


def _name_of_this_machine() -> str:
    """Return the address by which others reach this machine, as far as it knows; nothing is sent for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()
