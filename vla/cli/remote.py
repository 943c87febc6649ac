"""`vla deploy` with a policy that is served elsewhere: the arm holds while the link is down."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from numpy.typing import NDArray
from omegaconf import DictConfig

from vla.cli.options import check_range
from vla.errors import ConfigError, LinkError
from vla.runtime.partners import PolicyRequest, Safety
from vla.serve.access import read_token
from vla.serve.address import is_remote, server_url
from vla.serve.client import Endpoint, RemotePolicy, open_link
from vla.serve.link import RETRY_SECONDS, Heartbeat, LinkWatch
from vla.types import ActionChunk, Observation

BEATS = 3
"""Pings within the time that the link may be silent."""


@dataclass(frozen=True)
class RemotePolicyProcess:
    """Connects to a server in a process of its own, which tells another one whether the server is there."""

    endpoint: Endpoint
    told: Connection
    period: float
    lost_after: float

    def __call__(self) -> Callable[[PolicyRequest], ActionChunk]:
        """Return what predicts a chunk."""
        policy = RemotePolicy(self.endpoint)
        Heartbeat(policy, self.told, self.period, self.lost_after)

        def predict(request: PolicyRequest) -> ActionChunk:
            try:
                return policy.predict_chunk(*request)
            except LinkError:
                time.sleep(RETRY_SECONDS)  # the loop asks again at once
                raise

        return predict


class LinkHold:
    """Goes between control loop and safety filter: no proposal gets through while the server is silent.

    A short silence holds the arm for as long as it lasts. A lost link holds it until it is back *and* the operator has
    made the resume file since then. The arm comes to rest within its limits.

    Args:
        safety: decides on everything else.
        silence: returns the time since the server was last heard of [s].
        hold_after: silence that the arm holds in [s].
        lost_after: silence after which the link is lost [s].
        resume_file: made by the operator, removed here.
        say: tells the operator.
    """

    def __init__(
        self,
        safety: Safety,
        silence: Callable[[], float],
        *,
        hold_after: float,
        lost_after: float,
        resume_file: Path,
        say: Callable[[str], None],
    ) -> None:
        self._safety, self._silence, self._say = safety, silence, say
        self._hold_after, self._lost_after, self._resume_file = hold_after, lost_after, resume_file
        self.lost = False
        """Whether the arm waits for the operator."""
        self._told_back = False

    @property
    def stopped(self) -> str:
        """Why the arm is stopped for good; empty if it is not."""
        return self._safety.stopped

    @property
    def at_rest(self) -> bool:
        """Whether the commands stand still."""
        return self._safety.at_rest

    def stop(self, cause: str) -> None:
        """Stop for good."""
        self._safety.stop(cause)

    def guard(
        self, proposal: NDArray | None, observation: Observation, time: float, planned_at: float | None
    ) -> NDArray | None:
        """Return what to send (n,) for a proposal (n,), or for none while the link is down; None to send nothing."""
        return self._safety.guard(None if self._holds() else proposal, observation, time, planned_at)

    def _holds(self) -> bool:
        silence = self._silence()
        if silence > self._lost_after and not self.lost:
            self.lost = True
            self._say("the link to the policy server is lost: the arm holds")
        if not self.lost:
            return silence > self._hold_after
        back = silence <= self._hold_after
        if back and not self._told_back:
            self._resume_file.unlink(missing_ok=True)
            self._say(f"the link is back: to go on, `touch {self._resume_file}`")
        elif back and self._resume_file.exists():
            self._resume_file.unlink(missing_ok=True)
            self.lost = False
            self._say("going on")
        self._told_back = back and self.lost
        return self.lost


class RemoteLink:
    """The link of a run: connects once to see what the server wants, then lets a process of its own do so.

    Args:
        policy: ``remote``, or the server's address.
        config: of the command, with the group ``remote``.

    Raises:
        ConfigError: an option makes no sense.
        LinkError: there is no server, or it does not let us in.
    """

    def __init__(self, policy: str, config: DictConfig) -> None:
        options = config.remote
        for name in ("connect_timeout", "read_timeout", "hold_after", "lost_after"):
            check_range(f"remote.{name}", options[name], 0.01)
        if options.lost_after < options.hold_after:
            raise ConfigError(f"remote.lost_after={options.lost_after} is below hold_after={options.hold_after}")
        self._options = options
        endpoint = Endpoint(
            server_url(policy, str(options.url)),
            read_token(options.token_file),
            options.ca_file,
            options.connect_timeout,
            options.read_timeout,
        )
        connection, self._spec = open_link(endpoint)
        connection.close()
        heard, told = multiprocessing.Pipe(duplex=False)
        self._told = told  # keeps the pipe open when the process ends
        self._watch = LinkWatch(heard)
        self.process = RemotePolicyProcess(endpoint, told, options.hold_after / BEATS, options.lost_after)

    def check_robot(self, observation: Observation) -> None:
        """Make sure that the served policy fits the robot that has made ``observation``, frames included.

        Raises:
            CheckpointError: it wants a camera, frame size or state that the robot lacks.
        """
        self._spec.check_robot(observation)

    def guard(self, safety: Safety, say: Callable[[str], None] = lambda text: print(text, flush=True)) -> LinkHold:
        """Return ``safety`` with the hold in front of it, which tells the operator what it does."""
        return LinkHold(
            safety,
            self._watch.silence,
            hold_after=self._options.hold_after,
            lost_after=self._options.lost_after,
            resume_file=Path(self._options.resume_file),
            say=say,
        )


def remote_link(config: DictConfig) -> RemoteLink | None:
    """Return the link to the server that ``policy=`` names; None if it names a checkpoint."""
    policy = str(config.policy)
    return RemoteLink(policy, config) if is_remote(policy) else None
