"""One StreamAnalyze: many calls on one stream, each on its own lane; time-outs, faults, back-pressure, drain.

Rules:
1. Answers of one call come in the order of its messages. Calls do not wait for each other.
2. A fault of a call ends that call with one ``error``; what was on its way for it is dropped. The stream goes on.
3. A fault of the stream (undecodable message, too idle, too long) ends it with a status. So does a defect of ours outside any call.
4. Nothing is read while more than the backlog waits for analysis, or while the client does not read its answers.
5. However the stream ends, every call on it is freed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc

from simpatico.errors import (
    DuplicateCallError,
    IdleTimeoutError,
    RequestError,
    SessionLimitError,
    SimpaticoError,
    StreamTooLongError,
    UnknownCallError,
)
from simpatico.profiles.texts import checked_text
from simpatico.server.analysis.attention import Attention
from simpatico.server.analysis.lanes import Lane
from simpatico.server.analysis.live import hold_style
from simpatico.server.analysis.open_call import OpenCall
from simpatico.server.analysis.session import CallPlan, CallSession, Response, check_call_id, plan_of
from simpatico.server.callers.kept import NO_DATABASE, Keeping
from simpatico.server.callers.named import NO_MEMORY, said_by
from simpatico.server.logs import fields
from simpatico.server.status import call_error, fault_of
from simpatico.v1 import analysis_service_pb2 as pb

if TYPE_CHECKING:
    from simpatico.server.analysis.service import Shared

__all__ = ["Stream"]

REMEMBERED = 4096
"""Calls that have ended whose ids are kept, to say what is wrong with a late message instead of repeating it for each."""
SLOWEST_TICK_S = 1.0
"""How often time-outs are looked at, at least; those are in minutes by default."""
LINGER_S = 1.0
"""How long a stream that the service ends waits for the client to stop writing."""
FLUSH_S = 2.0
"""How long a client may take to read what waits for it when its stream ends by a fault."""

log = logging.getLogger(__name__)


class Stream:
    """One StreamAnalyze.

    Parameters
    ----------
    shared
        Of the process.
    read, write
        Of the RPC's context.
    """

    def __init__(self, shared: Shared, read: Callable[[], Awaitable[Any]], write: Callable[[Response], Awaitable[None]]) -> None:
        from simpatico.server.analysis.outbox import Outbox

        self._shared = shared
        self._limits = shared.settings.limits
        self._read_message, self._write_message = read, write
        self._calls: dict[str, OpenCall] = {}
        self._gone: OrderedDict[str, bool] = OrderedDict()  # call id -> a late message was answered already
        self._outbox = Outbox()
        self._lighter = asyncio.Event()
        self._emptied = asyncio.Event()
        self._stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._attention = Attention(shared.clock, asyncio.get_running_loop().time)
        self._began_s, self._heard_s = self._attention.moment()
        self._drained = False
        self._deaf = False  # what comes now is dropped

    async def run(self) -> None:
        """Serve until the client has closed its side, the service drains, or the stream is at fault.

        Raises
        ------
        SimpaticoError
            The stream is at fault.
        """
        self._shared.streams.add(self)
        reader = asyncio.create_task(self._read())
        writer = asyncio.create_task(self._write())
        watch = asyncio.create_task(self._watch())
        try:
            await self._first_of(reader, writer, watch, self._stop)
            self._deaf = True
            self._end_all("drain" if self._stop.done() else "closed")
            last = asyncio.create_task(self._say_the_last())
            try:
                await self._first_of(last, writer, watch)
                await self._first_of(writer, watch)
                # A client that meets the end while it writes may lose what it has not read: let it stop first.
                await asyncio.wait((reader,), timeout=LINGER_S)
            finally:
                last.cancel()
        except asyncio.CancelledError:
            if self._calls and not self._shared.stopped:
                log.info("stream cancelled by its client with calls open", extra=fields(calls=len(self._calls)))
            raise
        except SimpaticoError:
            self._outbox.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(writer, FLUSH_S)
            raise
        finally:
            for task in (reader, writer, watch):
                task.cancel()
            for call in self._calls.values():
                self._free(call)
            self._calls.clear()
            self._shared.streams.discard(self)

    def drain(self, grace_s: float) -> None:
        """Tell the client that the service stops in ``grace_s``; without open calls the stream ends now."""
        self._drained = True
        for call_id in list(self._calls) or [""]:
            self._outbox.put(Response(call_id=call_id, drain=pb.Drain(grace_s=grace_s)))
        self._stop_when_idle()

    def stop(self) -> None:
        """End all calls with their finals for what was heard, then the stream."""
        if not self._stop.done():
            self._stop.set_result(None)

    def drop(self) -> None:
        """Do nothing more for any call: the stream is about to be cancelled."""
        for call in self._calls.values():
            call.lane.close()

    async def _first_of(self, *tasks: asyncio.Future[None]) -> None:
        """Wait for the first; raise what it raised."""
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task in done:
                task.result()

    async def _read(self) -> None:
        while True:
            self._attention.begin()
            message = await self._read_message()
            self._attention.end()
            if message is grpc.aio.EOF:
                return
            if self._deaf:
                continue
            if not isinstance(message, pb.StreamAnalyzeRequest):
                raise message.error
            self._dispatch(message)
            await self._outbox.room()
            while sum(call.lane.weight for call in self._calls.values()) > self._limits.backlog_bytes:
                self._lighter.clear()
                await self._lighter.wait()

    async def _write(self) -> None:
        while (response := await self._outbox.get()) is not None:
            await self._write_message(response)

    async def _say_the_last(self) -> None:
        while self._calls:
            self._emptied.clear()
            await self._emptied.wait()
        self._outbox.close()

    def _dispatch(self, request: pb.StreamAnalyzeRequest) -> None:
        at = self._attention.moment()
        self._heard_s = at.attended_s
        match request.WhichOneof("request"):
            case "audio":
                for chunk in request.audio.chunks:
                    if (call := self._heard(chunk.call_id, "audio")) is not None:
                        call.audio(chunk, at)
            case "start":
                self._start(request.start)
            case "control":
                self._control(request.control)
            case "end":
                self._end(request.end)
            case _:
                error = RequestError(
                    "a message that is neither start, audio, control nor end: use the proto of package simpatico.v1", field="request"
                )
                self._outbox.put(call_error("", error))

    def _start(self, start: pb.StartCall) -> None:
        call_id = start.call_id
        try:
            check_call_id(call_id, "start.call_id")
        except RequestError as error:
            self._outbox.put(call_error("", error))
            return
        duplicate = DuplicateCallError(
            f"call {call_id!r} was started before on this stream: end it and wait for its final first, or choose another call_id",
            field="start.call_id",
        )
        open_call = self._calls.get(call_id)
        if open_call is not None and open_call.ending:
            self._after(open_call, call_error(call_id, duplicate))
        elif open_call is not None:
            self._fail(call_id, open_call, duplicate)
        else:
            try:
                self._open(call_id, plan_of(start, self._limits, self._shared.settings.callers))
            except SimpaticoError as error:
                self._gone_with(call_id, told=True)
                log.info("call refused", extra=fields(error=type(error).__name__))
                self._outbox.put(call_error(call_id, error))

    def _open(self, call_id: str, plan: CallPlan) -> None:
        if len(self._calls) >= self._limits.calls_per_stream:
            raise SessionLimitError(
                f"{len(self._calls)} calls are open on this stream, the limit: open another stream, or raise limits.calls_per_stream",
                retry_after_s=0.0,
            )
        at, shared = self._attention.moment(), self._shared
        log_id = shared.admit_call()
        lane = Lane[list[Response]](shared.threads, lambda result, error: self._deliver(call_id, call, result, error))
        call = OpenCall(log_id, lane, hold_style(shared.exchange, call_id), at.attended_s, names_caller=plan.caller is not None)
        self._calls[call_id] = call
        self._gone.pop(call_id, None)

        def begin() -> list[Response]:
            call.session = CallSession(plan, shared.factory, shared.settings.limits, log_id=log_id, at=at)
            return call.session.ready()

        call.lane.put(begin)
        if plan.caller is not None and shared.keeper is not None:
            call.named = shared.keeper.begin(plan.caller, call.tell, partial(self._fail, call_id, call))
        log.info("call started", extra=fields(call=log_id))

    def _control(self, control: pb.CallControl) -> None:
        call = self._heard(control.call_id, "control")
        if call is None:
            return
        if control.WhichOneof("action") != "consent":
            call.control(control, self._attention.moment())
            return
        try:
            consent, notice_id = said_by(control.consent, named=call.names_caller)
        except RequestError as error:
            self._fail(control.call_id, call, error)
            return
        if call.named is not None:
            call.named.say(consent, notice_id)
        else:
            call.tell("consent_failed", NO_MEMORY)

    def _end(self, end: pb.EndCall) -> None:
        call = self._heard(end.call_id, "end")
        if call is not None:
            try:
                call.end("end", checked_text(end.reason, "end.reason", empty=True))
            except RequestError as error:
                self._fail(end.call_id, call, error)

    def _heard(self, call_id: str, what: str) -> OpenCall | None:
        """Return the call if it is open, or answer that it is not."""
        call = self._calls.get(call_id)
        if call is None or call.ending:
            self._stray(call_id, call, what)
            return None
        call.heard_s = self._heard_s
        return call

    def _stray(self, call_id: str, ending: OpenCall | None, what: str) -> None:
        """Answer a message for a call that is not open, once for each call."""
        if ending is None and self._gone.get(call_id):
            return
        if ending is not None or call_id in self._gone:
            message = f"{what} for call {call_id!r}, which has ended: start it again to go on"
        else:
            message = f"{what} for call {call_id!r}, which was not started: send start first"
        response = call_error(call_id, UnknownCallError(message, field="audio.chunks.call_id" if what == "audio" else f"{what}.call_id"))
        if ending is not None:
            self._after(ending, response)
        else:
            self._gone_with(call_id, told=True)
            self._outbox.put(response)

    def _after(self, call: OpenCall, response: Response) -> None:
        """Say something about an ending call after its final, and no more than once."""
        if call.afterwards is None:
            call.afterwards = [response]

    def _deliver(self, call_id: str, call: OpenCall, responses: list[Response] | None, error: Exception | None) -> None:
        self._lighter.set()
        if error is not None:
            self._fail(call_id, call, error)
            return
        for response in responses or ():
            if response.HasField("interim"):
                call.style.set(response.interim.analysis.style.SerializeToString())
            if not response.HasField("final"):
                self._outbox.put(response)
            elif (keeper := self._shared.keeper) is None:
                if call.names_caller:
                    NO_DATABASE.say(response.final)
                self._finish(call_id, call, response)
            elif call.named is None:
                keeper.count_unnamed()
                self._finish(call_id, call, response)
            else:
                assert call.session is not None
                assert call.session.result is not None
                keeping = call.named.finish(*call.session.result, call.reason)
                keeper.spawn(self._finish_kept(call_id, call, response, keeping))

    async def _finish_kept(self, call_id: str, call: OpenCall, response: Response, keeping: Awaitable[Keeping]) -> None:
        """Say the final of a named caller's call, and whether it was kept."""
        told = await keeping
        if self._calls.get(call_id) is call:  # else its caller has ended it, or the stream is gone
            told.say(response.final)
            self._finish(call_id, call, response)

    def _finish(self, call_id: str, call: OpenCall, response: Response) -> None:
        final = response.final
        self._outbox.put(response)
        self._close(call_id, call, told=call.afterwards is not None)
        log.info("call ended", extra=fields(call=call.log_id, by=final.ended_by, seconds=round(final.analysis.call.duration_s, 2)))
        for late in call.afterwards or ():
            self._outbox.put(late)

    def _fail(self, call_id: str, call: OpenCall, error: Exception) -> None:
        fault = fault_of(error)
        if isinstance(error, SimpaticoError):
            log.info("call failed", extra=fields(call=call.log_id, code=fault.code.name, error=type(error).__name__))
        else:
            log.error("call failed by a defect", exc_info=error, extra=fields(call=call.log_id))
        self._close(call_id, call, told=True)
        self._outbox.put(call_error(call_id, error))

    def _close(self, call_id: str, call: OpenCall, *, told: bool) -> None:
        del self._calls[call_id]
        self._gone_with(call_id, told=told)
        self._free(call)
        self._emptied.set()
        self._stop_when_idle()

    def _free(self, call: OpenCall) -> None:
        call.free()
        self._shared.open_calls -= 1
        self._lighter.set()

    def _gone_with(self, call_id: str, *, told: bool) -> None:
        self._gone[call_id] = told
        self._gone.move_to_end(call_id)
        if len(self._gone) > REMEMBERED:
            self._gone.popitem(last=False)

    def _end_all(self, ended_by: str) -> None:
        for call in self._calls.values():
            if not call.ending:
                call.end(ended_by)

    def _stop_when_idle(self) -> None:
        if self._drained and not self._calls:
            self.stop()

    async def _watch(self) -> None:
        """Give up calls from which nothing comes, and the stream when it is too idle or too long."""
        limits = self._limits
        tick_s = min(SLOWEST_TICK_S, limits.call_idle_s / 4, limits.stream_idle_s / 4, limits.stream_length_s / 4)
        while True:
            self._attention.sleep(tick_s)
            await asyncio.sleep(tick_s)
            at = self._attention.moment()
            if at.now_s - self._began_s > limits.stream_length_s:
                raise StreamTooLongError(
                    f"the stream is older than {limits.stream_length_s:g} s: open a new one, or raise limits.stream_length_s",
                    retry_after_s=0.0,
                )
            if at.attended_s - self._heard_s > limits.stream_idle_s:
                raise IdleTimeoutError(
                    f"nothing came on the stream for {limits.stream_idle_s:g} s: close it when unused, or raise limits.stream_idle_s"
                )
            for call_id, call in list(self._calls.items()):
                self._give_up_idle(call_id, call, at.attended_s)

    def _give_up_idle(self, call_id: str, call: OpenCall, attended_s: float) -> None:
        name = "call_paused_s" if call.paused else "call_idle_s"
        limit_s: float = getattr(self._limits, name)
        if not call.ending and attended_s - call.heard_s > limit_s:
            message = f"nothing came for call {call_id!r} for {limit_s:g} s: end calls that are over, or raise limits.{name}"
            self._fail(call_id, call, IdleTimeoutError(message))
