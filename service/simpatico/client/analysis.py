"""A connection for the analysis of calls and recordings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc

from simpatico.client.connection import ClientTls, Token, host_of, raise_remote
from simpatico.client.sending import Caller, raw_format
from simpatico.client.stream import CallStream
from simpatico.client.updates import RecordingResult, recording_result
from simpatico.errors import ConfigError
from simpatico.server.loopback import is_loopback
from simpatico.v1 import analysis_service_pb2 as pb
from simpatico.v1 import analysis_service_pb2_grpc as rpc

__all__ = ["AnalysisClient"]

PIECE_BYTES = 256 * 1024
"""Bytes of a recording in one message; the service takes 4 MiB by default."""
LARGEST_ANSWER_BYTES = 256 * 1024 * 1024
"""The final of a call of many hours lists tens of thousands of utterances; gRPC's own default of 4 MiB would refuse it."""


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
        if token is not None and tls is None and not plain_text_token and not is_loopback(host_of(target)):
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
    ) -> RecordingResult:
        """Upload a recording and return its analysis, and whether it was kept.

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
            Who called; the recording is then kept if they agree, and the result says whether it was.
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
            header.format.CopyFrom(raw_format(*raw, codec))

        async def requests() -> AsyncIterator[pb.AnalyzeRecordingRequest]:
            yield pb.AnalyzeRecordingRequest(header=header)
            async for piece in _pieces(recording):
                yield pb.AnalyzeRecordingRequest(data=piece)

        call = self._stub.AnalyzeRecording(requests(), timeout=timeout_s, metadata=self._metadata())
        try:
            return recording_result(await call)
        except grpc.aio.AioRpcError as error:
            raise_remote(error, self.target)


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
