"""A client of the service with Simpatico's own types: what arrives equals what the service computed, bit for bit.

A client in another language needs none of this: the proto files, or reflection, are enough (``docs/api.md``).

Examples
--------
>>> async with AnalysisClient("127.0.0.1:50051") as client:
...     analysis = await client.analyze_recording(Path("call.wav"), call_id="7f3a")

>>> async with AnalysisClient("127.0.0.1:50051") as client, client.stream() as calls:
...     await calls.start("7f3a", encoding="mulaw", sample_rate_hz=8000, channels=2)
...     await calls.send([Chunk("7f3a", 0, data)])
...     await calls.end("7f3a")
...     async for update in calls:
...         if isinstance(update, Final):
...             print(update.analysis.style.label)
...             break
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self, TypeAlias

import grpc

from simpatico.errors import ConfigError, RemoteError
from simpatico.server.convert import analysis_from_proto
from simpatico.server.loopback import is_loopback
from simpatico.server.pem import check_authority, check_pair, pem_bytes
from simpatico.server.status import DETAILS_KEY, remote_error
from simpatico.types import CallAnalysis
from simpatico.v1 import analysis_service_pb2 as pb
from simpatico.v1 import analysis_service_pb2_grpc as rpc
from simpatico.v1 import caller_service_pb2 as caller_pb

__all__ = [
    "AnalysisClient",
    "CallFailed",
    "CallStream",
    "Caller",
    "Chunk",
    "ClientTls",
    "Drain",
    "Event",
    "Final",
    "Interim",
    "Ready",
    "Token",
    "Update",
    "raise_remote",
    "token_from",
]

PIECE_BYTES = 256 * 1024
"""Bytes of a recording in one message; the service takes 4 MiB by default."""
LARGEST_ANSWER_BYTES = 256 * 1024 * 1024
"""The final of a call of many hours lists tens of thousands of utterances; gRPC's own default of 4 MiB would refuse it."""
FAILED_WRITE = "Internal error from Core"
"""What grpc.aio makes of a stream's status when a write meets the stream's end, whatever the status was."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A call is open. ``log_id`` is how the service's log names it.

    Audio may come at ``realtime_factor`` times real time (0 for any pace), and ``burst_s`` seconds of it at once on top.
    """

    call_id: str
    analysis_rate_hz: int
    log_id: str
    labels: Mapping[str, str]
    realtime_factor: float = 0.0
    burst_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Interim:
    """What is known of a call so far."""

    call_id: str
    analysis: CallAnalysis


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened ``at_s`` seconds into a call: "mark", "paused", "resumed", "padded", "consent" or "consent_failed"."""

    call_id: str
    kind: str
    at_s: float
    label: str


@dataclass(frozen=True, slots=True)
class Final:
    """A call's result. ``ended_by`` is "end", "closed" or "drain"; ``kept`` says whether a named caller's call is remembered."""

    call_id: str
    analysis: CallAnalysis
    ended_by: str
    labels: Mapping[str, str]
    kept: bool | None = None


@dataclass(frozen=True, slots=True)
class CallFailed:
    """A call has ended by a fault; others on the stream go on."""

    call_id: str
    error: RemoteError


@dataclass(frozen=True, slots=True)
class Drain:
    """The service stops in ``grace_s`` seconds. ``call_id`` is "" on a stream without open calls."""

    call_id: str
    grace_s: float


Update: TypeAlias = Ready | Interim | Event | Final | CallFailed | Drain


@dataclass(frozen=True, slots=True)
class Chunk:
    """Audio of a call: whole samples from ``first_sample`` on, of all channels, or of ``channel`` alone."""

    call_id: str
    first_sample: int
    data: bytes
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, for a deployment that remembers callers who agreed.

    Parameters
    ----------
    key
        The tenant's pseudonym, 1 to 256 bytes; never a telephone number or a name.
    notice_id
        The notice that the caller was given, or "".
    reason
        Call reason, or "".
    utc_offset_min
        Minutes by which the caller's local time is ahead of UTC.
    started_at_s
        When the call began, seconds since 1970; None for now.
    """

    key: str = field(repr=False)
    notice_id: str = ""
    reason: str = ""
    utc_offset_min: int = 0
    started_at_s: float | None = None

    def message(self) -> pb.NamedCaller:
        """Return what goes over the wire."""
        return pb.NamedCaller(
            caller_key=self.key,
            notice_id=self.notice_id,
            reason=self.reason,
            utc_offset_min=self.utc_offset_min,
            started_at_s=self.started_at_s,
        )


CONSENTS: Mapping[str, caller_pb.Consent.ValueType] = {
    "granted": caller_pb.CONSENT_GRANTED,
    "withdrawn": caller_pb.CONSENT_UNKNOWN,
    "objected": caller_pb.CONSENT_OBJECTED,
}
"""What a caller may say about being remembered."""


@dataclass(frozen=True, slots=True)
class ClientTls:
    """PEM files: the authority of the service's certificate (None: the system's), and the client's own for mTLS."""

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """Return what gRPC takes.

        Raises
        ------
        ConfigError
            A file cannot be read or is not PEM, or a certificate comes without its key.
        """
        if (self.certificate is None) != (self.key is None):
            alone = f"certificate {str(self.certificate)!r} has no key" if self.key is None else f"key {str(self.key)!r} has no certificate"
            raise ConfigError(f"the client's own {alone}: both work together, or neither, with the authority alone", field="tls")
        names = (("authority", self.authority), ("key", self.key), ("certificate", self.certificate))
        pem = [None if path is None else pem_bytes(path, name) for name, path in names]
        if self.authority is not None:
            check_authority(self.authority, field="tls")
        if self.certificate is not None and self.key is not None:
            check_pair(self.certificate, self.key, field="tls")
        return grpc.ssl_channel_credentials(*pem)


Token: TypeAlias = str | Callable[[], str]
"""A bearer token, or what returns the one to use now; it is asked for each RPC, so that tokens may be short."""


def token_from(path: Path) -> Callable[[], str]:
    """Return what reads a token from a file each time, so that whoever renews it there need not tell.

    Raises
    ------
    ConfigError
        When it is called and the file cannot be read, or holds other than one line.
    """

    def read() -> str:
        try:
            lines = path.read_text("ascii").split()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "not a token"
            raise ConfigError(f"cannot read the token in {str(path)!r}: {why}", field="token") from None
        if len(lines) != 1:
            raise ConfigError(f"{str(path)!r} holds {len(lines)} words; it needs one, a token", field="token")
        return lines[0]

    return read


class AnalysisClient:
    """A connection to the service; an async context manager.

    Parameters
    ----------
    target
        "HOST:PORT".
    tls
        How to encrypt; None for plain text.
    token
        Who asks, for a service that wants to know.
    plain_text_token
        Send the token unencrypted beyond loopback, where the network itself is encrypted.

    Raises
    ------
    ConfigError
        A token would go in plain text to another machine.
    """

    def __init__(self, target: str, *, tls: ClientTls | None = None, token: Token | None = None, plain_text_token: bool = False) -> None:
        self.target = target
        if token is not None and tls is None and not plain_text_token and not is_loopback(_host(target)):
            raise ConfigError(
                f"a token would go to {target} in plain text, for whoever is on the way to take: use TLS, or say plain_text_token where "
                "the network itself is encrypted",
                field="token",
            )
        self._token = token
        options = [("grpc.max_receive_message_length", LARGEST_ANSWER_BYTES)]
        if tls is None:
            self._channel = grpc.aio.insecure_channel(target, options=options)
        else:
            self._channel = grpc.aio.secure_channel(target, tls.credentials(), options=options)
        self._stub: rpc.AnalysisServiceAsyncStub = rpc.AnalysisServiceStub(self._channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._channel.close()

    def stream(self, *, timeout_s: float | None = None) -> CallStream:
        """Return a stream for any number of calls; use it with ``async with``."""
        return CallStream(self._stub.StreamAnalyze(timeout=timeout_s, metadata=self._metadata()), self.target)

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        if self._token is None:
            return ()
        return (("authorization", f"Bearer {self._token if isinstance(self._token, str) else self._token()}"),)

    async def analyze_recording(
        self,
        recording: Path | bytes | AsyncIterable[bytes],
        *,
        call_id: str,
        raw: tuple[str, int, int] | None = None,
        codec: str = "",
        caller_channel: int | None = 0,
        seed: int = 0,
        caller: Caller | None = None,
        timeout_s: float | None = None,
    ) -> CallAnalysis:
        """Upload a recording and return its analysis.

        Parameters
        ----------
        recording
            A path, the bytes, or pieces of them.
        call_id
            The client's name for it.
        raw
            (encoding, rate in Hz, channels) of headerless audio; None for WAV, FLAC, OGG and MP3.
        codec
            Of headerless audio: what it went through before, when that differs from its encoding.
        caller_channel
            Index; None when the only channel is the agent's.
        seed
            Of the surrogates.
        caller
            Who called; the recording is then kept if they agree.
        timeout_s
            Deadline, seconds from now.

        Raises
        ------
        RemoteError
            The service refused it or cannot be reached.
        """
        header = pb.RecordingHeader(call_id=call_id, caller_channel=caller_channel, agent_only=caller_channel is None, seed=seed)
        if caller is not None:
            header.caller.CopyFrom(caller.message())
        if raw is not None:
            header.format.CopyFrom(_format(*raw, codec))

        async def requests() -> AsyncIterator[pb.AnalyzeRecordingRequest]:
            yield pb.AnalyzeRecordingRequest(header=header)
            async for piece in _pieces(recording):
                yield pb.AnalyzeRecordingRequest(data=piece)

        call = self._stub.AnalyzeRecording(requests(), timeout=timeout_s, metadata=self._metadata())
        try:
            return analysis_from_proto((await call).analysis)
        except grpc.aio.AioRpcError as error:
            raise_remote(error, self.target)


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
                update = _update(response)
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
            format=_format(encoding, sample_rate_hz, channels, codec),
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
        _raise_status(code, await self._call.details() or "", await self._call.trailing_metadata(), self._target)


def _host(target: str) -> str:
    """Return the host of a gRPC target: of "dns:///host:port" as of "[::1]:port"."""
    return target.rpartition("/")[2].rpartition(":")[0]


def _format(encoding: str, sample_rate_hz: int, channels: int, codec: str) -> pb.RawAudioFormat:
    return pb.RawAudioFormat(encoding=encoding, sample_rate_hz=sample_rate_hz, channels=channels, codec=codec)


async def _pieces(recording: Path | bytes | AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    if isinstance(recording, Path):
        with recording.open("rb") as file:
            while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
                yield piece
    elif isinstance(recording, bytes):
        for start in range(0, len(recording), PIECE_BYTES):
            yield recording[start : start + PIECE_BYTES]
    else:
        async for piece in recording:
            yield piece


def _final(call_id: str, final: pb.Final) -> Final:
    kept = final.kept if final.HasField("kept") else None
    return Final(call_id, analysis_from_proto(final.analysis), final.ended_by, dict(final.labels), kept)


_UPDATES: dict[str, Callable[[str, Any], Update]] = {
    "ready": lambda call_id, ready: Ready(
        call_id, ready.analysis_rate_hz, ready.log_id, dict(ready.labels), ready.realtime_factor, ready.burst_s
    ),
    "interim": lambda call_id, interim: Interim(call_id, analysis_from_proto(interim.analysis)),
    "event": lambda call_id, event: Event(call_id, event.kind, event.at_s, event.label),
    "final": _final,
    "error": lambda call_id, error: CallFailed(call_id, _call_error(error)),
    "drain": lambda call_id, drain: Drain(call_id, drain.grace_s),
}


def _update(response: pb.StreamAnalyzeResponse) -> Update | None:
    """Return the response in own types; None for a kind that this version does not know."""
    kind = response.WhichOneof("response")
    return None if kind is None else _UPDATES[kind](response.call_id, getattr(response, kind))


def _call_error(error: pb.CallError) -> RemoteError:
    retry_after_s = error.retry_after_s if error.HasField("retry_after_s") else None
    field = error.violations[0].field if error.violations else ""
    return RemoteError(error.message, status=error.status, reason=error.reason, field=field, retry_after_s=retry_after_s)


def raise_remote(error: grpc.aio.AioRpcError, target: str) -> NoReturn:
    """Raise the error that an RPC ended with, as `RemoteError`."""
    _raise_status(error.code(), error.details() or "", error.trailing_metadata(), target)


def _raise_status(code: grpc.StatusCode, message: str, metadata: Any, target: str) -> NoReturn:
    details = next((value for key, value in metadata or () if key == DETAILS_KEY), None)
    if details is None and (code is grpc.StatusCode.OK or message == FAILED_WRITE):
        raise RemoteError(
            f"{target}: the service closed the stream, or the connection broke, while something was being sent; open a new stream",
            status=grpc.StatusCode.UNAVAILABLE.name,
            reason="CLOSED",
        )
    if details is None:
        message = f"{target}: {code.name}: {message}"
        if code is grpc.StatusCode.UNAVAILABLE:
            message += "; is the service running there, and does it speak the same way (TLS or plain text)?"
    raise remote_error(code, message, details) from None
