"""Events on their way to listeners, and to JSON and back."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from vla.runtime.event_bus import KEPT_TICKS, EventBus
from vla.runtime.event_file import EventFile
from vla.runtime.events import (
    NAMES,
    Accepted,
    Event,
    Fault,
    Finished,
    Holding,
    Refused,
    Reset,
    Resumed,
    Stopped,
    SubgoalChanged,
    Ticks,
    as_json,
    from_json,
)
from vla.types import Box, Subgoal

number = st.floats(0, 1e10)
count = st.integers(0, 10**9)
counts = st.dictionaries(st.text(max_size=5), count, max_size=2)
texts = st.text(max_size=10)
boxes = st.none() | st.builds(Box, st.just(0.1), st.floats(0, 0.4), st.floats(0.2, 1), st.just(0.9), texts)
subgoals = st.builds(Subgoal, texts, texts, texts, st.none() | texts, boxes, texts, number)
outcomes = st.sampled_from(["success", "failure", "refused", "stopped", "superseded"])
states = st.sampled_from(["planned", "running", "reached", "failed", "timeout"])
some_ms = st.none() | number
KINDS = {
    Accepted: st.builds(Accepted, number, count, texts),
    SubgoalChanged: st.builds(SubgoalChanged, number, count, count, states, subgoals, texts, number),
    Refused: st.builds(Refused, number, count, texts),
    Holding: st.builds(Holding, number, count, texts),
    Ticks: st.builds(Ticks, number, st.none() | count, count, count, count, number, some_ms, some_ms, counts),
    Fault: st.builds(Fault, number, st.sampled_from(["robot", "planner", "policy"]), texts),
    Stopped: st.builds(Stopped, number, texts),
    Resumed: st.builds(Resumed, number),
    Reset: st.builds(Reset, number, count),
    Finished: st.builds(
        Finished, number, count, texts, outcomes, texts, number, count, count, count, count, interventions=counts
    ),
}
anything = st.one_of(*KINDS.values())


def tick(ticks: int) -> Ticks:
    return Ticks(float(ticks), None, ticks, 0, 0, 0.0, None, None, {})


def finished(command: int) -> Finished:
    return Finished(0.0, command, "go", "success", "", 1.0, 30, 0, 0, 1, {})


def test_every_event_is_among_those_that_are_tried_here() -> None:
    assert set(KINDS) == set(NAMES.values())


@given(anything)
def test_an_event_survives_json(event: Event) -> None:
    assert from_json(json.loads(json.dumps(as_json(event)))) == event
    assert str(event)


@given(st.lists(anything | st.integers(0, 99).map(tick), max_size=90))
def test_a_sleeping_listener_gets_all_but_the_oldest_ticks_in_order(events: list[Event]) -> None:
    bus = EventBus()
    listener = bus.listen()
    for event in events:
        bus.publish(event)
    bus.close()
    late = [index for index, event in enumerate(events) if isinstance(event, Ticks)][:-KEPT_TICKS]
    assert list(listener) == [event for index, event in enumerate(events) if index not in late]


def test_a_command_is_heard_up_to_its_end_with_what_concerns_all() -> None:
    bus = EventBus()
    mine, everything = bus.listen(2), bus.listen()
    events = [
        Accepted(0.0, 1, "go"),
        tick(1),
        finished(1),
        Accepted(0.0, 2, "go"),
        Stopped(0.0, "button"),
        finished(2),
        Resumed(0.0),
    ]
    for event in events:
        bus.publish(event)
    assert list(mine) == [tick(1), *events[3:6]]
    bus.close()
    assert list(everything) == events
    assert list(bus.listen()) == []


def test_a_listener_waits_for_what_comes_and_stops_when_it_is_closed() -> None:
    bus = EventBus()
    listener = bus.listen()
    assert listener.get(timeout=0.01) is None
    threading.Timer(0.05, bus.publish, [Resumed(1.0)]).start()
    assert listener.get(timeout=10.0) == Resumed(1.0)
    with listener:
        threading.Timer(0.05, listener.close).start()
        assert list(listener) == []
    bus.publish(Resumed(2.0))
    assert listener.get() is None


def test_a_file_keeps_what_a_listener_hears(tmp_path: Path) -> None:
    file = tmp_path / "new" / "events.jsonl"
    for _ in range(2):
        bus = EventBus()
        with EventFile(file, bus.listen()):
            bus.publish(tick(1))
            bus.publish(finished(1))
            bus.close()
    lines = file.read_text().splitlines()
    assert [from_json(json.loads(line)) for line in lines] == [tick(1), finished(1)] * 2
