"""An OpenAI-compatible endpoint: requests that are sent again when it is busy, and a key that is never shown."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any

import httpx

from vla.errors import ConfigError, LinkError

BUSY = (408, 409, 425, 429, 500, 502, 503, 504, 529)
"""Status codes after which the same request may succeed."""
FIRST_WAIT = 0.5
"""Wait before the first repetition [s]; it doubles each time."""


class Endpoint:
    """Sends chat completions.

    Args:
        base_url: what comes before ``/chat/completions``.
        model: name of the model there.
        key_variable: environment variable that holds the key; without one, none is sent.
        timeout: longest time that an answer may take [s].
        retries: how often a request is sent again.
        max_wait: longest wait before it is [s].
        extra: further fields of the body; None takes one out.
        sleep: waits.

    Raises:
        ConfigError: an option does not fit, or the key would travel in the clear.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        key_variable: str = "OPENAI_API_KEY",
        *,
        timeout: float = 20.0,
        retries: int = 3,
        max_wait: float = 8.0,
        extra: Mapping[str, Any] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        url = httpx.URL(base_url)
        if url.scheme not in ("http", "https") or not url.host:
            raise ConfigError(f"planner.base_url={url.copy_with(userinfo=b'')} must begin with http:// or https://")
        if url.userinfo:
            raise ConfigError("planner.base_url= must not hold a name or password; the key belongs in a variable")
        if not model:
            raise ConfigError("planner.model= names no model of the endpoint")
        if timeout <= 0 or retries < 0 or max_wait < 0:
            raise ConfigError(
                f"planner.timeout={timeout} must be above 0, planner.retries={retries} and "
                f"planner.max_wait={max_wait} at least 0"
            )
        key = os.environ.get(key_variable, "").strip()
        if key and url.scheme == "http" and not _is_loopback(url.host):
            raise ConfigError(f"planner.base_url={base_url}: the key in {key_variable} would travel in the clear")
        self.base_url, self.model, self._variable = str(url).rstrip("/"), model, key_variable
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._key = key
        self._retries, self._max_wait, self._extra, self._sleep = retries, max_wait, dict(extra or {}), sleep
        self._client = httpx.Client(timeout=timeout)

    def __repr__(self) -> str:
        return f"Endpoint({self.base_url!r}, {self.model!r})"

    def complete(
        self,
        messages: Sequence[Mapping[str, Any]],
        max_tokens: int,
        schema: Mapping[str, Any] | None = None,
        *,
        probabilities: bool = False,
    ) -> Mapping[str, Any]:
        """Return the first choice of a chat completion.

        Args:
            messages: the conversation.
            max_tokens: most tokens of the answer.
            schema: JSON schema of the answer; None for words.
            probabilities: ask for those of each token, and of others in its place.

        Raises:
            LinkError: the endpoint cannot be reached, or is busy, or its answer makes no sense.
            ConfigError: it refuses the request for good.
        """
        body: dict[str, Any] = {
            "model": self.model,
            "messages": list(messages),
            "max_tokens": max_tokens,
            "temperature": 0,
        }
        if schema is not None:
            wanted = {"name": "answer", "strict": True, "schema": schema}
            body["response_format"] = {"type": "json_schema", "json_schema": wanted}
        if probabilities:
            body |= {"logprobs": True, "top_logprobs": 20}
        body = {name: value for name, value in (body | self._extra).items() if value is not None}
        reply = self._send(body)
        try:
            choice = reply.json()["choices"][0]
            if isinstance(choice["message"]["content"], str):
                return choice
        except (ValueError, KeyError, IndexError, TypeError):
            pass
        raise LinkError(f"{self.base_url} answers with something that is no chat completion")

    def _send(self, body: Mapping[str, Any]) -> httpx.Response:
        problem, attempt = "", 0
        for attempt in range(self._retries + 1):
            asked_to_wait = None
            try:
                reply = self._client.post(f"{self.base_url}/chat/completions", json=body, headers=self._headers)
            except httpx.TimeoutException:
                problem = "no answer in time"
            except httpx.TransportError as error:
                problem = self._clean(str(error)) or type(error).__name__
            else:
                if reply.is_success:
                    return reply
                if reply.status_code not in BUSY:
                    raise ConfigError(self._refusal(reply))
                problem = f"status {reply.status_code}"
                asked_to_wait = read_retry_after(reply.headers.get("retry-after"))
            if attempt == self._retries:
                break
            wait = FIRST_WAIT * 2**attempt * random.uniform(0.75, 1.25) if asked_to_wait is None else asked_to_wait
            if asked_to_wait is not None and asked_to_wait > self._max_wait:
                problem += f", and asks to wait {asked_to_wait:.0f} s"
                break
            self._sleep(min(wait, self._max_wait))
        raise LinkError(f"{self.base_url}: {problem} (asked {attempt + 1} times)")

    def _refusal(self, reply: httpx.Response) -> str:
        if reply.status_code in (401, 403):
            what = "does not accept the key in" if self._key else "needs a key; there is none in"
            return f"{self.base_url} {what} {self._variable} (status {reply.status_code})"
        return f"{self.base_url} refuses the request (status {reply.status_code}): {self._clean(reply.text)[:300]}"

    def _clean(self, text: str) -> str:
        return text.replace(self._key, "***") if self._key else text


def read_retry_after(value: str | None) -> float | None:
    """Return the wait that a ``Retry-After`` header asks for [s]; None if there is none, or it cannot be read."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
