"""A policy that is served elsewhere, as a `vla.types.Policy`."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.protocol import State
from websockets.sync.client import ClientConnection, connect

from vla.errors import ConfigError, LinkError, ProtocolError
from vla.serve.access import client_tls
from vla.serve.spec import PolicySpec
from vla.serve.wire import decode, encode
from vla.types import ActionChunk, Observation, Subgoal

LONGEST_REPLY = 4 * 2**20
"""[bytes]"""
CLOSE_SECONDS = 0.2
"""Time that a peer is given to say goodbye [s]."""


@dataclass(frozen=True)
class Endpoint:
    """Where a policy is served."""

    url: str
    """``ws://host:port``, or ``wss://host:port`` for TLS."""
    token: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    """PEM file of the authority, or the certificate itself, to trust instead of the system's authorities."""
    connect_timeout: float = 5.0
    """[s]"""
    read_timeout: float = 2.0
    """Until a chunk must have come [s]."""


class RemotePolicy:
    """Asks a server for chunks. It connects when it is made; a lost link is made again by the next call.

    One thread may predict while another one pings.

    Args:
        endpoint: where the policy is served.
        n_action_steps: actions executed of each chunk; None leaves it to the server.

    Raises:
        ConfigError: the address or the certificate file is wrong.
        LinkError: there is no server, or it does not let us in.
        ProtocolError: it is another kind of server.
    """

    def __init__(self, endpoint: Endpoint, n_action_steps: int | None = None) -> None:
        self._endpoint = endpoint
        self.inference_seconds = 0.0
        """What the server says that its last forward pass took [s]."""
        self._lock = threading.Lock()
        self._closed = False
        self._connection: ClientConnection | None
        self._connection, self.spec = open_link(endpoint)
        self.n_action_steps = n_action_steps or self.spec.n_action_steps

    def reset(self) -> None:
        """Nothing to forget: every request stands for itself."""

    def ping(self, seconds: float) -> bool:
        """Whether the server answers a ping within ``seconds``; makes a lost link again first.

        Raises:
            LinkError: the link is down, and cannot be made again at once.
        """
        connection = self._link()
        try:
            answered = connection.ping(ack_on_close=True).wait(seconds)
        except ConnectionClosed:
            answered = False
        if connection.state is not State.OPEN:
            self.drop(connection)
            raise LinkError(f"lost the link to {self._endpoint.url}")
        return answered

    def drop(self, connection: ClientConnection | None = None) -> None:
        """Give the link up; only if it is still ``connection``, where that is given."""
        with self._lock:
            if self._connection is None or connection not in (None, self._connection):
                return
            gone, self._connection = self._connection, None
        gone.close()

    def close(self) -> None:
        """Disconnect for good."""
        self._closed = True
        self.drop()

    def predict_chunk(self, observation: Observation, subgoal: Subgoal) -> ActionChunk:
        """Return the chunk (T, n) that starts at ``observation.time``, lerobot units.

        Raises:
            LinkError: the link is down and cannot be made again at once, or no answer has come in time.
            ProtocolError: the server refuses the observation, or answers with something else than actions.
            CheckpointError: the observation lacks a camera that the policy wants.
        """
        connection = self._link()
        request = encode(self.spec.to_request(observation, subgoal))
        try:
            connection.send(request)
            reply = connection.recv(timeout=self._endpoint.read_timeout)
        except TimeoutError as error:
            self.drop(connection)  # a late answer must not be taken for the next one
            seconds = self._endpoint.read_timeout
            raise LinkError(f"{self._endpoint.url} has not answered for {seconds:g} s") from error
        except ConnectionClosed as error:
            self.drop(connection)
            raise LinkError(f"lost the link to {self._endpoint.url}: {error}") from error
        if isinstance(reply, str):
            raise ProtocolError(f"{self._endpoint.url} refuses: {reply}")
        return ActionChunk(self._actions(decode(reply)), observation.time)

    def _actions(self, reply: Any) -> np.ndarray:
        actions = reply.get("actions") if isinstance(reply, dict) else None
        if (
            not isinstance(actions, np.ndarray)
            or actions.dtype.kind != "f"
            or actions.ndim != 2
            or len(actions) == 0
            or actions.shape[1] != self.spec.action_dim
            or not np.isfinite(actions).all()
        ):
            wanted = f"finite actions of shape (T, {self.spec.action_dim})"
            raise ProtocolError(f"{self._endpoint.url} has not answered with {wanted}")
        timing = reply.get("server_timing")
        if isinstance(timing, dict) and isinstance(timing.get("infer_ms"), float):
            self.inference_seconds = timing["infer_ms"] / 1e3
        return actions.astype(np.float32)

    def _link(self) -> ClientConnection:
        """Return the connection, after making it again if it was lost."""
        with self._lock:
            if self._closed:
                raise LinkError(f"the link to {self._endpoint.url} has been closed")
            if self._connection is None:
                connection, spec = open_link(self._endpoint)
                if spec != self.spec:
                    connection.close()
                    raise LinkError(f"{self._endpoint.url} now serves another policy: {spec.name}")
                self._connection = connection
            return self._connection


def open_link(endpoint: Endpoint) -> tuple[ClientConnection, PolicySpec]:
    """Connect to a server; return the connection, and what it says of its policy.

    Raises:
        ConfigError: the address or the certificate file is wrong.
        LinkError: there is no server, or it does not let us in.
        ProtocolError: it is another kind of server.
    """
    url = endpoint.url
    tls = client_tls(endpoint.ca_file) if url.startswith("wss://") else None
    headers = {"Authorization": f"Api-Key {endpoint.token}"} if endpoint.token else None
    try:
        connection = connect(
            url,
            ssl=tls,
            additional_headers=headers,
            compression=None,
            proxy=None,
            open_timeout=endpoint.connect_timeout,
            ping_interval=None,
            close_timeout=CLOSE_SECONDS,
            max_size=LONGEST_REPLY,
            legacy=True,
        )
    except (InvalidURI, ValueError) as error:
        raise ConfigError(f"{url} is no address of a policy server; valid: ws://host:port, wss://host:port") from error
    except InvalidStatus as error:
        status, body = error.response.status_code, (error.response.body or b"").decode(errors="replace").strip()
        raise LinkError(f"{url} does not let us in: {body[:200]} (HTTP {status})") from error
    except (OSError, InvalidHandshake) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise LinkError(f"no policy server at {url}: {reason}") from error
    try:
        greeting = connection.recv(timeout=endpoint.connect_timeout)
        if isinstance(greeting, str):
            raise ProtocolError(f"{url} says {greeting[:200]!r} instead of what its policy takes")
        return connection, PolicySpec.from_metadata(decode(greeting))
    except (TimeoutError, ConnectionClosed) as error:
        connection.close()
        raise LinkError(f"{url} does not say what its policy takes: {str(error) or 'no answer in time'}") from error
    except ProtocolError:
        connection.close()
        raise
