"""A page with one button, which stops the arm: for a phone, or for a browser on this machine."""

from __future__ import annotations

import hmac
import json
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

from vla.errors import ConfigError
from vla.serve.access import is_loopback, read_token

TOKEN_VARIABLE = "VLA_ESTOP_TOKEN"
"""Environment variable that holds the token."""
PRESSED = "emergency stop: page"
LONGEST_BODY = 1024
"""[bytes]"""
TIMEOUT = 5.0
"""Of a connection on which nothing comes [s]."""
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Stop</title><style>
body {{ margin: 0; font: 1.4rem system-ui, sans-serif; text-align: center; background: #111; color: #eee }}
button {{ width: 90vw; height: 60vh; margin: 5vh 0 3vh; border: 0; border-radius: 2rem; font: bold 20vw system-ui;
  background: #d11; color: #fff; touch-action: manipulation }}
button:active {{ background: #800 }}
</style></head><body>
<form method="post" action="/stop"><input type="hidden" name="page" value="{page}"><button>STOP</button></form>
<p id="state">{state}</p>
<script nonce="{nonce}">
const show = text => document.getElementById("state").textContent = text;
document.querySelector("form").addEventListener("submit", event => {{
  event.preventDefault();
  fetch("/stop", {{method: "POST", body: new URLSearchParams({{page: "{page}"}})}})
    .then(reply => reply.json()).then(reply => show(reply.state)).catch(() => event.target.submit());
}});
setInterval(() => fetch("/state?page={page}").then(reply => reply.json()).then(reply => show(reply.state))
  .catch(() => show("no connection: this button does nothing now")), 500);
</script></body></html>
"""


class StopPage:
    """Serves the page from a thread; use as a context manager, and call it to ask whether the button was pressed.

    Pressing latches; the page cannot undo it. Only a POST with the secret of a page that was shown stops, so no link,
    image or script of another site does. Somebody who has the token, where there is one, sees the page at ``/?token=``.

    Args:
        port: TCP port; 0 takes a free one.
        host: address to listen on.
        environment: holds the token, which is needed when others can reach ``host``.

    Attributes:
        status: returns why the run is stopped, or "" while it is not.

    Raises:
        ConfigError: others could press the button without a token; on entering, if the port cannot be used.
    """

    def __init__(self, port: int, host: str = "127.0.0.1", environment: Mapping[str, str] = os.environ) -> None:
        self.token = read_token(None, environment, TOKEN_VARIABLE)
        if self.token is None and not is_loopback(host):
            raise ConfigError(
                f"estop_host={host} is open to other machines, and there is no token: set {TOKEN_VARIABLE}, "
                "or listen on 127.0.0.1"
            )
        self.host, self.port = host, port
        self.status: Callable[[], str] = self
        self.secret = secrets.token_urlsafe(24)
        self._pressed = threading.Event()

    def __enter__(self) -> Self:
        try:
            self._server = _Server((self.host, self.port), _Handler)
        except (OSError, OverflowError) as error:
            raise ConfigError(f"estop_port={self.port} cannot be used at {self.host}: {error}") from error
        self._server.page = self
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="stop page", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __call__(self) -> str:
        """Return why to stop, or "" while nobody has pressed the button."""
        return PRESSED if self._pressed.is_set() else ""

    def press(self) -> None:
        """Stop."""
        self._pressed.set()

    def release(self) -> None:
        """Forget that the button was pressed: for whoever may resume, the page cannot."""
        self._pressed.clear()

    def describe(self) -> str:
        """Return the state of the run in words."""
        cause = self() or self.status()
        return f"stopped: {cause}" if cause else "running"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    page: StopPage

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]
    timeout = TIMEOUT
    server_version, sys_version = "vla", ""

    def do_GET(self) -> None:
        page, url = self.server.page, urlsplit(self.path)
        query = parse_qs(url.query)
        known = _same(query.get("page"), page.secret)
        if not self._is_for_us():
            self._answer(HTTPStatus.FORBIDDEN, "this host name is not ours", "text/plain")
        elif url.path == "/state" and (known or page.token is None):
            self._answer(HTTPStatus.OK, json.dumps({"state": page.describe()}), "application/json")
        elif url.path != "/":
            self._answer(HTTPStatus.NOT_FOUND, "there is nothing but /", "text/plain")
        elif page.token is not None and not _same(query.get("token"), page.token):
            self._answer(HTTPStatus.FORBIDDEN, "open /?token=<the token>", "text/plain")
        else:
            nonce = secrets.token_urlsafe(12)
            text = _PAGE.format(page=page.secret, state=page.describe(), nonce=nonce)
            self._answer(HTTPStatus.OK, text, "text/html", nonce)

    def do_POST(self) -> None:
        page = self.server.page
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LONGEST_BODY:
            self._answer(HTTPStatus.BAD_REQUEST, "the body is not what the page sends", "text/plain")
            return
        form = parse_qs(self.rfile.read(int(length)).decode(errors="replace"))
        if urlsplit(self.path).path != "/stop" or not self._is_for_us() or not _same(form.get("page"), page.secret):
            self._answer(HTTPStatus.FORBIDDEN, "load the page again", "text/plain")
            return
        page.press()
        self._answer(HTTPStatus.OK, json.dumps({"state": page.describe()}), "application/json")

    def _is_for_us(self) -> bool:
        """Refuse other names of a loopback address, with which a web page could get hold of ours."""
        name = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
        return not is_loopback(self.server.page.host) or is_loopback(name)

    def _answer(self, status: HTTPStatus, text: str, kind: str, nonce: str = "") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Frame-Options", "DENY")
        script = f"; script-src 'nonce-{nonce}'" if nonce else ""
        self.send_header(
            "Content-Security-Policy", f"default-src 'none'; style-src 'unsafe-inline'; connect-src 'self'{script}"
        )
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the terminal for the run."""


def _same(given: list[str] | None, secret: str) -> bool:
    return given is not None and len(given) == 1 and hmac.compare_digest(given[0].encode(), secret.encode())
