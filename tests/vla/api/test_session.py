"""Sessions on the toy simulation, in real time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.toy_loop import Flaky, Goals, MakePlanner
from tests.helpers.toy_session import ToyAssembly
from tests.helpers.toy_suite import ToySimulation
from vla.api import (
    Accepted,
    Event,
    Fault,
    Finished,
    Holding,
    Refused,
    Reset,
    Resumed,
    Session,
    Stopped,
    SubgoalChanged,
    Ticks,
    as_json,
    from_json,
)
from vla.errors import ConfigError, UnknownNameError, VlaError

pytestmark = pytest.mark.slow

NEAR: Goals = ((65.0, 50.0), (50.0, 60.0))
FAR: Goals = ((95.0, 5.0), (5.0, 95.0), (95.0, 95.0))


class Toy:
    def __init__(self, assembly: ToyAssembly) -> None:
        self.assembly, self.session = assembly, Session.from_assembly(assembly)

    @property
    def robot(self) -> ToySimulation:
        return self.assembly.robots[-1]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Toy]]:
    started: list[Toy] = []

    def make(goals: Goals = NEAR, robot: Callable[[], ToySimulation] = ToySimulation, **options: object) -> Toy:
        toy = Toy(ToyAssembly(tmp_path / "STOP", MakePlanner(goals), robot, **options))
        started.append(toy)
        toy.session.__enter__()
        return toy

    yield make
    for toy in started:
        toy.session.close()


def told(events: list[Event]) -> list[str]:
    """Return what is told apart from how long it takes."""
    kinds = (Accepted, SubgoalChanged, Refused, Stopped, Resumed, Reset, Finished)
    return [
        f"{event.subgoal.object} {event.state}" if isinstance(event, SubgoalChanged) else type(event).__name__
        for event in events
        if isinstance(event, kinds)
    ]


def moving(toy: Toy) -> None:
    """Wait until the arm is on its way."""
    ticks, end = toy.robot.ticks, time.monotonic() + 20.0
    while np.abs(toy.robot.state - 50.0).max() < 6.0:
        assert time.monotonic() < end, f"the arm has not moved since tick {ticks}"
        time.sleep(0.02)


def test_a_command_is_told_from_beginning_to_end(start: Callable[..., Toy]) -> None:
    toy = start()
    events = list(toy.session.command("  go   there "))
    assert told(events) == [
        "Accepted",
        *(f"{i} {s}" for i in (0, 1) for s in ("planned", "running", "reached")),
        "Finished",
    ]
    assert isinstance(events[0], Accepted) and events[0].instruction == "go there"
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert (finished.outcome, finished.reason, finished.reached) == ("success", "", 2)
    assert finished.ticks >= 9
    assert finished.interventions["start-up ramp"] > 0
    assert [event.time for event in events] == sorted(event.time for event in events)
    assert [from_json(as_json(event)) for event in events] == events
    ticks = [event for event in events if isinstance(event, Ticks)]
    assert ticks and ticks[-1].policy_ms is not None and ticks[-1].command == finished.command
    np.testing.assert_allclose(toy.robot.state, [50.0, 60.0], atol=1.5)
    again = toy.session.command("go there").wait()  # the planner is told that this is another episode
    assert (again.outcome, again.reached) == ("success", 0)
    assert again.command > finished.command


def test_a_refusal_has_a_reason_and_moves_nothing(start: Callable[..., Toy]) -> None:
    toy = start()
    events = list(toy.session.command("dance"))
    assert told(events) == ["Accepted", "Refused", "Finished"]
    accepted, refused, finished = (event for event in events if isinstance(event, Accepted | Refused | Finished))
    assert refused == Refused(refused.time, accepted.command, "cannot dance")
    assert isinstance(finished, Finished)
    assert (finished.outcome, finished.reason) == ("refused", "cannot dance")
    np.testing.assert_allclose(toy.robot.state, [50.0, 50.0])


def test_an_unsure_planner_is_told_and_so_is_the_time_limit(start: Callable[..., Toy]) -> None:
    toy = start(max_seconds=2)
    events = list(toy.session.command("think"))
    assert [event.reason for event in events if isinstance(event, Holding)][-1] == "unsure"
    assert isinstance(events[-1], Finished)
    assert (events[-1].outcome, events[-1].reason) == ("failure", "time limit of 2 s")


def test_a_stop_is_latched_until_it_is_lifted_by_a_second_act(start: Callable[..., Toy], tmp_path: Path) -> None:
    toy = start(FAR)
    everything = toy.session.events()
    command = toy.session.command("go")
    moving(toy)
    toy.session.stop("button")
    events = list(command)
    assert told(events)[-3:] == ["Stopped", "0 failed", "Finished"]
    assert isinstance(events[-1], Finished)
    assert (events[-1].outcome, events[-1].reason) == ("stopped", "button")
    rest = toy.robot.state.copy()
    assert toy.session.status().stopped == "button"
    refused = toy.session.command("go").wait()
    assert refused.outcome == "refused" and "resume first" in refused.reason
    (tmp_path / "STOP").touch()
    with pytest.raises(VlaError, match="STOP exists"):
        toy.session.resume()
    assert toy.session.status().stopped
    np.testing.assert_array_equal(toy.robot.state, rest)
    (tmp_path / "STOP").unlink()
    toy.session.resume()
    assert toy.session.status().state == "idle"
    time.sleep(0.3)
    np.testing.assert_allclose(toy.robot.state, rest, atol=0.01)  # a resumed arm waits for an instruction
    sent = len(toy.robot.actions)
    again = toy.session.command("go")
    while np.abs(toy.robot.state - rest).max() < 1.0:
        time.sleep(0.02)
    assert np.abs(toy.robot.actions[sent] - rest).max() < 2.0  # slowly, from where it is
    toy.session.close()
    assert again.wait().reason == "the session ends"
    heard = told(list(everything))
    assert [name for name in heard if name in ("Stopped", "Resumed")] == ["Stopped", "Resumed"]


def test_another_command_takes_over_from_the_ready_pose(start: Callable[..., Toy]) -> None:
    toy = start(FAR)
    first = toy.session.command("go")
    moving(toy)
    second = toy.session.command("dance")
    ended = first.wait()
    assert (ended.outcome, ended.reason) == ("superseded", "another instruction")
    assert second.wait().outcome == "refused"
    np.testing.assert_allclose(toy.robot.state, [50.0, 50.0], atol=5.5)  # the planner was asked with the arm there


def test_all_of_many_commands_at_once_come_to_an_end(start: Callable[..., Toy]) -> None:
    toy = start()
    commands = [toy.session.command(text) for text in ("go 1", "go 2", "go 3", "dance")]
    assert [command.wait().outcome for command in commands] == ["superseded"] * 3 + ["refused"]


def test_slow_listeners_lose_rates_only_and_hold_nothing_up(start: Callable[..., Toy]) -> None:
    toy = start()
    asleep = toy.session.events()
    heard: list[Event] = []

    def listen() -> None:
        for event in toy.session.events():
            time.sleep(0.2)
            heard.append(event)

    slow = threading.Thread(target=listen)
    slow.start()
    time.sleep(0.1)
    events = list(toy.session.command("go"))
    finished = events[-1]
    assert isinstance(finished, Finished) and finished.outcome == "success"
    toy.session.close()
    slow.join(30.0)
    assert not slow.is_alive()
    assert told(list(asleep)) == told(heard) == told(events)


def test_another_scene_ends_what_runs_and_a_stop_outlives_it(start: Callable[..., Toy]) -> None:
    toy = start(FAR)
    everything = toy.session.events()
    command = toy.session.command("go")
    moving(toy)
    toy.session.reset(seed=5)
    assert command.wait().reason == "another scene is drawn"
    assert toy.session.status().seed == toy.robot.seed == 5
    toy.session.stop()
    toy.session.reset()
    assert toy.session.status().stopped == "asked to stop"
    toy.session.resume()
    assert len(toy.assembly.robots) == 3
    toy.session.close()
    heard = list(everything)
    assert [event.seed for event in heard if isinstance(event, Reset)] == [5, 5]
    assert told(heard)[-4:] == ["Reset", "Stopped", "Reset", "Resumed"]
    with pytest.raises(ConfigError, match="seed=-1"):
        toy.session.reset(-1)


def test_faults_are_told_once_and_a_robot_that_stays_broken_stops_the_arm(start: Callable[..., Toy]) -> None:
    toy = start(FAR, lambda: Flaky(writes=range(30, 100_000)))
    events = list(toy.session.command("go"))
    assert [event.message for event in events if isinstance(event, Fault)] == ["cannot be moved"]
    assert isinstance(events[-1], Finished)
    assert (events[-1].outcome, events[-1].reason) == ("stopped", "cannot be moved")


def test_a_robot_that_cannot_be_opened_is_an_error_and_ends_listeners(tmp_path: Path) -> None:
    def broken() -> ToySimulation:
        raise VlaError("no arm")

    session = Session.from_assembly(ToyAssembly(tmp_path / "STOP", MakePlanner(NEAR), broken))
    listener = session.events()
    with pytest.raises(VlaError, match="no arm"):
        session.__enter__()
    assert list(listener) == []
    with pytest.raises(VlaError, match="no arm"):
        session.command("go")


@pytest.mark.parametrize(
    ("choices", "options", "message"),
    [
        ({"robot": "panda"}, {}, "panda"),
        ({"planner": "gramar"}, {}, "grammar"),
        ({"safety": "none"}, {}, "nothing moves without a safety filter"),
        ({"seed": -1}, {}, "seed=-1"),
        ({}, {"robot.prt": "x"}, "robot.prt"),
        ({}, {"max_seconds": 0}, "max_seconds=0"),
    ],
)
def test_bad_options_are_refused(choices: dict, options: dict, message: str) -> None:
    with pytest.raises(VlaError, match=message):
        Session(**choices, options=options)


def test_a_session_that_was_not_entered_or_is_over_says_so(tmp_path: Path) -> None:
    session = Session.from_assembly(ToyAssembly(tmp_path / "STOP", MakePlanner(NEAR), ToySimulation))
    with pytest.raises(VlaError, match="context manager"):
        session.command("go")
    with pytest.raises(ConfigError, match="planner=toy answers no questions; those that do: vlm, openai"):
        session.ask("what is there?")
    with session, pytest.raises(ConfigError, match="empty"):
        session.command("  ")
    with pytest.raises(VlaError, match="the session is closed"):
        session.command("go")


def test_what_is_no_event_is_not_read() -> None:
    with pytest.raises(UnknownNameError, match="finished"):
        from_json({"event": "finnished"})
