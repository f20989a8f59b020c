"""Ten thousand mutated requests to the real service, after which it still answers correctly and has leaked nothing."""

from __future__ import annotations

import asyncio
import io
import logging
import random
from collections import Counter

import grpc
import numpy as np
import pytest
import soundfile
from google.protobuf.message import DecodeError

from simpatico.analysis import AnalysisOptions, CallAnalyzer
from simpatico.server.analysis.service import SERVICE_NAME
from simpatico.server.app import analyzer_factory
from simpatico.server.status import DETAILS_KEY
from simpatico.style import Bundle
from simpatico.types import AudioFormat
from simpatico.v1 import analysis_service_pb2 as pb
from tests.conftest import SampleCall
from tests.server.calls import TIMEOUT_S
from tests.server.mutations import stream_requests, uploads
from tests.server.running import Running, Start, settings_with

SEED = 20261122
STREAM_REQUESTS = 9000
UPLOADS = 400
"""Of three messages each, so that all in all more than ten thousand requests are sent."""
PER_STREAM = 20
CUT_OFF = "upload cut off"

Outcomes = Counter[str]


def decodable(request: bytes) -> bool:
    """Whether protobuf takes it."""
    try:
        pb.StreamAnalyzeRequest.FromString(request)
    except DecodeError:
        return False
    return True


def in_streams(requests: list[bytes]) -> list[list[bytes]]:
    """Return the requests in groups, one for each stream. What cannot be decoded ends its stream, so it comes last."""
    fine = [request for request in requests if decodable(request)]
    hopeless = [request for request in requests if not decodable(request)]
    with_end = [[*fine[2 * k : 2 * k + 2], request] for k, request in enumerate(hopeless)]
    rest = fine[2 * len(hopeless) :]
    return with_end + [rest[k : k + PER_STREAM] for k in range(0, len(rest), PER_STREAM)]


async def send_stream(channel: grpc.aio.Channel, requests: list[bytes], outcomes: Outcomes) -> None:
    """Send one stream and count how its calls and the stream itself ended."""
    call = channel.stream_stream(f"/{SERVICE_NAME}/StreamAnalyze")(iter(requests), timeout=TIMEOUT_S)
    try:
        async for data in call:
            response = pb.StreamAnalyzeResponse.FromString(data)
            kind = response.WhichOneof("response")
            outcomes[response.error.reason if kind == "error" else str(kind)] += 1
    except grpc.aio.AioRpcError as error:
        outcomes[f"stream {error.code().name}"] += 1


async def send_upload(channel: grpc.aio.Channel, requests: list[bytes], outcomes: Outcomes) -> None:
    """Send one upload and count how it ended."""
    try:
        await channel.stream_unary(f"/{SERVICE_NAME}/AnalyzeRecording")(iter(requests), timeout=TIMEOUT_S)
        outcomes["upload OK"] += 1
    except grpc.aio.AioRpcError as error:
        # An upload that is refused while its client still writes may lose its status on the way: then gRPC's client says INTERNAL itself,
        # without the details that the service's own errors have, and the service logs no error.
        ours = any(key == DETAILS_KEY for key, _ in error.trailing_metadata() or ())
        outcomes[f"upload {error.code().name}" if ours or error.code() is not grpc.StatusCode.INTERNAL else CUT_OFF] += 1


async def assault(server: Running, wav: bytes) -> Outcomes:
    """Send everything, a few streams side by side; return how it ended."""
    chance = random.Random(SEED)
    outcomes: Outcomes = Counter()
    streams = in_streams(stream_requests(chance, STREAM_REQUESTS))
    several = asyncio.Semaphore(4)
    async with server.channel() as channel:

        async def one(requests: list[bytes], is_upload: bool) -> None:
            async with several:
                await (send_upload if is_upload else send_stream)(channel, requests, outcomes)

        jobs = [one(requests, False) for requests in streams] + [one(uploads(chance, wav), True) for _ in range(UPLOADS)]
        await asyncio.gather(*jobs)
    return outcomes


@pytest.mark.slow
async def test_ten_thousand_mutated_requests(
    start: Start, sample_calls: list[SampleCall], bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    # No limit of speed: it would end most calls before the mutated audio reaches the analysis.
    settings = {"server__threads": 2, "call_length_s": 120.0}
    server = await start(analyzer_factory(settings_with(**settings)), **settings)
    call = next(c for c in sample_calls if c.path.suffix == ".wav")
    samples = np.ascontiguousarray(call.samples[: 10 * 8000])
    file = io.BytesIO()
    soundfile.write(file, samples[:4000], 8000, format="WAV", subtype="PCM_16")
    with caplog.at_level(logging.WARNING):
        outcomes = await assault(server, file.getvalue())
        async with server.client() as client:
            result = await client.analyze_recording(samples.tobytes(), call_id="afterwards", raw=("f32", 8000, 2), timeout_s=TIMEOUT_S)
    reference = CallAnalyzer("afterwards", AudioFormat(8000, 2, "f32"), 0, bundle, AnalysisOptions(interim_period_s=None))
    reference.feed(samples)
    print(f"seed {SEED}: {dict(outcomes.most_common())}")
    assert result.analysis == reference.finish()
    assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []
    assert outcomes[CUT_OFF] <= UPLOADS // 50
    assert not outcomes.keys() & {"INTERNAL", "stream INTERNAL", "stream UNKNOWN", "upload INTERNAL", "upload UNKNOWN", "CORE"}
    assert not outcomes.keys() & {"stream DEADLINE_EXCEEDED", "upload DEADLINE_EXCEEDED"}
    # The assault met calls that were open, and every kind of refusal.
    assert outcomes["ready"] > 500
    assert outcomes["final"] > 100
    for reason in ("MALFORMED_AUDIO", "SEQUENCE", "UNKNOWN_CODEC", "AUDIO_FORMAT", "REQUEST", "UNKNOWN_CALL", "DUPLICATE_CALL"):
        assert outcomes[reason] > 0, reason  # how often depends on how messages of many calls interleave
    assert outcomes["stream INVALID_ARGUMENT"] > 100
    assert outcomes["upload INVALID_ARGUMENT"] > 50
    assert (server.application.shared.open_calls, server.application.shared.recordings) == (0, 0)
    assert server.application.shared.streams == set()
