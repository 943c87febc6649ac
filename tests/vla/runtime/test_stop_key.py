from __future__ import annotations

import io
import os
import pty
import termios
import time

import pytest

from vla.runtime.stop_key import StopKey


def test_space_stops_and_the_terminal_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard, terminal = pty.openpty()
    before = termios.tcgetattr(terminal)
    with os.fdopen(terminal) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        with StopKey() as key:
            assert key.available
            assert key() == ""
            os.write(keyboard, b"x")
            time.sleep(0.05)
            assert key() == ""
            os.write(keyboard, b" ")
            time.sleep(0.05)
            assert key() == "emergency stop: key"
            assert key() == ""
        assert termios.tcgetattr(terminal) == before
    os.close(keyboard)


def test_without_a_terminal_there_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(" "))
    with StopKey() as key:
        assert not key.available
        assert key() == ""
