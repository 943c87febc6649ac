"""The parts of the console that need no browser."""

from __future__ import annotations

import json
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla.bench.console import missed
from vla.console.access import TOKEN_VARIABLE, Access
from vla.console.examples import examples
from vla.console.hub import MOST_UNREAD, Hub, Page
from vla.console.journal import KEPT, Journal
from vla.console.latch import PRESSED, StopLatch
from vla.console.messages import LARGEST_SEED, LONGEST_TEXT, checked
from vla.console.people import NotInCommandError, People
from vla.errors import ConfigError, VlaError
from vla.language import COLOURS, CONTAINERS, SHAPES, expand, parse

SECRETS = ("a", "b", "c")


@given(st.lists(st.sampled_from(["press", "excuse", "release"])))
def test_a_press_is_lifted_only_by_a_release_that_excused_it(acts: list[str]) -> None:
    latch, pressed, excused = StopLatch(), 0, 0
    lifted = 0
    for act in acts:
        getattr(latch, act)()
        if act == "press":
            pressed += 1
        elif act == "excuse":
            excused = pressed
        else:
            lifted = excused
        assert latch() == (PRESSED if pressed > lifted else "")


def test_a_press_in_another_process_is_seen() -> None:
    latch, context = StopLatch(), get_context("spawn")
    process = context.Process(target=StopLatch.press, args=(latch,))
    process.start()
    process.join()
    assert latch() == PRESSED


@given(st.lists(st.tuples(st.sampled_from(["enter", "leave", "ask", "hand over", "decline"]), st.integers(0, 2))))
def test_one_of_those_who_came_is_in_command_and_keeps_it_while_there(acts: list[tuple[str, int]]) -> None:
    people = People()
    open_pages: list[int] = []
    for act, who in acts:
        before, there = people.commander, people.present(people.commander)
        if act == "enter":
            open_pages.append(people.enter(SECRETS[who]))
        elif open_pages:
            number = open_pages[who % len(open_pages)]
            if act == "leave":
                open_pages.remove(number)
                people.leave(number)
            elif act == "ask":
                people.ask(number)
                assert people.commander == number or number in people.asking
            elif number == before:
                if act == "decline":
                    people.decline(number)
                    assert not people.asking
                else:
                    people.hand_over(number, open_pages[0])
                    assert people.commander == open_pages[0]
            else:
                with pytest.raises(NotInCommandError):
                    people.hand_over(number, number) if act == "hand over" else people.decline(number)
        if act in ("ask", "enter") and there:
            assert people.commander == before
        assert people.commander is not None or not open_pages
        assert people.commander not in people.asking
        assert set(people.as_json()["present"]) == set(open_pages)


class Talk:
    """A hub, and what the robot's process is asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.latch = StopLatch()
        self.hub = Hub(self.latch, self.asked.append)
        self.hub.hear({"kind": "state", "state": {"phase": "ready"}})


def told(page: Page) -> list[dict[str, Any]]:
    return [json.loads(page.outgoing.get_nowait() or "{}") for _ in range(page.outgoing.qsize())]


def test_only_the_one_in_command_asks_the_robot_and_everybody_stops() -> None:
    talk = Talk()
    first, second = talk.hub.enter("a" * 32), talk.hub.enter("b" * 32)
    talk.hub.take(first, {"do": "command", "text": " press  it "})
    talk.hub.take(second, {"do": "command", "text": "press it"})
    talk.hub.take(second, {"do": "resume"})
    assert talk.asked == [{"do": "command", "text": "press it", "by": 1}]
    notices = [message for message in told(second) if message["kind"] == "notice"]
    assert [message["text"] for message in notices] == ["person 1 is in command; ask for it first"] * 2
    talk.hub.take(second, {"do": "stop"})
    assert talk.latch() == PRESSED
    assert told(first)[-1]["state"]["stopped"] == PRESSED


def test_who_comes_later_is_told_all_that_others_know() -> None:
    talk = Talk()
    first = talk.hub.enter("a" * 32)
    events = [{"event": "accepted", "command": 3, "instruction": "go"}, {"event": "ticks", "ticks": 5}]
    for event in events:
        talk.hub.hear({"kind": "event", "event": event})
    talk.hub.hear({"kind": "box", "box": {"x0": 0.1}})
    hello = told(talk.hub.enter("b" * 32))[0]
    assert [entry["event"] for entry in hello["entries"]] == ["accepted"]
    assert (hello["state"]["command"], hello["ticks"], hello["box"]) == (3, events[1], {"x0": 0.1})
    assert [message["entry"] for message in told(first) if message["kind"] == "entry"] == hello["entries"]


def test_a_page_that_takes_nothing_is_shut_out_and_holds_nobody_up() -> None:
    page = Page(1)
    for number in range(MOST_UNREAD + 1):
        page.put(str(number))
    assert page.outgoing.get_nowait() is None and page.outgoing.empty()


def test_the_journal_keeps_the_newest_entries() -> None:
    journal = Journal()
    for _ in range(KEPT + 5):
        journal.add({"event": "note"})
    assert [journal.entries[0]["n"], journal.entries[-1]["n"]] == [6, KEPT + 5]


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"do": "dance"},
        {"do": "command"},
        {"do": "command", "text": "  "},
        {"do": "command", "text": "x" * (LONGEST_TEXT + 1)},
        {"do": "question", "text": 3},
        {"do": "reset"},
        {"do": "reset", "seed": -1},
        {"do": "reset", "seed": True},
        {"do": "reset", "seed": 1.5},
        {"do": "reset", "seed": LARGEST_SEED + 1},
        {"do": "robot", "name": "so101"},
        {"do": "record", "on": 1},
    ],
)
def test_what_makes_no_sense_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises(VlaError):
        checked(message)


def test_what_makes_sense_is_passed_on_without_anything_else() -> None:
    for message in ({"do": "resume"}, {"do": "reset", "seed": None}, {"do": "reset", "seed": 0}):
        assert checked(message | {"more": "x", "by": 7}) == message
    assert checked({"do": "record", "on": False}) == {"do": "record", "on": False}


@given(
    st.lists(st.sampled_from([f"{colour} {shape}" for colour in COLOURS for shape in SHAPES]), unique=True, max_size=4),
    st.lists(st.sampled_from(CONTAINERS), unique=True, max_size=2),
)
def test_examples_can_be_carried_out_with_what_is_there(movables: list[str], containers: list[str]) -> None:
    things = [*movables, *containers, "button"]
    for instruction in examples(things):
        assert expand(parse(instruction), things)


def test_the_token_is_made_up_only_where_one_is_needed_and_none_is_given() -> None:
    assert Access.choose("127.0.0.1", None, {}).token is None
    made = Access.choose("0.0.0.0", None, {})
    assert made.token is not None and len(made.token) >= 24
    assert made.url(8500).endswith(f":8500/?token={made.token}") and "0.0.0.0" not in made.url(8500)
    given_one = {TOKEN_VARIABLE: "correct-horse-battery"}
    assert Access.choose("127.0.0.1", None, given_one).token == "correct-horse-battery"
    with pytest.raises(ConfigError, match="at least 16"):
        Access.choose("0.0.0.0", None, {TOKEN_VARIABLE: "short"})


def test_other_names_and_other_sites_are_not_ours() -> None:
    here = Access("127.0.0.1", None)
    assert here.is_ours("localhost:8500", None)
    assert here.is_ours("127.0.0.1:8500", "http://127.0.0.1:8500")
    assert not here.is_ours("evil.example:8500", None)
    assert not here.is_ours("127.0.0.1:8500", "http://127.0.0.1:9000")
    assert not here.is_ours("127.0.0.1:8500", "null")
    assert Access("0.0.0.0", "x" * 20).is_ours("robot.local:8500", "http://robot.local:8500")


def test_ticks_that_were_missed_are_counted_between_instructions_too() -> None:
    idle = [{"event": "ticks", "command": None, "missed": count} for count in (1, 2)]
    busy = [{"event": "accepted"}, {"event": "ticks", "command": 1, "missed": 9}, {"event": "finished", "missed": 9}]
    assert missed([*idle, *busy, *idle[:1]]) == 2 + 9 + 1


def test_geometry_is_what_the_simulation_has_and_arm_poses_agree_with_it() -> None:
    from envs.tabletop.simulation import TabletopSimulation
    from vla.console.geometry import ArmPoses, describe

    simulation = TabletopSimulation()
    simulation.draw(42)
    model, data = simulation.world.model, simulation.world.data
    scene = json.loads(json.dumps(describe(model)))
    assert scene["bodies"] == model.nbody
    assert {"plane", "box", "cylinder", "mesh"} >= {geom["shape"] for geom in scene["geoms"]} >= {"box", "mesh"}
    for geom in scene["geoms"]:
        assert 0 <= geom["body"] < model.nbody and len(geom["rgba"]) == 4
        np.testing.assert_allclose(np.linalg.norm(geom["quat"]), 1.0, atol=1e-3)
    for mesh in scene["meshes"].values():
        assert max(mesh["faces"]) == len(mesh["vertices"]) // 3 - 1
    poses = ArmPoses(simulation.describe_arm())
    hand = poses(simulation.observe(images=False).state)[poses.model.body("gripper").id]
    np.testing.assert_allclose(hand[:3], data.body("gripper").xpos, atol=1e-4)
    simulation.close()
