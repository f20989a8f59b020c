"""AnalyzeRecording over real sockets: files, raw audio cut anywhere, and everything that can be wrong with an upload."""

from __future__ import annotations

import asyncio
import io
import logging
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from simpatico.client import AnalysisClient
from simpatico.errors import RemoteError
from simpatico.server.analysis.session import CallPlan
from simpatico.types import AudioFormat
from simpatico.v1 import analysis_service_pb2 as pb
from simpatico.v1 import analysis_service_pb2_grpc as rpc
from tests.server.calls import TIMEOUT_S, noise
from tests.server.fakes import FakeAnalyzer, expected_final
from tests.server.running import Running, Start

SAMPLES = noise(2.5)
PCM = np.round(SAMPLES * 30000).astype(np.int16)
RAW = ("f32", 8000, 2)


def wav(channels: int = 2) -> bytes:
    """Return the samples as a 16-bit WAV file."""
    out = io.BytesIO()
    soundfile.write(out, PCM[:, :channels], 8000, format="WAV", subtype="PCM_16")
    return out.getvalue()


async def in_pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    """Yield the bytes a few at a time."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def test_a_file_by_path_bytes_and_pieces(server: Running, tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(wav())
    async with server.client() as client:
        by_path = (await client.analyze_recording(path, call_id="w")).analysis
        by_bytes = (await client.analyze_recording(wav(), call_id="w")).analysis
        by_pieces = (await client.analyze_recording(in_pieces(wav(), 977), call_id="w")).analysis
    assert by_path == by_bytes == by_pieces
    assert by_path.call.format == AudioFormat(8000, 2, "pcm_s16")
    assert by_path.call.duration_s == 2.5
    assert by_path == expected_final("w", PCM.astype(np.float32) / 32768, by_path.call.format)


async def test_raw_audio_with_its_declared_codec(server: Running) -> None:
    async with server.client() as client:
        result = await client.analyze_recording(in_pieces(SAMPLES.tobytes(), 1001), call_id="r", raw=RAW, codec="mulaw", caller_channel=1)
    assert (result.kept, result.not_kept_reason) == (None, ""), "nobody was named"
    assert result.analysis == expected_final("r", SAMPLES, AudioFormat(8000, 2, "mulaw"), caller_channel=1)


async def test_one_channel_may_be_the_agents(server: Running) -> None:
    async with server.client() as client:
        analysis = (await client.analyze_recording(wav(1), call_id="a", caller_channel=None)).analysis
    assert analysis.call.caller_channel is None


async def test_nothing_at_all_is_a_call_of_no_length(server: Running) -> None:
    async with server.client() as client:
        analysis = (await client.analyze_recording(b"", call_id="0", raw=RAW)).analysis
    assert analysis.call.duration_s == 0.0


Upload = Callable[[AnalysisClient], object]
BAD: list[tuple[str, Upload, str, str, str]] = [
    ("text", lambda c: c.analyze_recording(b"dear customer, " * 50, call_id="t"), "INVALID_ARGUMENT", "UNKNOWN_CODEC", "WAV"),
    ("truncated", lambda c: c.analyze_recording(wav()[:-999], call_id="t"), "INVALID_ARGUMENT", "MALFORMED_AUDIO", "truncated"),
    ("odd", lambda c: c.analyze_recording(b"12345", call_id="t", raw=("l16", 8000, 1)), "INVALID_ARGUMENT", "MALFORMED_AUDIO", "5 bytes"),
    (
        "nan",
        lambda c: c.analyze_recording(np.full(8, np.nan, "<f4").tobytes(), call_id="t", raw=RAW),
        "INVALID_ARGUMENT",
        "MALFORMED_AUDIO",
        "nan",
    ),
    ("codec", lambda c: c.analyze_recording(b"", call_id="t", raw=("g729", 8000, 1)), "INVALID_ARGUMENT", "UNKNOWN_CODEC", "g729"),
    ("rate", lambda c: c.analyze_recording(b"", call_id="t", raw=("l16", 10**9, 1)), "INVALID_ARGUMENT", "AUDIO_FORMAT", "192000"),
    ("channels", lambda c: c.analyze_recording(b"", call_id="t", raw=("l16", 8000, 17)), "INVALID_ARGUMENT", "AUDIO_FORMAT", "17"),
    ("caller", lambda c: c.analyze_recording(wav(), call_id="t", caller_channel=5), "INVALID_ARGUMENT", "AUDIO_FORMAT", "5 does not exist"),
    (
        "no caller",
        lambda c: c.analyze_recording(wav(), call_id="t", caller_channel=None),
        "INVALID_ARGUMENT",
        "AUDIO_FORMAT",
        "no caller channel",
    ),
    ("id", lambda c: c.analyze_recording(wav(), call_id=""), "INVALID_ARGUMENT", "REQUEST", "1 to 128"),
    ("seed", lambda c: c.analyze_recording(wav(), call_id="t", seed=-1), "INVALID_ARGUMENT", "REQUEST", "-1"),
]


@pytest.mark.parametrize(("upload", "status", "reason", "message"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
async def test_bad_uploads(server: Running, upload: Callable[[AnalysisClient], object], status: str, reason: str, message: str) -> None:
    async with server.client() as client:
        with pytest.raises(RemoteError, match=message) as caught:
            await upload(client)  # type: ignore[misc]
        assert (caught.value.status, caught.value.reason) == (status, reason)
        assert (await client.analyze_recording(wav(), call_id="ok")).analysis.call.duration_s == 2.5
    assert server.application.shared.recordings == 0


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([], "first message of an upload must be its header"),
        ([pb.AnalyzeRecordingRequest(data=b"x")], "first message of an upload must be its header"),
        ([pb.AnalyzeRecordingRequest()], "first message of an upload must be its header"),
        ([pb.AnalyzeRecordingRequest(header=pb.RecordingHeader(call_id="x"))] * 2, "a second header"),
    ],
)
async def test_uploads_out_of_order(server: Running, messages: list[pb.AnalyzeRecordingRequest], message: str) -> None:
    async def requests() -> AsyncIterator[pb.AnalyzeRecordingRequest]:
        for request in messages:
            yield request

    async with server.channel() as channel:
        import grpc

        with pytest.raises(grpc.aio.AioRpcError, match=message) as caught:
            await rpc.AnalysisServiceStub(channel).AnalyzeRecording(requests())
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_recordings_that_are_too_large_or_too_long(start: Start) -> None:
    server = await start(recording_bytes=10_000, call_length_s=1.0)
    async with server.client() as client:
        with pytest.raises(RemoteError, match=r"more than 10000 bytes: .* raise limits.recording_bytes") as large:
            await client.analyze_recording(wav(), call_id="l")
        with pytest.raises(RemoteError, match="at most 1 s") as long:
            await client.analyze_recording(bytes(9000), call_id="l", raw=("mulaw", 8000, 1))
    assert (large.value.status, large.value.reason) == ("RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE")
    assert (long.value.status, long.value.reason) == ("RESOURCE_EXHAUSTED", "STREAM_TOO_LONG")


async def test_an_upload_that_stalls_is_given_up(start: Start) -> None:
    server = await start(call_idle_s=0.2)

    async def stalling() -> AsyncIterator[bytes]:
        yield wav()[:100]
        await asyncio.sleep(TIMEOUT_S)

    async with server.client() as client:
        with pytest.raises(RemoteError, match=r"nothing came for 0.2 s: .* limits.call_idle_s") as caught:
            await client.analyze_recording(stalling(), call_id="s")
    assert (caught.value.status, caught.value.reason) == ("DEADLINE_EXCEEDED", "IDLE_TIMEOUT")


class Held:
    """Analyzers that wait in their first ``feed`` until told to go on."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.blocks = 0

    def __call__(self, plan: CallPlan, audio: AudioFormat) -> FakeAnalyzer:
        """Return an analyzer."""
        return FakeAnalyzer(plan, audio, self._wait)

    def _wait(self, call_id: str) -> None:
        del call_id
        self.blocks += 1
        self.go_on.wait(TIMEOUT_S)


async def test_too_many_recordings_at_once(start: Start) -> None:
    held = Held()
    server = await start(held, recordings=1)
    async with server.client() as client:
        first = asyncio.create_task(client.analyze_recording(wav(), call_id="1"))
        while not held.blocks:
            await asyncio.sleep(0.01)
        with pytest.raises(RemoteError, match=r"1 recordings are being analysed, .* raise limits.recordings") as caught:
            await client.analyze_recording(wav(), call_id="2")
        held.go_on.set()
        assert (await first).analysis.call.duration_s == 2.5
        assert (await client.analyze_recording(wav(), call_id="3")).analysis.call.call_id == "3"
    assert (caught.value.status, caught.value.reason, caught.value.retry_after_s) == ("RESOURCE_EXHAUSTED", "SESSION_LIMIT", 5.0)


@pytest.mark.parametrize("by_deadline", [False, True])
async def test_a_client_that_goes_away_stops_the_analysis(start: Start, by_deadline: bool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    held = Held()
    server = await start(held)
    async with server.client() as client:
        deadline_s = 0.5
        while not held.blocks:  # a busy machine may not come so far within half a second; then within one, or two
            upload = asyncio.create_task(client.analyze_recording(wav(), call_id="1", timeout_s=deadline_s if by_deadline else None))
            while not held.blocks and not upload.done():
                await asyncio.sleep(0.01)
            deadline_s *= 2.0
        caplog.clear()
        if by_deadline:
            with pytest.raises(RemoteError, match="DEADLINE_EXCEEDED"):
                await upload
        else:
            upload.cancel()
        async with asyncio.timeout(TIMEOUT_S):
            while server.application.shared.recordings:
                await asyncio.sleep(0.01)
        held.go_on.set()
        await asyncio.sleep(0.1)
    assert held.blocks == 1
    assert [r.message for r in caplog.records if "cancelled" in r.message] == ["recording cancelled by its client"]


async def test_recordings_are_refused_while_draining(start: Start) -> None:
    held = Held()
    server = await start(held, server__drain_grace_s=60.0)
    async with server.client() as client:
        first = asyncio.create_task(client.analyze_recording(wav(), call_id="1"))
        while not held.blocks:
            await asyncio.sleep(0.01)
        draining = asyncio.create_task(server.application.drain())
        await asyncio.sleep(0)
        assert server.application.shared.draining
        with pytest.raises(RemoteError, match="is stopping") as caught:
            await client.analyze_recording(wav(), call_id="2")
        held.go_on.set()
        assert (await first).analysis.call.duration_s == 2.5
        await draining
    assert (caught.value.status, caught.value.reason) == ("UNAVAILABLE", "DRAINING")
