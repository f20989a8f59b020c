"""What all streams of a process share: limits, counts, threads, what measures, and the two methods of ``AnalysisService``."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc

from simpatico.config import Settings
from simpatico.errors import DrainingError, SessionLimitError
from simpatico.server.aborting import Context, abort
from simpatico.server.analysis.lanes import Threads
from simpatico.server.analysis.recording import analyze_recording
from simpatico.server.analysis.session import AnalyzerFactory
from simpatico.server.decoding import decoder
from simpatico.server.exchange import Exchange
from simpatico.v1 import analysis_service_pb2 as pb

if TYPE_CHECKING:
    from simpatico.server.analysis.stream import Stream
    from simpatico.server.callers.keeping import Keeper

__all__ = ["SERVICE_NAME", "AnalysisService", "Shared"]

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["AnalysisService"].full_name
RETRY_S = 5.0
"""When to try again after a limit on how much goes on at once: calls end every few seconds on a busy process."""


@dataclass(eq=False)
class Shared:
    """State of one process. For the event loop's thread only.

    Attributes
    ----------
    clock
        Seconds of a monotonic clock.
    exchange
        What the processes of the service tell each other.
    keeper
        Keeps calls of callers who agreed; None without a database.
    open_calls, recordings
        How many are going on.
    draining
        No new calls are taken.
    stopped
        Nothing is served any more.
    """

    settings: Settings
    factory: AnalyzerFactory
    threads: Threads
    clock: Callable[[], float] = time.monotonic
    exchange: Exchange = field(default_factory=Exchange)
    keeper: Keeper | None = None
    open_calls: int = 0
    recordings: int = 0
    draining: bool = False
    stopped: bool = False
    streams: set[Stream] = field(default_factory=set)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def admit_call(self) -> str:
        """Count a call in, and return how the log names it.

        Raises
        ------
        DrainingError, SessionLimitError
            It cannot be taken now.
        """
        self.refuse_when_draining()
        limit = self.settings.limits.calls
        if self.open_calls >= limit:
            raise SessionLimitError(
                f"{self.open_calls} calls are open, the limit of this process: try again later or elsewhere, or raise limits.calls",
                retry_after_s=RETRY_S,
            )
        self.open_calls += 1
        return f"{os.getpid()}-{next(self._numbers)}"

    def admit_recording(self) -> str:
        """Count a recording in, as `admit_call`."""
        self.refuse_when_draining()
        limit = self.settings.limits.recordings
        if self.recordings >= limit:
            raise SessionLimitError(
                f"{self.recordings} recordings are being analysed, the limit of this process: try again later or elsewhere, or raise "
                "limits.recordings",
                retry_after_s=RETRY_S,
            )
        self.recordings += 1
        return f"{os.getpid()}-{next(self._numbers)}"

    def admit_stream(self) -> None:
        """Refuse a stream, as `admit_call`; the stream counts itself in."""
        self.refuse_when_draining()
        if len(self.streams) >= self.settings.limits.streams:
            raise SessionLimitError(
                f"{len(self.streams)} streams are open, the limit of this process: put more calls on each, or raise limits.streams",
                retry_after_s=RETRY_S,
            )

    def refuse_when_draining(self) -> None:
        """Raise DrainingError while the service is stopping."""
        if self.draining:
            raise DrainingError("the service is stopping and takes no new calls: connect again, to another process")


class AnalysisService:
    """The two methods, and their registration."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared

    def handler(self) -> grpc.GenericRpcHandler:
        """Return what a server registers."""
        limit = self.shared.settings.limits.message_bytes
        return grpc.method_handlers_generic_handler(
            SERVICE_NAME,
            {
                "StreamAnalyze": grpc.stream_stream_rpc_method_handler(
                    self.stream_analyze,
                    request_deserializer=decoder(pb.StreamAnalyzeRequest, limit),
                    response_serializer=pb.StreamAnalyzeResponse.SerializeToString,
                ),
                "AnalyzeRecording": grpc.stream_unary_rpc_method_handler(
                    self.analyze_recording,
                    request_deserializer=decoder(pb.AnalyzeRecordingRequest, limit),
                    response_serializer=pb.AnalyzeRecordingResponse.SerializeToString,
                ),
            },
        )

    async def stream_analyze(self, requests: object, context: Context) -> None:
        """Serve one ``StreamAnalyze``."""
        del requests  # the context's read is used instead
        from simpatico.server.analysis.stream import Stream

        try:
            self.shared.admit_stream()
            await Stream(self.shared, context.read, context.write).run()
        except asyncio.CancelledError:
            if not self.shared.stopped:  # grpc would log the cancellation of its own making as an error
                raise
        except Exception as error:
            await abort(context, error, method="StreamAnalyze")

    async def analyze_recording(self, requests: AsyncIterator[Any], context: Context) -> pb.AnalyzeRecordingResponse:
        """Serve one ``AnalyzeRecording``."""
        try:
            return await analyze_recording(self.shared, requests)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            await abort(context, error, method="AnalyzeRecording")
