"""A call that is open on a stream, and the jobs on its lane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from simpatico.server.analysis.attention import Moment
from simpatico.server.analysis.lanes import Lane
from simpatico.server.analysis.session import CallSession, Response
from simpatico.server.exchange import Held
from simpatico.v1 import analysis_service_pb2 as pb

if TYPE_CHECKING:
    from simpatico.server.callers.keeping import NamedCall

__all__ = ["OpenCall"]

Job = Callable[[CallSession], list[Response]]

JOB_BYTES = 512
"""What a job weighs besides its audio, in bytes: about what it and its answer take while they wait, so that calls which send nothing but
pauses and marks feel back-pressure too."""


@dataclass(eq=False)
class OpenCall:
    """A call that is open.

    ``heard_s`` is when something last came for it, by the clock of attention; ``style`` is its latest, for rankings; ``named`` where a
    caller was named; ``afterwards`` is said after its final.
    """

    log_id: str
    lane: Lane[list[Response]]
    style: Held
    heard_s: float
    session: CallSession | None = None
    named: NamedCall | None = None
    names_caller: bool = False
    reason: str = ""
    paused: bool = False
    ending: bool = False
    afterwards: list[Response] | None = None

    def put(self, job: Job, weight: int = 0) -> None:
        """Queue a job; ``weight`` in bytes, besides its own."""
        self.lane.put(partial(self._run, job), weight + JOB_BYTES)

    def audio(self, chunk: pb.AudioChunk, at: Moment) -> None:
        """Queue audio that came at ``at``."""
        self.put(lambda session: session.audio(chunk, at), len(chunk.data))

    def control(self, control: pb.CallControl, at: Moment) -> None:
        """Queue a pause, resume or mark."""
        self.put(lambda session: session.control(control, at))
        action = control.WhichOneof("action")
        if action in {"pause", "resume"}:
            self.paused = action == "pause"

    def end(self, ended_by: str, reason: str = "") -> None:
        """Queue the end."""
        self.ending, self.reason = True, reason
        self.put(lambda session: session.end(ended_by))

    def tell(self, kind: str, label: str) -> None:
        """Queue an event, behind what came before it."""
        self.put(lambda session: [session.event(kind, label)])

    def free(self) -> None:
        """Drop everything that the call had."""
        self.lane.close()
        self.style.close()
        if self.named is not None:
            self.named.close()
        self.session = None

    def _run(self, job: Job) -> list[Response]:
        return job(self.session) if self.session is not None else []
