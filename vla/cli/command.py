"""`vla command`: a shell whose lines a robot carries out."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

from omegaconf import DictConfig

from vla.api.session import Session
from vla.cli.interrupts import interrupts
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
        with interrupts(partial(interrupted, session)):
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


def interrupted(session: Session, number: int) -> bool:
    """Return whether a signal means to leave: Ctrl-C stops the arm first, and does so only while it is stopped."""
    if number != signal.SIGINT or session.status().stopped:
        return True
    session.stop("Ctrl-C")
    return False
