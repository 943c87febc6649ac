"""Typing at a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

SCRIPT = """
import sys, threading
from pathlib import Path
from vla.cli.interrupts import interrupts
from vla.cli.terminal import Terminal
words = ["bowl", "button", "press"]
complete = lambda line, word: [known for known in words if known.startswith(word)]
presses = []
def act(number):
    terminal.say("interrupted")
    presses.append(number)
    return len(presses) == 2
idle = threading.Thread(target=threading.Event().wait, daemon=True)
idle.start()
with Terminal("> ", complete, Path(sys.argv[1])) as terminal, interrupts(act):
    try:
        for line in terminal.lines():
            terminal.say(f"heard <{line}>")
    except KeyboardInterrupt:
        print("left at once")
print("left")
"""


class Typist:
    """Types at a child that runs `SCRIPT`."""

    def __init__(self, history: Path) -> None:
        ours, theirs = pty.openpty()
        environment = os.environ | {"TERM": "xterm", "INPUTRC": "/dev/null"}
        arguments = [sys.executable, "-c", SCRIPT, str(history)]
        self.child = subprocess.Popen(arguments, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
        os.close(theirs)
        self.file, self.seen = ours, ""

    def type(self, keys: str) -> None:
        os.write(self.file, keys.encode())

    def wait_for(self, text: str, seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < end, f"{text!r} is not in {self.seen!r}"
            if select.select([self.file], [], [], 0.1)[0]:
                self.seen += os.read(self.file, 4096).decode()


def test_lines_are_completed_kept_and_not_lost_when_something_is_printed(tmp_path: Path) -> None:
    history = tmp_path / "new" / "history"
    first = Typist(history)
    first.wait_for("> ")
    first.type("pr\tthe bu\t\n")
    first.wait_for("heard <press the button>\r\n> ")
    first.type("half a li")
    first.wait_for("half a li")
    first.child.send_signal(signal.SIGINT)
    first.wait_for("interrupted\r\n> half a li")
    first.type("ne\n")
    first.wait_for("heard <half a line>\r\n> ")
    first.type("\x04")
    first.wait_for("left")
    assert first.child.wait(30) == 0
    assert history.read_text().split("\n")[:2] == ["press the button ", "half a line"]
    second = Typist(history)
    second.wait_for("> ")
    second.type("\x1b[A\x1b[A\n")
    second.wait_for("heard <press the button>\r\n> ")
    second.type("\x04")
    assert second.child.wait(30) == 0


def test_what_an_interrupt_calls_can_end_the_wait_for_a_line(tmp_path: Path) -> None:
    typist = Typist(tmp_path / "history")
    typist.wait_for("> ")
    typist.child.send_signal(signal.SIGINT)
    typist.wait_for("interrupted")
    typist.child.send_signal(signal.SIGINT)
    typist.wait_for("left at once")
    assert typist.child.wait(30) == 0
