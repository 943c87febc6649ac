"""Serves the page, in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import socket
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from vla.console.access import HEADERS, Access
from vla.console.hub import Hub, Page
from vla.console.latch import StopLatch
from vla.console.views import show
from vla.processes import start_worker

FILES = Path(__file__).parent / "page"
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
LARGEST_MESSAGE = 16_384
"""Of a page to the server [bytes]."""
SECRET_LENGTH = 32


class PageServer:
    """Routes requests of browsers.

    Args:
        access: who may open the page.
        hub: what the pages talk to.
    """

    def __init__(self, access: Access, hub: Hub) -> None:
        self._access, self._hub = access, hub
        self.port = 0
        routes = [Route("/", self._index), Route("/stop", self._stop, methods=["POST"]), Route("/scene", self._scene)]
        self.app = Starlette(
            routes=[
                *routes,
                *(Route(f"/{file.name}", self._file) for file in FILES.iterdir() if file.name != "index.html"),
                WebSocketRoute("/talk", self._talk),
                WebSocketRoute("/view", self._view),
            ]
        )

    async def _index(self, request: Request) -> Response:
        if refused := self._refuse(request, needs_cookie=False):
            return refused
        query = parse_qs(request.url.query)
        if self._access.token is not None and "token" in query:
            if not self._access.knows_token(query["token"][0]):
                return _text("that is not the token", 403)
            reply = RedirectResponse("/", 303, HEADERS)  # so that the token does not stay in the address bar
            reply.set_cookie(self._cookie, self._access.session, httponly=True, samesite="strict")
            return reply
        if not self._access.admitted(request.cookies.get(self._cookie)):
            return _text("open the address that `vla console` has printed, which ends with ?token=…", 403)
        return _file("index.html")

    async def _file(self, request: Request) -> Response:
        return self._refuse(request) or _file(request.url.path.removeprefix("/"))

    async def _scene(self, request: Request) -> Response:
        if refused := self._refuse(request):
            return refused
        if self._hub.scene is None:
            return _text("there is no scene", 404)
        return Response(self._hub.scene, media_type="application/json", headers=HEADERS)

    async def _stop(self, request: Request) -> Response:
        """Stop without a connection to talk over; only scripts of the page itself can send this header."""
        if refused := self._refuse(request):
            return refused
        if request.headers.get("x-vla-console") != "stop":
            return _text("only the page itself can stop", 403)
        self._hub.stop(None)
        return _text("stopped", 200)

    async def _talk(self, socket: WebSocket) -> None:
        """Exchange JSON with a page."""
        if not await self._accept(socket):
            return
        secret = socket.query_params.get("me", "")
        if len(secret) != SECRET_LENGTH:
            await socket.close(1008)
            return
        page = self._hub.enter(secret)
        writer = asyncio.create_task(_write(socket, page))
        try:
            while True:
                message = json.loads(await socket.receive_text())
                self._hub.take(page, message if isinstance(message, dict) else {})
        except ValueError:
            with contextlib.suppress(RuntimeError):
                await socket.close(1003)
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            writer.cancel()
            self._hub.leave(page)

    async def _view(self, socket: WebSocket) -> None:
        """Send frames and poses."""
        if await self._accept(socket):
            with contextlib.suppress(WebSocketDisconnect, ValueError, RuntimeError):
                await show(socket, self._hub)

    async def _accept(self, socket: WebSocket) -> bool:
        if self._why_not(socket, needs_cookie=True):
            await socket.close(1008)
            return False
        await socket.accept()
        return True

    def _refuse(self, request: Request, *, needs_cookie: bool = True) -> Response | None:
        reason = self._why_not(request, needs_cookie=needs_cookie)
        return _text(reason, 403) if reason else None

    def _why_not(self, request: HTTPConnection, *, needs_cookie: bool) -> str:
        if not self._access.is_ours(request.headers.get("host", ""), request.headers.get("origin")):
            return "this host name is not ours, or another site's page asks"
        if needs_cookie and not self._access.admitted(request.cookies.get(self._cookie)):
            return "open the page first"
        return ""

    @property
    def _cookie(self) -> str:
        return f"vla_console_{self.port}"  # browsers share cookies between the ports of a host


async def _write(socket: WebSocket, page: Page) -> None:
    while (text := await page.outgoing.get()) is not None:
        await socket.send_text(text)
    await socket.close(1013)


def _file(name: str) -> Response:
    path = FILES / name
    return Response(path.read_bytes(), media_type=KINDS[path.suffix], headers=HEADERS)


def _text(text: str, status: int) -> Response:
    return PlainTextResponse(text, status, HEADERS)


def serve(access: Access, port: int, latch: StopLatch, connection: Connection) -> None:
    """Run in the process: serve until the other end of the connection is closed.

    The first thing that is sent through it is a pair of the port and why it cannot be used.
    """
    start_worker()
    listening = socket.socket(socket.AF_INET6 if ":" in access.host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((access.host, port))
        listening.listen()
    except (OSError, OverflowError) as error:
        connection.send((0, str(error)))
        return
    connection.send((listening.getsockname()[1], ""))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(access, listening, latch, connection))


async def _serve(access: Access, listening: socket.socket, latch: StopLatch, connection: Connection) -> None:
    requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    hub = Hub(latch, requests.put)
    pages = PageServer(access, hub)
    pages.port = listening.getsockname()[1]
    options = {"log_config": None, "access_log": False, "server_header": False, "lifespan": "off"}
    server = uvicorn.Server(
        uvicorn.Config(
            pages.app, ws="websockets-sansio", ws_max_size=LARGEST_MESSAGE, timeout_graceful_shutdown=1, **options
        )
    )
    loop = asyncio.get_running_loop()

    def end() -> None:
        hub.close()
        server.should_exit = True

    def hear() -> None:
        with contextlib.suppress(EOFError, OSError, RuntimeError):
            while (message := connection.recv())["kind"] != "end":
                loop.call_soon_threadsafe(hub.hear, message)
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(end)

    def ask() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection.send(requests.get())

    for work in (hear, ask):
        threading.Thread(target=work, daemon=True).start()
    await server.serve(sockets=[listening])
