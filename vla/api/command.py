"""An instruction that was given to a session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from vla.errors import VlaError
from vla.runtime.event_bus import Listener
from vla.runtime.events import Event, Finished


@dataclass
class Command:
    """Iterate over it to hear what becomes of it, or wait for its end; it is carried out in any case."""

    number: int
    """By which events know it."""
    instruction: str
    events: Listener = field(repr=False)
    """What concerns this instruction, up to its end."""
    finished: Finished | None = None
    """How it has ended, once that was heard."""

    def __iter__(self) -> Iterator[Event]:
        for event in self.events:
            if isinstance(event, Finished):
                self.finished = event
            yield event

    def wait(self) -> Finished:
        """Wait until it is over; events that nobody has asked for are lost.

        Raises:
            VlaError: the session ended before.
        """
        for _ in self:
            pass
        if self.finished is None:
            raise VlaError(f"the session ended before {self.instruction!r} did")
        return self.finished
