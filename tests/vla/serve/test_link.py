"""Who notices that the server is gone, and what the arm does then."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vla.cli.remote import LinkHold
from vla.errors import LinkError
from vla.serve.link import Heartbeat, LinkWatch
from vla.types import Observation

SEEN = Observation({}, np.zeros(2, np.float32), 0.0)
ACTION = np.ones(2, np.float32)


class Line:
    """A link that is up, mute or down."""

    def __init__(self) -> None:
        self.state = "up"
        self.drops = 0

    def ping(self, seconds: float) -> bool:
        if self.state == "down":
            raise LinkError("down")
        if self.state == "mute":
            time.sleep(seconds)
        return self.state == "up"

    def drop(self) -> None:
        self.drops += 1


def eventually(condition: object, seconds: float = 10.0) -> bool:
    assert callable(condition)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return False


def test_a_heartbeat_is_heard_and_its_absence_noticed() -> None:
    heard, told = multiprocessing.Pipe(duplex=False)
    watch, line = LinkWatch(heard), Line()
    assert watch.silence() == float("inf")
    beat = Heartbeat(line, told, period=0.01, lost_after=0.1)
    time.sleep(0.2)
    assert eventually(lambda: watch.silence() < 0.1)
    line.state = "mute"
    assert eventually(lambda: watch.silence() > 0.05)
    assert eventually(lambda: watch.silence() == float("inf"))
    assert line.drops
    line.state = "up"
    assert eventually(lambda: watch.silence() < 0.1)
    line.state = "down"
    assert eventually(lambda: watch.silence() == float("inf"))
    line.state = "up"
    assert eventually(lambda: watch.silence() < 0.1)
    beat.close()
    assert eventually(lambda: 0.2 < watch.silence() < float("inf"))


def test_a_heartbeat_that_nobody_hears_ends() -> None:
    heard, told = multiprocessing.Pipe(duplex=False)
    beat = Heartbeat(Line(), told, period=0.01, lost_after=0.1)
    heard.close()
    assert eventually(lambda: not beat._thread.is_alive())


class Passing:
    """A safety filter that sends what is proposed, and stays where it is otherwise."""

    def __init__(self) -> None:
        self.stopped = ""
        self.at_rest = True

    def stop(self, cause: str) -> None:
        self.stopped = cause

    def guard(
        self, proposal: NDArray | None, observation: Observation, time: float, planned_at: float | None
    ) -> NDArray[np.float32] | None:
        return observation.state if proposal is None else proposal.astype(np.float32)


class Held:
    """A hold with a silence that the test sets."""

    def __init__(self, resume: Path) -> None:
        self.silence, self.said, self.resume = 0.0, [], resume
        self.filter = Passing()
        self.hold = LinkHold(
            self.filter,
            lambda: self.silence,
            hold_after=0.06,
            lost_after=1.0,
            resume_file=resume,
            say=self.said.append,  # type: ignore[arg-type]
        )

    def moves(self, silence: float) -> bool:
        """Whether an action gets through."""
        self.silence = silence
        sent = self.hold.guard(ACTION, SEEN, 0.0, 0.0)
        assert sent is not None
        return bool(sent.any())


@pytest.fixture
def held(tmp_path: Path) -> Held:
    return Held(tmp_path / "RESUME")


def test_a_short_silence_holds_only_as_long_as_it_lasts(held: Held) -> None:
    assert held.moves(0.01)
    assert not held.moves(0.07)
    assert not held.moves(0.9)
    assert held.moves(0.01)
    assert held.said == []


@pytest.mark.parametrize("silence", [1.01, float("inf")])
def test_a_lost_link_holds_until_it_is_back_and_the_operator_says_so(held: Held, silence: float) -> None:
    assert not held.moves(silence)
    assert held.hold.lost
    for _ in range(3):
        assert not held.moves(0.01)
    assert held.said == [
        "the link to the policy server is lost: the arm holds",
        f"the link is back: to go on, `touch {held.resume}`",
    ]
    held.resume.touch()
    assert held.moves(0.01)
    assert not held.resume.exists()
    assert held.said[-1] == "going on"
    assert held.moves(0.01)
    assert not held.moves(silence)


def test_leave_given_before_the_link_is_back_does_not_count(held: Held) -> None:
    held.resume.touch()
    assert not held.moves(float("inf"))
    assert not held.moves(0.01)
    assert not held.resume.exists()
    held.resume.touch()
    assert not held.moves(float("inf"))  # lost again before the leave was seen
    assert not held.moves(0.01)
    assert not held.moves(0.01)
    held.resume.touch()
    assert held.moves(0.01)


def test_the_rest_is_the_safety_filters(held: Held) -> None:
    assert held.hold.at_rest
    held.hold.stop("button")
    assert held.filter.stopped == held.hold.stopped == "button"
