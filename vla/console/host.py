"""Opens sessions on the robots that the page asks for, and lets the two talk."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from vla.api.session import Session
from vla.cli.assembly import ANSWERING, Assembly
from vla.cli.robots import ROBOTS
from vla.console.eyes import Eyes
from vla.console.process import PageProcess
from vla.console.recording import Recorder
from vla.errors import ConfigError, UnknownNameError, VlaError
from vla.runtime.event_bus import Listener
from vla.runtime.event_file import EventFile
from vla.runtime.events import as_json

WAYS = 4
"""Requests that are worked on at once."""
LOOK_AROUND = 0.5
"""Time between two looks whether the page is still there [s]."""


class Host:
    """Has one session after the other; use `serve`.

    Args:
        config: of ``vla console``.
        page: serves the page.
        with_robot: returns the configuration with another robot: its name, and options of the config group.
    """

    def __init__(
        self, config: DictConfig, page: PageProcess, with_robot: Callable[[str, Mapping[str, Any]], DictConfig]
    ) -> None:
        self._config, self._page, self._with_robot = config, page, with_robot
        self._session: Session | None = None
        self._next: queue.SimpleQueue[DictConfig] = queue.SimpleQueue()
        """What to open instead of the present session."""
        self._eyes = Eyes(page.send, float(config.video_fps))
        self._recorder = Recorder(self._note)
        self._recordings = Path(str(config.recordings))

    def serve(self) -> None:
        """Open the first session, and whatever the page asks for afterwards, until the page is gone.

        Raises:
            VlaError: the first session cannot be opened, or the page's process has died.
        """
        reader = threading.Thread(target=self._listen_to_page, name="console requests", daemon=True)
        reader.start()
        first, config = True, self._config
        while reader.is_alive():
            try:
                config = self._open(config, reader)
                first = False
            except VlaError as error:
                if first:
                    raise
                self._tell(phase="failed", message=str(error))
                config = self._wait(reader) or config
        raise VlaError("the page's process has died, and with it the stop button")

    def _open(self, config: DictConfig, reader: threading.Thread) -> DictConfig:
        """Have a session until another one is wanted; return its configuration."""
        name = str(config.robot.name)
        message = "loading robot, planner and policy"
        self._tell(
            phase="starting", message=message, robot=name, robots=ROBOTS, port=str(config.robot.get("port") or "")
        )
        with ExitStack() as stack:
            latches, subscribers = [self._page.latch], [self._eyes, self._recorder]
            session = Session.from_assembly(Assembly(config), latches=latches, subscribers=subscribers)
            ended = threading.Event()
            over = threading.Event()
            for work in (self._pass_on, *([self._keep] if config.events else [])):
                thread = threading.Thread(target=work, args=(session.events(), over), daemon=True)
                thread.start()
                stack.callback(thread.join)
            stack.callback(session.close)
            stack.callback(self._recorder.close)
            stack.enter_context(session)
            eyes = threading.Thread(target=self._eyes.run, args=(session, ended), name="console eyes", daemon=True)
            eyes.start()
            stack.callback(eyes.join)
            stack.callback(ended.set)
            status = session.status()
            self._session = session
            stack.callback(setattr, self, "_session", None)
            self._tell(
                phase="ready",
                message="",
                seed=status.seed,
                planner=status.planner,
                policy=status.policy,
                stopped=status.stopped,
                answers=status.planner in ANSWERING,
                recording=False,
            )
            config = self._wait(reader, session, over) or config
            if session.status().stopped:  # a stop outlives the robot that it was meant for
                self._page.latch.press()
            self._tell(phase="starting", message="letting go of the arm", recording=False, command=None)
        return config

    def _wait(
        self, reader: threading.Thread, session: Session | None = None, over: threading.Event | None = None
    ) -> DictConfig | None:
        """Wait until another robot is wanted; None if the page is gone.

        Raises:
            VlaError: the session has ended.
        """
        while reader.is_alive():
            with suppress(queue.Empty):
                return self._next.get(timeout=LOOK_AROUND)
            if session is not None and over is not None and over.is_set():
                raise VlaError(session.status().state)
        self._page.latch.press()
        return None

    # -- from the session ------------------------------------------------------------------------------------------

    def _pass_on(self, events: Listener, over: threading.Event) -> None:
        for event in events:
            self._page.send({"kind": "event", "event": as_json(event)})
        over.set()

    def _keep(self, events: Listener, over: threading.Event) -> None:
        with EventFile(Path(str(self._config.events)), events):
            pass

    # -- from the page ---------------------------------------------------------------------------------------------

    def _listen_to_page(self) -> None:
        with ThreadPoolExecutor(WAYS, "console") as pool:
            for request in self._page.requests():
                if request["do"] == "watch":
                    self._eyes.watch(cameras=request["cameras"], scene=request["scene"])
                else:
                    pool.submit(self._answer, request)

    def _answer(self, request: Mapping[str, Any]) -> None:
        try:
            self._do(request)
        except VlaError as error:
            self._page.send({"kind": "notice", "to": request["by"], "text": str(error), "request": dict(request)})

    def _do(self, request: Mapping[str, Any]) -> None:
        if request["do"] == "robot":
            self._choose(request["name"], request["port"])
            return
        if (session := self._session) is None:
            raise VlaError("there is no robot yet")
        match request:
            case {"do": "command", "text": text}:
                session.command(text)
            case {"do": "question", "text": text}:
                self._question(session, text)
            case {"do": "resume"}:
                self._page.latch.excuse()
                session.resume()
            case {"do": "reset", "seed": seed}:
                session.reset(seed)
            case {"do": "record", "on": on}:
                self._record(session, on)

    def _question(self, session: Session, text: str) -> None:
        answer = session.ask(text)
        boxes = {phrase: asdict(box) for phrase, box in answer.boxes.items() if box is not None}
        entry = {"event": "answer", "time": time.time(), "question": text, "text": str(answer), "boxes": boxes}
        self._page.send({"kind": "event", "event": entry})

    def _choose(self, name: str, port: str) -> None:
        if name not in ROBOTS:
            raise UnknownNameError("robot", name, ROBOTS)
        if name == "so101" and not port:
            raise ConfigError("say at which serial port the arm is, as lerobot-find-port shows it: /dev/ttyACM0")
        options = {"port": port} if name == "so101" else {}
        self._next.put(self._with_robot(name, options))

    def _record(self, session: Session, on: bool) -> None:
        if on and not self._recorder.on and (deployment := session.deployment) is not None:
            folder = self._recordings / time.strftime("%Y-%m-%d-%H%M%S")
            if folder.exists():
                raise ConfigError(f"{folder} exists; wait a second")
            self._recorder.start(folder, deployment.robot)
        elif not on:
            self._recorder.stop()
        self._tell(recording=self._recorder.on)

    def _note(self, text: str) -> None:
        self._page.send({"kind": "event", "event": {"event": "note", "time": time.time(), "text": text}})

    def _tell(self, **state: Any) -> None:
        if "robots" in state:
            state["robots"] = list(state["robots"])
        self._page.send({"kind": "state", "state": state})


def with_robot(
    load: Callable[[list[str]], DictConfig], config: DictConfig, name: str, options: Mapping[str, Any]
) -> Any:
    """Return a configuration with another robot.

    Args:
        load: composes the command's configuration from arguments.
        config: the present one, which is kept but for the robot.
        name: of the robot; the one of ``config`` keeps its options.
        options: what is known of it besides.
    """
    group = config.robot if config.robot.name == name else load([f"robot={name}"]).robot
    return OmegaConf.merge(config, {"robot": None}, {"robot": OmegaConf.merge(group, dict(options))})
