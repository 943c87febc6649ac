"""The thread in which a session's robot is opened, moved and closed."""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from vla.cli.assembly import Assembly, Station, stop_page
from vla.cli.robots import Deployment
from vla.errors import VlaError
from vla.runtime import events
from vla.runtime.control_loop import ControlLoop
from vla.runtime.event_bus import EventBus
from vla.runtime.events import Event, Outcome
from vla.runtime.instructions import Instructions
from vla.runtime.loop_events import LoopEvents
from vla.runtime.loop_report import LoopReport, as_episode_result
from vla.runtime.stop_switch import Latch, StopSwitch
from vla.runtime.subscribers import Subscriber
from vla.serve.stop_page import StopPage

CLOSED = "the session is closed"


@dataclass(frozen=True)
class Job:
    """Something that the thread is asked to do between instructions; what runs is ended for it, but for a resume."""

    what: str
    """``resume``, ``reset`` or ``close``."""
    seed: int = 0
    """Of the scene to draw."""
    done: Future[None] = field(default_factory=Future)


class Driver:
    """Carries out instructions and jobs, one after the other.

    Args:
        assembly: planner and policy.
        bus: is told what happens.
        seed: of the first scene.
        latches: stop the arm, too, and are released when it is resumed.
        subscribers: watch what runs.
    """

    def __init__(
        self,
        assembly: Assembly,
        bus: EventBus,
        seed: int,
        latches: Sequence[Latch] = (),
        subscribers: Sequence[Subscriber] = (),
    ) -> None:
        self._assembly, self._bus, self.seed = assembly, bus, seed
        self._latches, self._subscribers = tuple(latches), tuple(subscribers)
        self.instructions = Instructions()
        self.jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self.ready: Future[None] = Future()
        """Done when the first robot is ready, and planner and policy are loaded."""
        self.loop: ControlLoop | None = None
        """Of the robot that is there now."""
        self.ended = ""
        """Why it works no more; empty while it does."""
        self._job: Job | None = None
        self._station: Station | None = None
        self._page: StopPage | None = None
        self._aimed = False
        self.stop = StopSwitch(assembly.stop_file, self._page_pressed, *self._latches)
        """Press it to stop the arm, from any thread."""
        self.events = LoopEvents(self._emit, self._interventions)

    def run(self) -> None:
        """Work until a job says ``close``; to be called in a thread of its own. Robots may not change threads."""
        failure = CLOSED
        try:
            with ExitStack() as stack:
                self._page = stop_page(self._assembly.config, stack)
                if self._page:
                    self._page.status = self.stop
                stack.enter_context(self._assembly)
                while self._job is None or self._job.what != "close":
                    with self._assembly.open("", self.seed, self.stop) as self._station:
                        self._serve(self._station)
        except Exception as error:  # told to whoever waits
            failure = str(error) or type(error).__name__
            if not isinstance(error, VlaError):
                failure = f"{type(error).__name__}: {failure}"
        finally:
            self._end(failure)

    def _serve(self, station: Station) -> None:
        """Work with one robot."""
        self._notice_stop()
        if self.events.cause:  # a stop outlives the scene
            station.safety.stop(self.events.cause)
        self.events.begin()
        self.loop = station.loop(
            subscribers=self._subscribers,
            say=lambda text: self.events.failed("policy", text),
            instructions=self.instructions,
            events=self.events,
            end_requested=self._end_requested,
            ready=station.ready_pose,
        )
        self._assembly.wait_ready()
        self._tell_ready(station)
        while self._job is None:
            with station.watchdog:
                self._work(station, self.loop)
            if self._job is not None and self._job.what == "resume":
                self._resume(station, self._job.done)
                self._job = None
        self.loop = None

    def _work(self, station: Station, loop: ControlLoop) -> None:
        """Carry out instructions until there is a job."""
        while self._job is None:
            loop.idle(lambda: bool(self.instructions) or self._job_is_due(station))
            if self._job is not None or not self.instructions:
                continue
            if cause := station.safety.stopped or self.stop():
                self._refuse(f"the arm is stopped ({cause}); resume first")
                continue
            report = loop.run(None, self._assembly.config.max_seconds)
            outcome, reason = self._judge(station, report)
            self._tell_subscribers(station, report, outcome, reason)
            self.events.finished(outcome, reason)

    def _judge(self, station: Station, report: LoopReport) -> tuple[Outcome, str]:
        """Return what became of the instruction that was last, and why."""
        if station.safety.stopped:
            return "stopped", station.safety.stopped
        if report.refused:
            return "refused", report.reason
        if not report.done:
            return "failure", report.reason
        if self._aimed and station.deployment.succeeded() is False:
            return "failure", "the planner thinks that it is done, but it is not"
        return "success", ""

    def _tell_subscribers(self, station: Station, report: LoopReport, outcome: Outcome, reason: str) -> None:
        task, seed = station.deployment.task, station.deployment.seed or 0
        result = as_episode_result(report, self.events.instruction, task=task, seed=seed, success=outcome == "success")
        for subscriber in self._subscribers:
            subscriber.on_end(replace(result, reason=reason))

    def _notice_stop(self) -> None:
        """Tell of a stop that was asked for between two ticks of the loop."""
        if cause := self.stop():
            self.events.stopped(cause)

    def _resume(self, station: Station, done: Future[None]) -> None:
        self._notice_stop()
        for latch in (*([self._page] if self._page else []), *self._latches):
            latch.release()
        if cause := self.stop.release():
            done.set_exception(VlaError(f"cannot resume: {cause}"))
            return
        if not station.safety.resume():
            done.set_exception(VlaError("cannot resume: the arm is not at rest"))
            return
        if self.events.cause:
            self.events.resumed()
        done.set_result(None)

    def _refuse(self, reason: str) -> None:
        self.events.accepted(*self.instructions.take())
        self.events.finished("refused", reason)

    def _tell_ready(self, station: Station) -> None:
        if self.ready.done():
            self._emit(events.Reset(time.time(), station.deployment.seed or 0))
        else:
            self.ready.set_result(None)
        if self._job is not None:
            self._job.done.set_result(None)
            self._job = None

    @property
    def deployment(self) -> Deployment | None:
        """The robot that is there now; None while there is none."""
        station = self._station
        return station.deployment if station is not None and self.loop is not None else None

    def _end_requested(self) -> str:
        """Return why a run must end for a job."""
        if not self._has_job() or self._job is None or self._job.what == "resume":
            return ""
        return "the session ends" if self._job.what == "close" else "another scene is drawn"

    def _has_job(self) -> bool:
        """Return whether there is a job, and take it up."""
        if self._job is None:
            with contextlib.suppress(queue.Empty):
                self._job = self.jobs.get_nowait()
                if self._job.what == "reset":
                    self.seed = self._job.seed
        return self._job is not None

    def _job_is_due(self, station: Station) -> bool:
        """Return whether there is a job that can be done; a stop is lifted once the arm is at rest."""
        return self._has_job() and self._job is not None and (self._job.what != "resume" or station.safety.at_rest)

    def _emit(self, event: Event) -> None:
        if isinstance(event, events.Accepted):
            self._aim(event.instruction)
        self._bus.publish(event)

    def _aim(self, instruction: str) -> None:
        """Have success mean what is asked for now, if that can be told."""
        self._aimed = False
        with contextlib.suppress(VlaError):
            assert self._station is not None
            self._station.deployment.aim(instruction)
            self._aimed = True

    def _interventions(self) -> dict[str, int]:
        return {} if self._station is None else dict(self._station.safety.filter.interventions)

    def _page_pressed(self) -> str:
        return self._page() if self._page else ""

    def _end(self, failure: str) -> None:
        """Tell all who wait that there will be nothing more."""
        self.ended, self.loop = failure, None
        if failure != CLOSED and self.ready.done():
            self.events.failed("robot", failure)
        if self.events.command is not None:
            self.events.finished("failure", failure)
        while self.instructions:
            self._refuse(failure)
        waiting = [self.ready, *([self._job.done] if self._job else [])]
        while not self.jobs.empty():
            waiting.append(self.jobs.get_nowait().done)
        for future in waiting:
            if not future.done():
                future.set_exception(VlaError(failure))
        self._bus.close()
