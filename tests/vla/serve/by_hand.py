"""A client written from the published protocol alone: its bytes owe nothing to our code or its libraries."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import struct
from typing import Any, Self

import numpy as np

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def pack(value: Any) -> bytes:
    """Return a value in msgpack, arrays as openpi's client lays them out."""
    match value:
        case None:
            return b"\xc0"
        case bool():
            return b"\xc3" if value else b"\xc2"
        case int():
            return b"\xd3" + struct.pack(">q", value)
        case float():
            return b"\xcb" + struct.pack(">d", value)
        case str():
            return b"\xdb" + struct.pack(">I", len(value.encode())) + value.encode()
        case bytes():
            return b"\xc6" + struct.pack(">I", len(value)) + value
        case list() | tuple():
            return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(pack, value))
        case dict():
            pairs = b"".join(pack(key) + pack(one) for key, one in value.items())
            return b"\xdf" + struct.pack(">I", len(value)) + pairs
        case np.ndarray():
            return pack(
                {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}
            )
        case np.generic():
            return pack({b"__npgeneric__": True, b"data": value.item(), b"dtype": value.dtype.str})
    raise TypeError(type(value))


def frame(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """Return a masked websocket frame (RFC 6455, section 5.2), the last one of its message if ``final``."""
    first = 0x80 * final | opcode
    mask = os.urandom(4)
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, size)
    data = np.frombuffer(payload, np.uint8) ^ np.resize(np.frombuffer(mask, np.uint8), size)
    return head + mask + data.tobytes()


class ByHand:
    """A websocket connection over a plain socket."""

    def __init__(
        self,
        port: int,
        authorization: str | None = None,
        path: str = "/",
        extra: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10.0)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        key = base64.b64encode(os.urandom(16)).decode()
        credentials = f"Authorization: {authorization}\r\n" if authorization else ""
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{credentials}{extra}\r\n".encode()
        )
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            if not (data := self.socket.recv(65536)):
                break
            self.buffer += data
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        self.status = int(head.split()[1]) if head else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.socket.close()

    def send(self, payload: bytes, opcode: int = BINARY) -> None:
        self.socket.sendall(frame(opcode, payload))

    def receive(self) -> tuple[int, bytes]:
        """Return opcode and payload of the next frame; pings are answered."""
        while True:
            first, second = self._take(2)
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack("!H", self._take(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", self._take(8))
            opcode, payload = first & 0x0F, self._take(size)
            if opcode != PING:
                return opcode, payload
            self.send(payload, PONG)

    def ask(self, message: Any) -> tuple[int, bytes]:
        self.send(pack(message))
        return self.receive()

    def _take(self, count: int) -> bytes:
        while len(self.buffer) < count:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken
