"""One result by every way in: the library, an upload, a live stream; on sample calls and on real ones, whatever the chunks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from simpatico.analysis import AnalysisOptions, CallAnalyzer
from simpatico.audio import read_call
from simpatico.client import AnalysisClient, Chunk, Final
from simpatico.reports import to_document
from simpatico.server.app import Application
from tests.server.running import settings_with

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.harper_valley import RealCall
    from simpatico.style import Bundle
    from tests.conftest import SampleCall


@pytest.fixture
async def client() -> AsyncIterator[AnalysisClient]:
    """Return a client of a service of this process, with the shipped bundle and the real analysis."""
    application = Application(settings_with())
    address = await application.start()
    try:
        async with AnalysisClient(address) as client:
            yield client
    finally:
        await application.stop()


def by_library(path: Path, bundle: Bundle, call_id: str) -> dict[str, Any]:
    call = read_call(path)
    analyzer = CallAnalyzer(call_id, call.format, call.caller_channel, bundle, AnalysisOptions(interim_period_s=None))
    analyzer.feed(call.samples)
    return to_document(analyzer.finish())


async def by_upload(client: AnalysisClient, path: Path, call_id: str) -> dict[str, Any]:
    return to_document((await client.analyze_recording(path, call_id=call_id)).analysis)


async def by_stream(client: AnalysisClient, path: Path, call_id: str, chunk: int) -> dict[str, Any]:
    call = read_call(path)
    async with client.stream() as stream:
        audio = call.format
        await stream.start(
            call_id,
            encoding="f32",
            sample_rate_hz=audio.sample_rate_hz,
            channels=audio.channels,
            codec=audio.codec,
            caller_channel=call.caller_channel,
        )
        for first in range(0, len(call.samples), chunk):
            piece = np.ascontiguousarray(call.samples[first : first + chunk], "<f4")
            await stream.send([Chunk(call_id, first, piece.tobytes())])
        await stream.end(call_id)
        async for update in stream:
            if isinstance(update, Final):
                return to_document(update.analysis)
    raise AssertionError("the stream ended without a final")


@pytest.mark.parametrize("chunk", [1601, 80_000])
async def test_every_way_in_gives_the_same_result_on_sample_calls(
    client: AnalysisClient, bundle: Bundle, sample_calls: list[SampleCall], chunk: int
) -> None:
    for sample in sample_calls[:2]:
        expected = by_library(sample.path, bundle, sample.name)
        assert expected["utterances"]
        assert await by_upload(client, sample.path, sample.name) == expected
        assert await by_stream(client, sample.path, sample.name, chunk) == expected


async def test_chunks_of_one_sample_give_the_same_result(
    client: AnalysisClient, bundle: Bundle, sample_calls: list[SampleCall], tmp_path: Path
) -> None:
    short = tmp_path / "short.wav"
    soundfile.write(short, sample_calls[0].samples[8000:12000], 8000, subtype="PCM_16")
    assert await by_stream(client, short, "short", 1) == by_library(short, bundle, "short")


@pytest.mark.calls
async def test_every_way_in_gives_the_same_result_on_real_calls(
    client: AnalysisClient, bundle: Bundle, harper_valley: list[RealCall]
) -> None:
    for call in harper_valley[:3]:
        expected = by_library(call.path, bundle, call.call_id)
        assert expected["style"]["evidence_s"] > 3.0
        assert await by_upload(client, call.path, call.call_id) == expected
        assert await by_stream(client, call.path, call.call_id, 800) == expected
