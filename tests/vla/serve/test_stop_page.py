"""The page with the stop button, asked by a real client."""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import numpy as np
import pytest

from tests.helpers.toy_suite import ToySimulation
from vla.errors import ConfigError, RobotError
from vla.runtime.stop_switch import StopSwitch
from vla.runtime.watchdog import Watchdog
from vla.serve.stop_page import PRESSED, TOKEN_VARIABLE, StopPage

TOKEN = "correct-horse-battery"


def ask(page: StopPage, method: str, path: str, form: dict[str, str] | None = None, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=5)
    body = urlencode(form) if form is not None else None
    connection.request(method, path, body, headers)
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    return reply.status, text


def secret(text: str) -> dict[str, str]:
    found = re.search(r'name="page" value="([^"]+)"', text)
    assert found
    return {"page": found[1]}


@pytest.fixture
def page() -> Iterator[StopPage]:
    with StopPage(0, environment={}) as page:
        yield page


def test_the_button_stops_and_nothing_else_does(page: StopPage) -> None:
    status, text = ask(page, "GET", "/")
    assert status == 200
    assert "running" in text
    form = secret(text)
    for method in ("GET", "HEAD", "PUT"):
        assert ask(page, method, f"/stop?{urlencode(form)}")[0] in (404, 501)
    assert ask(page, "POST", "/stop", {})[0] == 403
    assert ask(page, "POST", "/stop", {"page": "guess"})[0] == 403
    assert ask(page, "POST", "/", form)[0] == 403
    assert ask(page, "POST", "/stop", form, Host="evil.example:80")[0] == 403
    assert ask(page, "GET", "/", Host="evil.example")[0] == 403
    assert ask(page, "POST", "/stop", form | {"more": "x" * 5000})[0] == 400
    assert page() == ""
    assert ask(page, "POST", "/stop", form)[0] == 200
    assert page() == PRESSED
    assert PRESSED in ask(page, "GET", "/state")[1]
    assert "stopped" in ask(page, "GET", "/")[1]


def test_it_says_what_else_has_stopped_the_arm(page: StopPage) -> None:
    page.status = lambda: "the planner died"
    assert "stopped: the planner died" in ask(page, "GET", "/state")[1]
    assert page() == ""


def test_no_command_of_the_policy_goes_out_after_the_press(page: StopPage) -> None:
    robot, period = ToySimulation(), 1 / 30
    sent: list[float] = []
    ended = threading.Event()
    with StopSwitch(None, page) as switch, Watchdog(robot, switch, silence=5.0, grace=0.2) as watchdog:

        def loop() -> None:
            while not ended.is_set():
                watchdog.observe()
                if not watchdog():
                    watchdog.step(np.full(2, 60.0, np.float32))
                    sent.append(time.monotonic())
                time.sleep(period)

        runner = threading.Thread(target=loop)
        runner.start()
        time.sleep(5 * period)
        form = secret(ask(page, "GET", "/")[1])
        pressed = time.monotonic()
        ask(page, "POST", "/stop", form)
        answered = time.monotonic()
        time.sleep(0.6)
        ended.set()
        runner.join()
        assert sent[0] < pressed
        assert sent[-1] < answered + period + 0.02
        with pytest.raises(RobotError, match="emergency stop: page"):
            watchdog.step(np.zeros(2, np.float32))


def test_others_need_the_token() -> None:
    with pytest.raises(ConfigError, match=TOKEN_VARIABLE):
        StopPage(0, "0.0.0.0", {})
    with pytest.raises(ConfigError, match="at least 16"):
        StopPage(0, "0.0.0.0", {TOKEN_VARIABLE: "short"})
    with StopPage(0, "0.0.0.0", {TOKEN_VARIABLE: TOKEN}) as page:
        for path in ("/", "/?token=wrong", "/state"):
            status, text = ask(page, "GET", path)
            assert status in (403, 404)
            assert page.secret not in text
        status, text = ask(page, "GET", f"/?token={TOKEN}", Host="robot.local")
        assert status == 200
        assert ask(page, "GET", f"/state?{urlencode(secret(text))}")[0] == 200
        assert ask(page, "POST", "/stop", secret(text), Host="robot.local")[0] == 200
        assert page() == PRESSED


def test_a_port_that_is_taken_is_named(page: StopPage) -> None:
    with pytest.raises(ConfigError, match=f"estop_port={page.port}"), StopPage(page.port, environment={}):
        pass
