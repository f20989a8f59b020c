"""One AnalyzeRecording: an upload in, one analysis out.

The upload is held in memory, never on disk, because compressed files cannot be read forward only. It is analysed a block at a time, so
that live calls have the threads in
between, and so that a client that goes away stops it.
"""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from simpatico.audio import ReadLimits, open_call
from simpatico.config import CallerSettings
from simpatico.errors import ForbiddenError, IdleTimeoutError, MessageTooLargeError, RequestError, SimpaticoError
from simpatico.server.access.methods import MAY_NAME_CALLERS
from simpatico.server.access.principals import asking
from simpatico.server.analysis.convert import analysis_to_proto
from simpatico.server.analysis.session import CallPlan, caller_of, check_call_id, check_seed, format_of
from simpatico.server.callers.kept import NO_DATABASE
from simpatico.server.callers.named import named_caller
from simpatico.server.logs import fields
from simpatico.v1 import analysis_service_pb2 as pb

if TYPE_CHECKING:
    from simpatico.server.analysis.service import Shared

__all__ = ["analyze_recording"]

log = logging.getLogger(__name__)


async def analyze_recording(shared: Shared, requests: AsyncIterator[Any]) -> pb.AnalyzeRecordingResponse:
    """Take an upload and return its analysis.

    Raises
    ------
    SimpaticoError
        What is wrong with the request or its audio.
    """
    log_id = shared.admit_recording()
    try:
        first = await _next(shared, requests)
        if first is None or first.WhichOneof("request") != "header":
            raise RequestError("the first message of an upload must be its header, and audio follows it", field="header")
        plan = plan_of_recording(first.header, shared.settings.callers)
        if plan.caller is not None and not asking().roles & MAY_NAME_CALLERS:
            raise ForbiddenError(
                f"naming the caller of a recording needs the role {', '.join(MAY_NAME_CALLERS)}: leave header.caller out",
                field="header.caller",
            )
        upload = await _receive(shared, requests)
        log.info("recording received", extra=fields(call=log_id, bytes=upload.getbuffer().nbytes))
        response = await _analyze(shared, plan, upload)
        log.info("recording analysed", extra=fields(call=log_id, seconds=round(response.analysis.call.duration_s, 2)))
        return response
    except asyncio.CancelledError:
        if not shared.stopped:
            log.info("recording cancelled by its client", extra=fields(call=log_id))
        raise
    finally:
        shared.recordings -= 1


def plan_of_recording(header: pb.RecordingHeader, callers: CallerSettings) -> CallPlan:
    """Return the plan, checked as far as it can be before the file is open."""
    check_call_id(header.call_id, "header.call_id")
    seed = check_seed(header.seed, "header.seed")
    named = named_caller(header, "header.", callers)
    if not header.HasField("format"):
        caller = None if header.agent_only else header.caller_channel
        if header.agent_only and header.HasField("caller_channel"):
            caller_of(header, 1, "header.")  # says that the two exclude each other
        return CallPlan(header.call_id, caller_channel=caller, interim_period_s=None, seed=seed, caller=named)
    encoding, audio = format_of(header.format, "header.format.")
    caller = caller_of(header, audio.channels, "header.")
    return CallPlan(header.call_id, encoding, audio, caller, interim_period_s=None, seed=seed, caller=named)


async def _next(shared: Shared, requests: AsyncIterator[Any]) -> pb.AnalyzeRecordingRequest | None:
    """Return the next message, None after the last."""
    idle_s = shared.settings.limits.call_idle_s
    try:
        message = await asyncio.wait_for(anext(requests, None), idle_s)
    except TimeoutError:
        raise IdleTimeoutError(f"nothing came for {idle_s:g} s: send the recording without pauses, or raise limits.call_idle_s") from None
    if message is None or isinstance(message, pb.AnalyzeRecordingRequest):
        return message
    error: SimpaticoError = message.error
    raise error


async def _receive(shared: Shared, requests: AsyncIterator[Any]) -> io.BytesIO:
    limit = shared.settings.limits.recording_bytes
    upload = io.BytesIO()
    while (message := await _next(shared, requests)) is not None:
        if message.WhichOneof("request") != "data":
            raise RequestError("a second header: the first message carries the header, all others data", field="header")
        if upload.tell() + len(message.data) > limit:
            raise MessageTooLargeError(
                f"a recording of more than {limit} bytes: send it in parts, as FLAC, or over StreamAnalyze, or raise "
                f"limits.recording_bytes",
                field="data",
            )
        upload.write(message.data)
    upload.seek(0)
    return upload


async def _analyze(shared: Shared, plan: CallPlan, upload: io.BytesIO) -> pb.AnalyzeRecordingResponse:
    run = shared.threads.run
    limits = ReadLimits(max_duration_s=shared.settings.limits.call_length_s)
    raw, declared = None, plan.format
    if declared is not None and plan.encoding is not None:
        raw = type(declared)(declared.sample_rate_hz, declared.channels, plan.encoding)
    reader = await run(lambda: open_call(upload, caller_channel=plan.caller_channel, raw=raw, limits=limits))
    with reader:
        analyzer = await run(lambda: shared.factory(plan, declared or reader.format))
        while (block := await run(lambda: next(reader, None))) is not None:
            samples = block
            await run(lambda: analyzer.feed(samples))  # noqa: B023  # awaited before the next block
        analysis = await run(analyzer.finish)
    response = pb.AnalyzeRecordingResponse(analysis=await run(lambda: analysis_to_proto(analysis)))
    if shared.keeper is not None and plan.caller is not None:
        call = shared.keeper.begin(plan.caller)
        told = await call.finish(analysis, analyzer.shared_variance)
        call.close()
        told.say(response)
    elif shared.keeper is not None:
        shared.keeper.count_unnamed()
    elif plan.caller is not None:
        NO_DATABASE.say(response)
    return response
