"""`vla command`: a shell whose lines a robot carries out."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType

from omegaconf import DictConfig

from vla.api.session import Session
from vla.cli.shell import Leave, complete, obey
from vla.cli.terminal import Terminal
from vla.errors import VlaError
from vla.runtime.event_bus import Listener
from vla.runtime.event_file import EventFile
from vla.runtime.events import Ticks

PROMPT = "> "
ENDED, FAILED, INTERRUPTED = 0, 1, 130


def run(config: DictConfig) -> int:
    """Carry lines out; return 0, or 1 when lines were piped in and one of them was not carried out."""
    history = Path(str(config.history)).expanduser() if config.history else None
    session = Session.from_config(config)
    with ExitStack() as stack:
        terminal = stack.enter_context(Terminal(PROMPT, complete, history))
        printing = threading.Thread(target=show, args=(session.events(), terminal, bool(config.verbose)), daemon=True)
        printing.start()
        stack.callback(printing.join)
        stack.callback(session.close)  # listeners end with the session, also when it does not get as far as that
        if config.events:
            stack.enter_context(EventFile(Path(str(config.events)), session.events()))
        stack.callback(session.close)
        terminal.say("loading …")
        stack.enter_context(session)
        terminal.say(f"{session.status()}; /help lists what can be typed, Ctrl-C stops the arm")
        with interrupts(session):
            try:
                return listen(session, terminal)
            except KeyboardInterrupt:
                return ENDED if terminal.interactive else INTERRUPTED


def listen(session: Session, terminal: Terminal) -> int:
    """Take lines until there are none; whoever types need not wait, lines that are piped in wait for each other."""
    code = ENDED
    with suppress(Leave):
        for line in terminal.lines():
            try:
                if line.startswith("/"):
                    if text := obey(session, line):
                        terminal.say(text)
                    continue
                command = session.command(line)
                if not terminal.interactive and command.wait().outcome != "success":
                    code = FAILED
            except VlaError as error:
                code = FAILED
                if terminal.interactive:
                    terminal.say(str(error))
                else:
                    print(error, file=sys.stderr, flush=True)
    return ENDED if terminal.interactive else code


def show(events: Listener, terminal: Terminal, verbose: bool) -> None:
    """Print events until there are none."""
    for event in events:
        if verbose or not isinstance(event, Ticks):
            terminal.say(str(event))


@contextmanager
def interrupts(session: Session) -> Iterator[None]:
    """Let the first Ctrl-C stop the arm, and one while it is stopped leave; being asked to terminate leaves."""

    def handle(number: int, frame: FrameType | None) -> None:
        if number != signal.SIGINT or session.status().stopped:
            raise KeyboardInterrupt
        session.stop("Ctrl-C")

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
