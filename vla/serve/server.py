"""The policy server: openpi's protocol over websockets.

A client that connects is sent a map that says what the policy takes (`PolicySpec.to_metadata`). Then each binary
message is a request and is answered by one message, in order: a binary one with ``actions`` (T, n) float32 and
``server_timing`` [ms], or text that says what was wrong. ``GET /healthz`` and ``GET /metrics`` are answered on the same
port.
"""

from __future__ import annotations

import asyncio
import http
import logging
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State

from vla.errors import ConfigError, ProtocolError, VlaError
from vla.serve.access import RateLimit, authorized, check_exposure
from vla.serve.batcher import Batcher
from vla.serve.metrics import Metrics
from vla.serve.spec import PolicySpec
from vla.serve.wire import decode, encode
from vla.types import ActionChunk, Observation, Subgoal

PATHS = ("/", "/healthz", "/metrics")
SPARE_BYTES = 16_384
"""Room in a request for keys and text."""
PING_SECONDS = 20.0
"""A client that does not answer a ping for this long is gone [s]."""
logger = logging.getLogger(__name__)


class ServablePolicy(Protocol):
    """A policy that answers several requests in one forward pass."""

    def predict_chunks(self, requests: Sequence[tuple[Observation, Subgoal]]) -> Sequence[ActionChunk]:
        """Return a chunk (T, n) for each request, the same as if it were alone."""
        ...


@dataclass(frozen=True)
class Limits:
    """What clients may take. Times in seconds."""

    max_clients: int = 8
    max_rate: float = 60.0
    """Requests a second and client."""
    max_batch: int = 8
    """Requests of one forward pass."""
    max_message: int | None = None
    """Bytes of a request; None for what the policy's inputs need."""
    idle_timeout: float = 600.0
    """Until a client that sends no request is disconnected."""
    send_timeout: float = 5.0
    """Until a client that does not take its answer is disconnected."""
    open_timeout: float = 5.0
    """For TLS and websocket handshakes, each."""


class PolicyServer:
    """Serves one policy to several robots; use as an async context manager, it serves until that is left.

    Args:
        policy: predicts.
        spec: what it takes.
        host: address to listen on.
        port: 0 takes one that is free.
        token: what clients must know; None admits everybody, on a loopback address only.
        tls: certificate; None for a plain connection.
        limits: what clients may take.

    Raises:
        ConfigError: it would be open to other machines without a token, or (on entering) it cannot listen there.
    """

    def __init__(
        self,
        policy: ServablePolicy,
        spec: PolicySpec,
        *,
        host: str = "127.0.0.1",
        port: int = 8000,
        token: str | None = None,
        tls: ssl.SSLContext | None = None,
        limits: Limits | None = None,
    ) -> None:
        check_exposure(host, token)
        self._host, self.port = host, port
        self._spec, self._token, self._tls, self._limits = spec, token, tls, limits or Limits()
        self.metrics = Metrics()
        self._batcher = Batcher(policy.predict_chunks, self._limits.max_batch, self._on_pass)
        self._clients = 0
        self._server: Server | None = None
        self._work: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        limits = self._limits
        quiet = logging.getLogger(f"{__name__}.websockets")
        quiet.setLevel(logging.CRITICAL)  # what strangers send is no news
        try:
            self._server = await serve(
                self._handle,
                self._host,
                self.port,
                ssl=self._tls,
                origins=[None],  # robots send none; a web page in somebody's browser does
                compression=None,
                process_request=self._admit,
                server_header=None,
                open_timeout=limits.open_timeout,
                ping_interval=PING_SECONDS,
                ping_timeout=PING_SECONDS,
                close_timeout=1.0,
                max_size=limits.max_message or self._spec.request_bytes + SPARE_BYTES,
                max_queue=2,
                logger=quiet,
                create_connection=_at_most(4 * limits.max_clients + 16),
            )
        except OSError as error:
            raise ConfigError(f"cannot listen on host={self._host} port={self.port}: {error.strerror}") from error
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        self._work = asyncio.create_task(self._batcher.run())
        return self

    async def __aexit__(self, *exception: object) -> None:
        assert self._server is not None and self._work is not None
        self._server.close()
        await self._server.wait_closed()
        self._work.cancel()
        with suppress(asyncio.CancelledError):
            await self._work

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer plain HTTP requests, and turn strangers away, before there is a websocket."""
        path = request.path.partition("?")[0]
        if path not in PATHS:
            self.metrics.rejections.labels("path").inc()
            return connection.respond(http.HTTPStatus.NOT_FOUND, f"no {path[:80]} here; valid: {', '.join(PATHS)}\n")
        if path == "/healthz":
            return connection.respond(http.HTTPStatus.OK, "OK\n")
        if not authorized(request.headers.get_all("Authorization"), self._token):
            self.metrics.rejections.labels("token").inc()
            response = connection.respond(http.HTTPStatus.UNAUTHORIZED, "a wrong token, or none\n")
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        if path == "/metrics":
            response = connection.respond(http.HTTPStatus.OK, self.metrics.text())
            del response.headers["Content-Type"]
            response.headers["Content-Type"] = self.metrics.content_type
            return response
        if self._clients >= self._limits.max_clients:
            self.metrics.rejections.labels("clients").inc()
            return connection.respond(
                http.HTTPStatus.SERVICE_UNAVAILABLE, f"{self._clients} clients are connected already\n"
            )
        return None

    async def _handle(self, connection: ServerConnection) -> None:
        """Serve one client until it leaves."""
        limits, rate = self._limits, RateLimit(self._limits.max_rate)
        self._clients += 1
        self.metrics.clients.inc()
        timing: dict[str, float] = {}
        try:
            await self._send(connection, encode(self._spec.to_metadata()))
            while True:
                async with asyncio.timeout(limits.idle_timeout):
                    message = await connection.recv()
                began = time.perf_counter()
                await self._send(connection, await self._answer(message, rate, timing))
                timing = {"prev_total_ms": 1e3 * (time.perf_counter() - began)}
        except ConnectionClosed:
            pass
        except TimeoutError:
            if connection.state is State.OPEN:
                await connection.close(1008, f"no request for {limits.idle_timeout:g} s")
        finally:
            self._clients -= 1
            self.metrics.clients.dec()

    async def _answer(self, message: str | bytes, rate: RateLimit, timing: dict[str, float]) -> str | bytes:
        """Return the answer to a request: bytes, or text that says why there is none."""
        if not rate.take():
            self.metrics.requests.labels("limited").inc()
            return f"more than {self._limits.max_rate:g} requests a second"
        try:
            if isinstance(message, str):
                raise ProtocolError("a request is a binary msgpack message; got text")
            observation, subgoal = self._spec.read_request(decode(message))
        except ProtocolError as error:
            self.metrics.requests.labels("refused").inc()
            return str(error)
        try:
            prediction = await self._batcher.predict(observation, subgoal)
        except Exception as error:
            self.metrics.requests.labels("failed").inc()
            logger.exception("the policy failed")
            return f"the policy failed: {error if isinstance(error, VlaError) else type(error).__name__}"
        self.metrics.requests.labels("answered").inc()
        self.metrics.wait.observe(prediction.waited)
        reply: dict[str, Any] = {
            "actions": prediction.chunk.actions,
            "server_timing": timing
            | {"infer_ms": 1e3 * prediction.seconds, "wait_ms": 1e3 * prediction.waited, "batch": prediction.batch},
        }
        return encode(reply)

    async def _send(self, connection: ServerConnection, reply: str | bytes) -> None:
        try:
            async with asyncio.timeout(self._limits.send_timeout):
                await connection.send(reply)
        except TimeoutError:
            connection.transport.abort()  # what it has not taken so far, it will not take

    def _on_pass(self, seconds: float, batch: int) -> None:
        self.metrics.inference.observe(seconds)
        self.metrics.batch.observe(batch)


def _at_most(sockets: int) -> type[ServerConnection]:
    """Return a class of connections of which a server accepts only so many, those in a handshake included."""
    count = 0

    class Counted(ServerConnection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            nonlocal count
            count += 1
            super().connection_made(transport)
            if count > sockets:
                self.transport.abort()

        def connection_lost(self, exc: Exception | None) -> None:
            nonlocal count
            count -= 1
            super().connection_lost(exc)

    return Counted
