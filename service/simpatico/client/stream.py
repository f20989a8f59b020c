"""Many calls on one stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, NoReturn, Self

import grpc

from simpatico.client.connection import raise_remote, raise_status
from simpatico.client.sending import CONSENTS, Caller, Chunk, raw_format
from simpatico.client.updates import Update, update_of
from simpatico.v1 import analysis_service_pb2 as pb

__all__ = ["CallStream"]


class CallStream:
    """Many calls on one stream. Write with its methods, read updates with ``async for``, both at the same time."""

    def __init__(self, call: Any, target: str) -> None:
        self._call = call
        self._target = target

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._call.cancel()

    async def __aiter__(self) -> AsyncIterator[Update]:
        """Yield what the service says, until it has closed the stream.

        Raises
        ------
        RemoteError
            The stream ended by a fault, or the service went away.
        """
        try:
            async for response in self._call:
                update = update_of(response)
                if update is not None:
                    yield update
        except grpc.aio.AioRpcError as error:
            raise_remote(error, self._target)

    async def start(
        self,
        call_id: str,
        *,
        encoding: str,
        sample_rate_hz: int,
        channels: int,
        codec: str = "",
        caller_channel: int | None = 0,
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, Any] | None = None,
        caller: Caller | None = None,
    ) -> None:
        """Open a call, of a caller who is to be remembered if they agree. ``options`` are the fields of CallOptions: interim_period_s,
        full_interims, no_interims, seed."""
        start = pb.StartCall(
            call_id=call_id,
            format=raw_format(encoding, sample_rate_hz, channels, codec),
            caller_channel=caller_channel,
            agent_only=caller_channel is None,
            labels=labels,
            options=pb.CallOptions(**(options or {})),
            caller=None if caller is None else caller.message(),
        )
        await self._write(pb.StreamAnalyzeRequest(start=start))

    async def send(self, chunks: Iterable[Chunk]) -> None:
        """Send audio, of any calls, in one message."""
        batch = [pb.AudioChunk(call_id=c.call_id, first_sample=c.first_sample, data=c.data, channel=c.channel) for c in chunks]
        await self._write(pb.StreamAnalyzeRequest(audio=pb.AudioBatch(chunks=batch)))

    async def pause(self, call_id: str) -> None:
        """Ask the service not to listen."""
        await self._write(pb.StreamAnalyzeRequest(control=pb.CallControl(call_id=call_id, pause=pb.Pause())))

    async def resume(self, call_id: str) -> None:
        """Ask the service to listen again."""
        await self._write(pb.StreamAnalyzeRequest(control=pb.CallControl(call_id=call_id, resume=pb.Resume())))

    async def mark(self, call_id: str, label: str) -> None:
        """Name this moment of the call."""
        await self._write(pb.StreamAnalyzeRequest(control=pb.CallControl(call_id=call_id, mark=pb.Mark(label=label))))

    async def consent(self, call_id: str, consent: str, notice_id: str = "") -> None:
        """Say that the caller of this call, who was named when it was opened, has "granted" consent, "withdrawn" it, or "objected"."""
        said = pb.SayConsent(consent=CONSENTS[consent], notice_id=notice_id)
        await self._write(pb.StreamAnalyzeRequest(control=pb.CallControl(call_id=call_id, consent=said)))

    async def end(self, call_id: str, *, reason: str = "") -> None:
        """End a call; its final follows. ``reason`` is what it was about, if that became known during the call."""
        await self._write(pb.StreamAnalyzeRequest(end=pb.EndCall(call_id=call_id, reason=reason)))

    async def close(self) -> None:
        """Say that nothing more will be sent: open calls get their finals, then the stream ends. One that has ended well is left alone."""
        try:
            await self._call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError, grpc.aio.InternalError):
            if await self._call.code() is not grpc.StatusCode.OK:
                await self._raise_end()

    async def _write(self, request: pb.StreamAnalyzeRequest) -> None:
        await self._guarded(lambda: self._call.write(request))

    async def _guarded(self, action: Callable[[], Any]) -> None:
        try:
            await action()
        except grpc.aio.AioRpcError as error:
            raise_remote(error, self._target)
        except (asyncio.InvalidStateError, grpc.aio.InternalError):  # the stream has ended; if that was a fault, it is the one to report
            await self._raise_end()

    async def _raise_end(self) -> NoReturn:
        """Raise what the stream ended with."""
        code = await self._call.code()
        raise_status(code, await self._call.details() or "", await self._call.trailing_metadata(), self._target)
