"""The planner behind an endpoint: against our own server, and against one that fails on purpose."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from tests.vla.planner.vlm_helpers import FRAME, observation
from vla.cli.vlm_serve import Answerer
from vla.errors import ConfigError, LinkError, PlanError
from vla.planner.endpoint import Endpoint, read_retry_after
from vla.planner.openai_model import OpenAiModel, data_url, read_choice
from vla.planner.registry import make_planner
from vla.serve.chat import ChatServer
from vla.types import Done, Hold, Refuse, Subgoal
from vla.vlm.decoding import Decoder
from vla.vlm.tiny import tiny_vlm

KEY = "a-secret-key-of-the-test"
TASK = "put the red cube in the bowl"


@pytest.fixture(scope="module")
def answerer() -> Answerer:
    model, processor = tiny_vlm()
    model.config.text.max_position_embeddings = 4096  # one token a byte makes long prompts
    return Answerer(Decoder(model, processor))


@pytest.fixture(scope="module")
def server(answerer: Answerer) -> Iterator[ChatServer]:
    with ChatServer(answerer, "tiny", token=KEY, max_body=10**6) as running:
        yield running


@pytest.fixture
def url(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TEST_KEY", KEY)
    return f"http://127.0.0.1:{server.port}/v1"


def test_our_server_gives_plans(url: str) -> None:
    options = {"base_url": url, "model": "tiny", "key_variable": "TEST_KEY", "guard": False, "patience": 9}
    planner = make_planner("openai", None, options | {"objects": ["red cube", "bowl"]})
    for _ in range(2):
        plan = planner.plan(observation(), TASK, [])
        assert isinstance(plan, Subgoal | Done | Refuse | Hold)
        assert not isinstance(plan, Refuse | Hold) or "127.0.0.1" not in plan.reason
        assert not isinstance(plan, Subgoal) or plan.object in ("red cube", "bowl")


def test_our_server_tells_probabilities(url: str, answerer: Answerer) -> None:
    conversation = OpenAiModel(Endpoint(url, "tiny", "TEST_KEY")).look({"front": FRAME})
    probabilities = conversation.choose("is it there?", ["yes", "no", "cannot see"])
    assert sum(probabilities) == pytest.approx(1)
    assert len(set(probabilities)) == 3 and min(probabilities) > 0


def test_a_wrong_key_is_refused_at_once_and_never_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", "another-key-that-is-wrong")
    planner = make_planner("openai", None, {"base_url": url, "model": "tiny", "key_variable": "TEST_KEY"})
    plan = planner.plan(observation(), TASK, [])
    assert isinstance(plan, Refuse)
    assert "does not accept the key in TEST_KEY (status 401)" in plan.reason
    assert "another-key" not in plan.reason
    monkeypatch.delenv("TEST_KEY")
    plan = make_planner("openai", None, {"base_url": url, "model": "tiny", "key_variable": "TEST_KEY"}).plan(
        observation(), TASK, []
    )
    assert isinstance(plan, Refuse) and "needs a key; there is none in TEST_KEY" in plan.reason


def post(url: str, body: object, **headers: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {KEY}"} | headers
    content = body if isinstance(body, str) else json.dumps(body)
    return httpx.post(f"{url}/chat/completions", content=content, headers=headers, timeout=20)


ASK = {"model": "tiny", "max_tokens": 5, "messages": [{"role": "user", "content": "why?"}]}


@pytest.mark.parametrize(
    ("change", "status", "what"),
    [
        ({"messages": []}, 400, "needs messages"),
        ({"model": "other"}, 404, "there is 'tiny'"),
        ({"stream": True}, 400, "stream"),
        ({"max_tokens": 0}, 400, "max_tokens"),
        ({"response_format": {"type": "xml"}}, 400, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "what"}}}}, 400, "grammar"),
        ({"messages": [{"role": "user", "content": "x" * 5000}]}, 400, "more than the model's"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://a/b.png"}}]}]},
         400, "data URL"),
        ({"messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]}, 400, "PNG, JPEG, WebP"),
        ({"padding": "x" * 10**6}, 413, "more than 1000000"),
    ],
)  # fmt: skip
def test_requests_that_do_not_fit_are_refused(url: str, change: dict, status: int, what: str) -> None:
    reply = post(url, ASK | change)
    assert reply.status_code == status
    assert what in reply.json()["error"]["message"]


def test_the_server_speaks_as_clients_expect(url: str, server: ChatServer) -> None:
    picture = {"type": "image_url", "image_url": {"url": data_url(FRAME)}}
    content = [{"type": "text", "text": "what is <image> this?"}, picture]
    reply = post(url, ASK | {"messages": [{"role": "system", "content": "see"}, {"role": "user", "content": content}]})
    body = reply.json()
    assert reply.status_code == 200 and body["object"] == "chat.completion"
    assert body["choices"][0]["finish_reason"] in ("stop", "length")
    assert body["usage"]["completion_tokens"] <= 5 < body["usage"]["prompt_tokens"]
    assert post(url, "{").status_code == 400
    assert httpx.get(f"{url}/models", headers={"Authorization": f"Bearer {KEY}"}).json()["data"][0]["id"] == "tiny"
    assert httpx.get(f"{url}/models").status_code == 401
    assert httpx.get(f"http://127.0.0.1:{server.port}/health").json()["status"] == "ok"
    schema = {
        "type": "object",
        "properties": {"n": {"enum": [1, 22]}},
        "required": ["n"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    assert json.loads(
        post(url, ASK | {"max_tokens": 400, "response_format": form}).json()["choices"][0]["message"]["content"]
    )["n"] in (1, 22)


@contextmanager
def faulty(*replies: tuple[int, dict[str, str]], delay: float = 0.0) -> Iterator[tuple[str, list[str]]]:
    """Serve statuses in turn, then a plan; yield the address and the keys that were sent."""
    waiting, keys = list(replies), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            keys.append(self.headers.get("Authorization", ""))
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(delay)
            status, headers = waiting.pop(0) if waiting else (200, {})
            answer = {"choices": [{"message": {"content": '{"plan": {"done": true}}'}}]} if status == 200 else {}
            data = json.dumps(answer | ({"echo": keys[-1]} if status != 200 else {})).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", keys
    finally:
        server.shutdown()
        server.server_close()


def test_a_busy_endpoint_is_asked_again_when_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    waits: list[float] = []
    with faulty((429, {"Retry-After": "2"}), (500, {}), (503, {})) as (url, keys):
        endpoint = Endpoint(url, "m", "TEST_KEY", sleep=waits.append)
        assert endpoint.complete([], 5)["message"]["content"] == '{"plan": {"done": true}}'
    assert keys == [f"Bearer {KEY}"] * 4
    assert waits[0] == 2
    assert 0.75 <= waits[1] <= 1.25 and 1.5 <= waits[2] <= 2.5


def test_an_endpoint_that_stays_busy_is_given_up() -> None:
    with faulty(*[(500, {})] * 9) as (url, keys), pytest.raises(LinkError, match=r"status 500 \(asked 3 times\)"):
        Endpoint(url, "m", retries=2, sleep=lambda seconds: None).complete([], 5)
    assert len(keys) == 3
    with faulty((429, {"Retry-After": "60"})) as (url, keys), pytest.raises(LinkError, match="asks to wait 60 s"):
        Endpoint(url, "m", sleep=lambda seconds: None).complete([], 5)
    assert len(keys) == 1


def test_a_slow_or_absent_endpoint_makes_the_arm_hold() -> None:
    with faulty(delay=1.0) as (url, _):
        options = {"base_url": url, "model": "m", "timeout": 0.2, "retries": 0}
        plan = make_planner("openai", None, options).plan(observation(), TASK, [])
        assert isinstance(plan, Hold) and "no answer in time" in plan.reason
    options = {"base_url": "http://127.0.0.1:9/v1", "model": "m", "retries": 0}
    planner = make_planner("openai", None, options | {"patience": 2})
    assert isinstance(planner.plan(observation(), TASK, []), Hold)
    assert isinstance(planner.plan(observation(), TASK, []), Refuse)


def test_a_refusal_does_not_repeat_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    with faulty((422, {})) as (url, _), pytest.raises(ConfigError, match="status 422") as caught:
        Endpoint(url, "m", "TEST_KEY").complete([], 5)
    assert KEY not in str(caught.value) and "***" in str(caught.value)
    assert KEY not in repr(Endpoint(url, "m", "TEST_KEY"))


@pytest.mark.parametrize(
    ("url", "options", "what"),
    [
        ("ftp://a/v1", {}, "http:// or https://"),
        ("http://user:word@127.0.0.1/v1", {}, "name or password"),
        ("http://example.org/v1", {}, "in the clear"),
        ("https://example.org/v1", {"model": ""}, "names no model"),
        ("https://example.org/v1", {"timeout": 0}, "timeout=0"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    url: str, options: dict, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    arguments: dict[str, Any] = {"model": "m", "key_variable": "TEST_KEY"} | options
    with pytest.raises(ConfigError, match=what) as caught:
        Endpoint(url, **arguments)
    assert KEY not in str(caught.value) and "word@" not in str(caught.value)


def test_a_wait_is_read_as_seconds_or_as_a_date() -> None:
    assert read_retry_after("3") == 3
    assert read_retry_after("Fri, 31 Dec 1999 23:59:59 GMT") == 0
    assert read_retry_after("soon") is None and read_retry_after(None) is None


def test_probabilities_are_read_where_the_answer_begins() -> None:
    def token(text: str, **others: float) -> dict:
        return {"token": text, "top_logprobs": [{"token": word, "logprob": value} for word, value in others.items()]}

    options = ["yes", "no", "cannot see"]
    message = {"content": '{"answer": "yes"}'}
    tokens = [
        token('{"'),
        token("answer"),
        token('":'),
        token(' "'),
        token("yes", yes=-0.1, no=-2.5, maybe=-5),
        token('"}'),
    ]
    yes, no, unseen = read_choice({"message": message, "logprobs": {"content": tokens}}, options)
    assert no / yes == pytest.approx(2.718281828 ** (-2.4)) and unseen == 0 and yes + no == pytest.approx(1)
    assert read_choice({"message": message}, options) == (1, 0, 0)
    with pytest.raises(PlanError):
        read_choice({"message": {"content": '{"answer": "maybe"}'}}, options)
