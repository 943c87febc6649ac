"""The page's process, asked by clients other than the page."""

from __future__ import annotations

import http.client
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from vla.console.access import Access
from vla.console.latch import PRESSED
from vla.console.process import PageProcess
from vla.errors import ConfigError
from vla.robots.frame_board import FrameBoard

TOKEN = "correct-horse-battery"
ME = "m" * 32


@pytest.fixture(scope="module")
def page() -> Iterator[PageProcess]:
    with PageProcess(Access("127.0.0.1", TOKEN), 0) as page:
        yield page


def ask(page: PageProcess, path: str, method: str = "GET", **headers: str) -> tuple[int, str, str]:
    """Return the status, the text and the cookie of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=20)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    reply = connection.getresponse()
    text = reply.read().decode(errors="replace")
    connection.close()
    policy = reply.headers["Content-Security-Policy"]
    assert reply.status == 404 or "default-src 'none'" in policy
    return reply.status, text, reply.headers.get("Set-Cookie", "").split(";")[0]


@pytest.fixture(scope="module")
def cookie(page: PageProcess) -> str:
    status, _, cookie = ask(page, f"/?token={TOKEN}")
    assert status == 303 and cookie and TOKEN not in cookie
    return cookie


def grey(value: int) -> dict[str, np.ndarray]:
    return {"front": np.full((96, 128, 3), value, np.uint8)}


def test_without_the_token_there_is_nothing(page: PageProcess) -> None:
    for path in ("/", "/?token=", "/?token=wrong", "/console.js", "/scene"):
        status, text, cookie = ask(page, path)
        assert (status, cookie) == (403, "") and "<html" not in text
    assert ask(page, "/", Cookie=f"vla_console_{page.port}=guess")[0] == 403
    assert ask(page, "/stop", "POST", x_vla_console="stop")[0] == 403
    assert page.latch() == ""
    for path in (f"/talk?me={ME}", "/view"):
        with pytest.raises(InvalidStatus), connect(f"ws://127.0.0.1:{page.port}{path}"):
            pass


def test_with_it_there_is_the_page_for_this_host_and_site_only(page: PageProcess, cookie: str) -> None:
    status, text, _ = ask(page, "/", Cookie=cookie)
    assert status == 200 and "console.js" in text
    assert ask(page, "/style.css", Cookie=cookie)[0] == 200
    assert ask(page, "/../server.py", Cookie=cookie)[0] == 404
    assert ask(page, "/", Cookie=cookie, Host="evil.example")[0] == 403
    assert ask(page, "/stop", "POST", Cookie=cookie, Origin="http://evil.example", x_vla_console="stop")[0] == 403
    assert ask(page, "/stop", "POST", Cookie=cookie)[0] == 403
    assert page.latch() == ""
    here = f"ws://127.0.0.1:{page.port}/talk?me={ME}"
    with (
        pytest.raises(InvalidStatus),
        connect(here, origin=Origin("http://evil.example"), additional_headers={"Cookie": cookie}),
    ):
        pass


def test_stop_is_seen_at_once_also_without_a_connection_to_talk_over(page: PageProcess, cookie: str) -> None:
    with connect(f"ws://127.0.0.1:{page.port}/talk?me={ME}", additional_headers={"Cookie": cookie}) as socket:
        assert json.loads(socket.recv(10))["kind"] == "hello"
        socket.send(json.dumps({"do": "stop"}))
        while (heard := json.loads(socket.recv(10)))["kind"] != "state":
            pass
        assert heard["state"]["stopped"] == PRESSED == page.latch()
        page.latch.excuse()
        page.latch.release()
        assert ask(page, "/stop", "POST", Cookie=cookie, x_vla_console="stop")[0] == 200
        assert page.latch() == PRESSED


@pytest.mark.parametrize("nonsense", ["", "{", "[]", '{"do": 3}', '{"do": "reset", "seed": []}'])
def test_nonsense_ends_a_connection_at_most(page: PageProcess, cookie: str, nonsense: str) -> None:
    talk, headers = f"ws://127.0.0.1:{page.port}/talk?me={ME}", {"Cookie": cookie}
    with connect(talk, additional_headers=headers) as socket:
        socket.send(nonsense)
        if nonsense in ("", "{"):
            with pytest.raises(ConnectionClosedError) as closed:
                while True:
                    socket.recv(10)
            assert closed.value.rcvd and closed.value.rcvd.code == 1003
    with connect(talk, additional_headers=headers) as socket:
        assert json.loads(socket.recv(10))["kind"] == "hello"


def test_pictures_and_poses_come_as_fast_as_they_are_taken_and_the_robot_hears_who_looks(
    page: PageProcess, cookie: str
) -> None:
    requests = page.requests()
    board = FrameBoard({"front": (96, 128, 3)})
    page.send({"kind": "board", "address": board.address})
    page.send({"kind": "poses", "poses": np.zeros((2, 7), "<f4").tobytes()})
    with connect(f"ws://127.0.0.1:{page.port}/view", additional_headers={"Cookie": cookie}) as socket:
        socket.send(json.dumps({"cameras": True, "scene": True}))
        assert next(requests) == {"do": "watch", "cameras": True, "scene": True}
        assert len(socket.recv(10)) == 1 + 2 * 7 * 4
        for moment in (1, 2):
            board.show(grey(20 * moment), moment)
            message = socket.recv(10)
            assert isinstance(message, bytes) and message[:4] == b"\x00\xff\xd8\xff"
        for moment in (3, 4, 5):  # three messages are on their way, and there are no more until the page takes one
            board.show(grey(20 * moment), moment)
            with pytest.raises(TimeoutError):
                socket.recv(0.1)
        socket.send("+")
        message = socket.recv(10)
        assert isinstance(message, bytes)
        picture = np.asarray(Image.open(io.BytesIO(message[1:])))
        assert abs(picture.mean() - 100) < 3  # the newest, not the oldest
    assert next(requests) == {"do": "watch", "cameras": False, "scene": False}
    page.send({"kind": "board", "address": None})
    board.close(unlink=True)


def test_a_port_that_is_taken_is_named(page: PageProcess) -> None:
    with pytest.raises(ConfigError, match=f"port={page.port} cannot be used"), PageProcess(page._access, page.port):
        pass


def test_no_file_of_the_page_names_another_host() -> None:
    for file in (Path(__file__).parents[3] / "vla" / "console" / "page").iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text.replace('"wss" : "ws"}://', ""), file
