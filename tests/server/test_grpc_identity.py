"""One audio, one result: analysed directly, uploaded, and streamed in any cutting, bit for bit, over real sockets."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simpatico.analysis import AnalysisOptions, CallAnalyzer
from simpatico.client import AnalysisClient, Chunk, Final, Interim
from simpatico.reports import to_json
from simpatico.style import Bundle
from simpatico.types import AudioFormat, CallAnalysis
from tests.conftest import SampleCall
from tests.server.calls import TIMEOUT_S, rest_of
from tests.server.running import process

RATE_HZ = 8000
LENGTH_S = 12
AUDIO = AudioFormat(RATE_HZ, 2, "mulaw")
DATA_PER_MESSAGE = 200_000


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Return where the real service listens, in a process of its own."""
    with process("simpatico", "serve", "--port", "0", "--realtime-factor", "inf") as (_, where):
        yield where


@pytest.fixture(scope="module")
def samples(sample_calls: list[SampleCall]) -> NDArray[np.float32]:
    """Return the beginning of a sample call, float32 [n, 2]."""
    return np.ascontiguousarray(sample_calls[0].samples[: LENGTH_S * RATE_HZ + 123])


@pytest.fixture(scope="module")
def direct(samples: NDArray[np.float32], bundle: Bundle) -> tuple[CallAnalysis, list[CallAnalysis]]:
    """Return final and interims of the analysis without any service."""
    analyzer = CallAnalyzer("x", AUDIO, 0, bundle, AnalysisOptions())
    interims = analyzer.feed(samples)
    return analyzer.finish(), interims


@lru_cache
def chunk_sizes(seed: int, length: int) -> tuple[int, ...]:
    """Return sizes from 1 sample to 10 s that add up to ``length``; small ones first, as there can only be so many."""
    chance = random.Random(seed)
    sizes = [1] * chance.randint(0, 300)
    while sum(sizes) < length:
        sizes.append(min(length - sum(sizes), int(10 ** chance.uniform(0, 4.9)) or 1))
    return tuple(sizes)


def chunks_of(samples: NDArray[np.float32], seed: int, *, apart: bool) -> list[Chunk]:
    """Return the samples cut by ``chunk_sizes``, interleaved or track by track."""
    chunks: list[Chunk] = []
    for channel in (0, 1) if apart else (None,):
        first = 0
        for size in chunk_sizes(seed + (channel or 0), len(samples)):
            piece = samples[first : first + size]
            chunks.append(Chunk("x", first, (piece if channel is None else piece[:, channel]).tobytes(), channel))
            first += size
    return chunks


async def streamed(address: str, chunks: list[Chunk]) -> tuple[list[CallAnalysis], CallAnalysis]:
    """Return interims and final of one call."""
    async with AnalysisClient(address) as client, client.stream() as stream:
        await stream.start("x", encoding="f32", sample_rate_hz=RATE_HZ, channels=2, codec="mulaw", options={"full_interims": True})
        batch: list[Chunk] = []
        for chunk in chunks:
            batch.append(chunk)
            if sum(len(c.data) for c in batch) > DATA_PER_MESSAGE or len(batch) > 500:
                await stream.send(batch)
                batch = []
        await stream.send(batch)
        await stream.end("x")
        updates = await rest_of(stream)
    assert isinstance(updates[-1], Final), updates[-1]
    return [u.analysis for u in updates if isinstance(u, Interim)], updates[-1].analysis


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.integers(0, 2**32), st.booleans())
def test_streaming_in_any_cutting_equals_the_direct_analysis(
    address: str, samples: NDArray[np.float32], direct: tuple[CallAnalysis, list[CallAnalysis]], seed: int, apart: bool
) -> None:
    chunks = chunks_of(samples, seed, apart=apart)
    if apart:
        chunks = within_skew(chunks)
    interims, final = asyncio.run(streamed(address, chunks))
    assert to_json(final) == to_json(direct[0])
    assert final == direct[0]
    assert interims == direct[1]
    assert [i.call.duration_s for i in interims] == [float(k + 1) for k in range(LENGTH_S)]


def within_skew(chunks: list[Chunk]) -> list[Chunk]:
    """Return the chunks with those longer than two seconds cut, so that tracks sent apart stay within the service's five."""
    most = 2 * RATE_HZ * 4
    cut = [
        Chunk(c.call_id, c.first_sample + start // 4, c.data[start : start + most], c.channel)
        for c in chunks
        for start in range(0, len(c.data), most)
    ]
    return sorted(cut, key=lambda c: c.first_sample)


async def test_uploading_equals_the_direct_analysis(
    address: str, samples: NDArray[np.float32], direct: tuple[CallAnalysis, list[CallAnalysis]]
) -> None:
    async with AnalysisClient(address) as client:
        result = await client.analyze_recording(samples.tobytes(), call_id="x", raw=("f32", RATE_HZ, 2), codec="mulaw", timeout_s=TIMEOUT_S)
    analysis = result.analysis
    assert to_json(analysis) == to_json(direct[0])
    assert analysis == direct[0]


async def test_other_rates_and_one_channel_too(address: str, samples: NDArray[np.float32], bundle: Bundle) -> None:
    """44.1 kHz goes through the streaming resampler, 16 kHz through the wide analysis."""
    for rate_hz in (16_000, 44_100):
        audio = AudioFormat(rate_hz, 1, "f32")
        mono = samples[: 3 * rate_hz, :1]
        analyzer = CallAnalyzer("x", audio, None, bundle, AnalysisOptions(seed=5))
        analyzer.feed(mono)
        expected = analyzer.finish()
        async with AnalysisClient(address) as client, client.stream() as stream:
            await stream.start("x", encoding="f32", sample_rate_hz=rate_hz, channels=1, caller_channel=None, options={"seed": 5})
            for first in range(0, len(mono), 777):
                await stream.send([Chunk("x", first, mono[first : first + 777].tobytes())])
            await stream.end("x")
            updates = await rest_of(stream)
            uploaded = await client.analyze_recording(mono.tobytes(), call_id="x", raw=("f32", rate_hz, 1), caller_channel=None, seed=5)
        assert isinstance(updates[-1], Final)
        assert updates[-1].analysis == expected == uploaded.analysis


@pytest.mark.parametrize("seconds", [0.0, 0.001, 3.0])
async def test_poor_calls_have_normal_answers(address: str, seconds: float) -> None:
    """Nothing, almost nothing, and digital silence."""
    data = np.zeros((round(seconds * RATE_HZ), 2), "<f4").tobytes()
    async with AnalysisClient(address) as client, client.stream() as stream:
        await stream.start("x", encoding="f32", sample_rate_hz=RATE_HZ, channels=2)
        await stream.send([Chunk("x", 0, data)])
        updates = await rest_of(stream)
        uploaded = (await client.analyze_recording(data, call_id="x", raw=("f32", RATE_HZ, 2))).analysis
    assert isinstance(updates[-1], Final)
    assert updates[-1].analysis == uploaded
    assert uploaded.style.label == "undetermined"
    assert uploaded.call.duration_s == seconds
