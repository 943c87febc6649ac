import os
import signal
from pathlib import Path

import pytest

from vla.runtime.stop_switch import StopSwitch


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_and_the_first_cause_is_kept(number: signal.Signals, tmp_path: Path) -> None:
    before = signal.getsignal(number)
    with StopSwitch(tmp_path / "STOP") as switch:
        assert switch() == ""
        os.kill(os.getpid(), number)
        assert switch() == f"emergency stop: {number.name}"
        (tmp_path / "STOP").touch()
        assert switch() == f"emergency stop: {number.name}"
    assert signal.getsignal(number) is before


def test_a_file_stops_even_if_it_is_removed_again(tmp_path: Path) -> None:
    with StopSwitch(tmp_path / "STOP") as switch:
        (tmp_path / "STOP").touch()
        assert "STOP exists" in switch()
        (tmp_path / "STOP").unlink()
        assert "STOP exists" in switch()


def test_other_sources_are_asked_and_latched() -> None:
    answers = iter(["", "button", ""])
    with StopSwitch(None, lambda: "", lambda: next(answers)) as switch:
        assert switch() == ""
        assert switch() == "button"
        assert switch() == "button"


def test_a_second_interrupt_ends_the_program() -> None:
    with StopSwitch() as switch:
        os.kill(os.getpid(), signal.SIGINT)
        assert switch() == "emergency stop: SIGINT"
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_it_can_be_pressed_and_released_but_not_against_what_still_asks_for_a_stop(tmp_path: Path) -> None:
    switch = StopSwitch(tmp_path / "STOP")
    switch.press("button")
    switch.press("another")
    assert switch() == "button"
    assert switch.release() == switch() == ""
    (tmp_path / "STOP").touch()
    switch.press("button")
    assert "STOP exists" in switch.release()
    assert "STOP exists" in switch()
