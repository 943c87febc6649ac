"""The Python API: a robot that is told in plain words what to do, and tells in events what happens."""

from vla.api.answer import Answer
from vla.api.command import Command
from vla.api.session import Session
from vla.runtime.event_bus import Listener
from vla.runtime.events import (
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

__all__ = [
    "Accepted",
    "Answer",
    "Command",
    "Event",
    "Fault",
    "Finished",
    "Holding",
    "Listener",
    "Refused",
    "Reset",
    "Resumed",
    "Session",
    "Stopped",
    "SubgoalChanged",
    "Ticks",
    "as_json",
    "from_json",
]
