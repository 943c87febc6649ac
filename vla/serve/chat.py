"""An OpenAI-compatible chat endpoint: requests are read and checked here, a function answers them.

Threads take requests; the model answers one at a time. Nothing here knows of models.
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from vla.errors import ConfigError, VlaError
from vla.serve.access import authorized

MAX_BODY = 32 * 2**20
"""Most bytes of a request."""
READ_TIMEOUT = 30.0
"""Longest silence of a client while it sends [s]."""
MAX_WAITING = 16
"""Requests that may wait for the model."""


@dataclass(frozen=True)
class ChatRequest:
    """What is asked, checked."""

    messages: Sequence[Mapping[str, Any]]
    """Role and content; pictures are ``{"type": "image"}``."""
    pictures: Sequence[bytes]
    """Encoded, in the order of their places."""
    max_tokens: int
    schema: Mapping[str, Any] | None
    """JSON schema of the answer; None for words."""
    top: int | None
    """How many alternatives of each token are told; None for no probabilities."""


@dataclass(frozen=True)
class Token:
    """A token of an answer."""

    text: str
    logprob: float
    alternatives: Sequence[tuple[str, float]]
    """Text and log probability of the likeliest tokens in its place."""


@dataclass(frozen=True)
class ChatReply:
    """What is answered."""

    text: str
    tokens: Sequence[Token]
    complete: bool
    prompt_tokens: int


class ChatServer:
    """Serves ``/v1/chat/completions``, ``/v1/models`` and ``/health``; use as a context manager.

    Args:
        answer: answers; its errors that a client can mend are `ConfigError`.
        model: name that clients give.
        host: address to listen on.
        port: 0 for any that is free.
        token: that clients must know; None for everybody.
        max_body: most bytes of a request.
        max_tokens: most tokens of an answer.

    Raises:
        ConfigError: nothing can listen there.
    """

    def __init__(
        self,
        answer: Callable[[ChatRequest], ChatReply],
        model: str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        max_body: int = MAX_BODY,
        max_tokens: int = 512,
    ) -> None:
        self.answer, self.model, self.token = answer, model, token
        self.max_body, self.max_tokens = max_body, max_tokens
        self.lock = threading.Lock()
        self.waiting = threading.BoundedSemaphore(MAX_WAITING)
        self.answered = 0
        handler = type("Handler", (_Handler,), {"chat": self})
        try:
            self._server = ThreadingHTTPServer((host, port), handler)
        except OSError as error:
            raise ConfigError(f"nothing can listen on host={host} port={port}: {error.strerror}") from error
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="chat server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5.0)


class _Problem(Exception):
    """An error to tell the client."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers


class _Handler(BaseHTTPRequestHandler):
    chat: ChatServer
    protocol_version = "HTTP/1.1"
    server_version = "vla"
    sys_version = ""
    timeout = READ_TIMEOUT

    def do_GET(self) -> None:
        self._handle(self._get)

    def do_POST(self) -> None:
        self._handle(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: requests hold what people say."""

    def _handle(self, work: Callable[[], Mapping[str, Any]]) -> None:
        status, headers = 200, {}
        try:
            body = work()
        except _Problem as problem:
            status, headers, self.close_connection = problem.status, problem.headers, True
            body = {"error": {"message": str(problem), "type": "invalid_request_error", "code": status}}
        data = json.dumps(body).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            self.close_connection = True

    def _get(self) -> Mapping[str, Any]:
        if self.path == "/health":
            return {"status": "ok", "model": self.chat.model, "answered": self.chat.answered}
        self._check_token()
        if self.path != "/v1/models":
            raise _Problem(404, f"there is no {self.path[:80]}; there are /v1/chat/completions, /v1/models, /health")
        return {"object": "list", "data": [{"id": self.chat.model, "object": "model", "owned_by": "vla"}]}

    def _post(self) -> Mapping[str, Any]:
        self._check_token()
        if self.path != "/v1/chat/completions":
            raise _Problem(404, f"there is no {self.path[:80]}; there are /v1/chat/completions, /v1/models, /health")
        request = read_request(self._body(), self.chat.model, self.chat.max_tokens)
        if not self.chat.waiting.acquire(blocking=False):
            raise _Problem(429, f"{MAX_WAITING} requests wait already", Retry_After="1")
        try:
            with self.chat.lock:
                reply = self.chat.answer(request)
                self.chat.answered += 1
        except VlaError as error:
            raise _Problem(400, str(error)) from error
        except Exception as error:
            raise _Problem(500, f"the model failed: {type(error).__name__}") from error
        finally:
            self.chat.waiting.release()
        return completion(reply, self.chat.model, probabilities=request.top is not None)

    def _check_token(self) -> None:
        if not authorized(self.headers.get_all("Authorization") or [], self.chat.token):
            raise _Problem(401, "the token is missing or wrong", WWW_Authenticate="Bearer")

    def _body(self) -> Any:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            raise _Problem(411, "the request has no Content-Length")
        if int(length) > self.chat.max_body:
            raise _Problem(413, f"the request has {int(length)} bytes, more than {self.chat.max_body}")
        try:
            return json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError) as error:
            raise _Problem(400, f"the request is no JSON: {error}") from error
        except OSError as error:
            raise _Problem(408, "the request did not come in time") from error


def read_request(body: Any, model: str, longest: int) -> ChatRequest:
    """Return a request's body, checked."""
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list) or not body["messages"]:
        raise _Problem(400, "the request needs messages")
    if body.get("model", model) != model:
        raise _Problem(404, f"there is no model {str(body['model'])[:80]!r}; there is {model!r}")
    if body.get("stream"):
        raise _Problem(400, "stream=true is not supported")
    if body.get("n", 1) != 1:
        raise _Problem(400, f"n={body['n']!r} must be 1")
    limit = body.get("max_completion_tokens", body.get("max_tokens", longest))
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise _Problem(400, f"max_tokens={limit!r} must be a whole number above 0")
    top = body.get("top_logprobs", 0) if body.get("logprobs") else None
    if top is not None and (not isinstance(top, int) or not 0 <= top <= 20):
        raise _Problem(400, f"top_logprobs={top!r} must be between 0 and 20")
    pictures: list[bytes] = []
    messages = [_message(message, pictures) for message in body["messages"]]
    return ChatRequest(messages, pictures, min(limit, longest), _schema(body.get("response_format")), top)


def completion(reply: ChatReply, model: str, *, probabilities: bool) -> dict[str, Any]:
    """Return the body of an answer."""
    choice: dict[str, Any] = {
        "index": 0,
        "message": {"role": "assistant", "content": reply.text},
        "finish_reason": "stop" if reply.complete else "length",
        "logprobs": {"content": [_entry(token) for token in reply.tokens]} if probabilities else None,
    }
    written = len(reply.tokens)
    usage = {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": written,
        "total_tokens": reply.prompt_tokens + written,
    }
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [choice],
        "usage": usage,
    }


def _entry(token: Token) -> dict[str, Any]:
    return {
        "token": token.text,
        "logprob": token.logprob,
        "top_logprobs": [{"token": text, "logprob": value} for text, value in token.alternatives],
    }


def _message(message: Any, pictures: list[bytes]) -> Mapping[str, Any]:
    """Return a message in the form of chat templates, its pictures moved to a list."""
    if not isinstance(message, dict) or message.get("role") not in ("system", "user", "assistant"):
        raise _Problem(400, "a message needs a role: system, user or assistant")
    content = message.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(parts, list):
        raise _Problem(400, "a message needs content: a text, or a list of parts")
    found = []
    for part in parts:
        match part:
            case {"type": "text", "text": str(text)}:
                found.append({"type": "text", "text": text})
            case {"type": "image_url", "image_url": {"url": str(url)}}:
                pictures.append(_picture(url))
                found.append({"type": "image"})
            case _:
                raise _Problem(400, "a part of a message is neither a text nor an image_url")
    return {"role": message["role"], "content": found}


def _picture(url: str) -> bytes:
    """Return a data URL's bytes; nothing is ever fetched from elsewhere."""
    head, comma, data = url.partition(",")
    if not comma or not head.startswith("data:image/") or not head.endswith(";base64"):
        raise _Problem(400, "a picture must be a data URL: data:image/png;base64,...")
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise _Problem(400, f"a picture is not base64: {error}") from error


def _schema(form: Any) -> Mapping[str, Any] | None:
    match form:
        case None | {"type": "text"}:
            return None
        case {"type": "json_object"}:
            return {"type": "object"}
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)}}:
            return schema
    raise _Problem(400, "response_format must be text, json_object, or json_schema with a schema")
