"""Functionals of a segment of a long stream against those of the audio cut out there, and against the reference on the core's own rows.

The short-window descriptors of a row see nothing but its own 20 ms, so what rests on them alone is the same to the last bit. Whether a row
is voiced, and at which F0, the pitch tracker decides with the frames around it and the level of the stream so far: a few rows near its
threshold may fall otherwise when the stream begins at the cut, and the figures that go by voicing move a little with them. The chain of
periods behind jitter and shimmer starts in each voiced stretch, and so does what formants remember: they differ in a stretch that the cut
divides.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import soundfile
import soxr

from simpatico.core import FUNCTIONAL_NAMES, FrameExtractor, Functionals
from tests.core.rows_reference import F0, FLUX, SQUARE, assert_equals_reference, measured

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

CALLS = sorted(p for p in (Path(__file__).parents[2] / "audio_samples").iterdir() if p.suffix in {".wav", ".flac"})
LENGTH, STEP, FIRST = 1000, 700, 137
"""Rows of a segment (10 s), rows from one to the next, first row of the first."""
LONG = LENGTH - 6
"""Long frames of a segment."""
BY_STRETCH = [11, 12, *range(15, 25)]
"""Jitter and shimmer; H1-A3 and all of formants."""
SHORT_ONLY = [i for i, n in enumerate(FUNCTIONAL_NAMES) if n.startswith(("loudness", "spectralFlux_", "equivalent"))] + [
    i for i, n in enumerate(FUNCTIONAL_NAMES) if n.startswith("mfcc") and "V" not in n
]
NOT_BY_STRETCH = [i for i, n in enumerate(FUNCTIONAL_NAMES) if not n.startswith(("jitter", "shimmer", "F1", "F2", "F3", "logRelF0-H1-A3"))]


class Segment(NamedTuple):
    """Rows of a segment as the whole stream gives them, and as the cut-out audio does."""

    within: Rows
    alone: Rows

    def tracked_alike(self) -> bool:
        return np.array_equal(self.within[:LONG, F0], self.alone[:LONG, F0])


def stream_rows(samples: Rows, rate_hz: int) -> Rows:
    extractor = FrameExtractor(rate_hz, sets=("egemaps",))
    return np.vstack([extractor.push(samples), extractor.finish()])


@cache
def segments(rate_hz: int) -> tuple[Segment, ...]:
    """10 s each of both channels of the sample calls; at 16 kHz of one call, resampled."""
    found = []
    for path in CALLS[: None if rate_hz == 8000 else 1]:
        recording, recorded_hz = soundfile.read(path, dtype="float32", always_2d=True)
        for channel in recording.T:
            samples = np.ascontiguousarray(soxr.resample(channel, recorded_hz, rate_hz), dtype=np.float32)
            rows, hop = stream_rows(samples, rate_hz), rate_hz // 100
            for first in range(FIRST, len(rows) - LENGTH, STEP):
                alone = stream_rows(samples[first * hop : (first + LENGTH) * hop], rate_hz)
                found.append(Segment(rows[first : first + LENGTH], alone))
    return tuple(found)


@pytest.mark.parametrize("rate_hz", [8000, 16000])
def test_short_windows_are_the_same_to_the_last_bit(rate_hz: int) -> None:
    for segment in segments(rate_hz):
        short = segment.within[: LENGTH - 1, [*range(F0), SQUARE]].copy()
        short[0, FLUX] = 0
        assert np.array_equal(short, segment.alone[: LENGTH - 1, [*range(F0), SQUARE]])
        assert np.array_equal(measured(segment.within)[SHORT_ONLY], measured(segment.alone)[SHORT_ONLY])


@pytest.mark.parametrize(("rate_hz", "least_share"), [(8000, 0.5), (16000, 0.25)])
def test_what_the_tracker_hears_alike_is_alike(rate_hz: int, least_share: float) -> None:
    alike = [s for s in segments(rate_hz) if s.tracked_alike()]
    assert len(alike) >= least_share * len(segments(rate_hz))
    for within, alone in alike:
        assert np.array_equal(measured(within)[NOT_BY_STRETCH], measured(alone)[NOT_BY_STRETCH])
        voiced = within[:LONG, F0] != 0
        after_first_stretch = int(np.argmin(voiced)) if not voiced.all() else LONG
        assert np.array_equal(within[after_first_stretch:LONG, BY_STRETCH], alone[after_first_stretch:LONG, BY_STRETCH])


@pytest.mark.parametrize("rate_hz", [8000, 16000])
def test_the_tracker_seldom_hears_otherwise(rate_hz: int) -> None:
    differ = np.array([(s.within[:LONG, F0] != s.alone[:LONG, F0]).mean() for s in segments(rate_hz)])
    assert differ.max() <= 0.02
    assert differ.mean() <= 0.003


def test_figures_of_segments_differ_little() -> None:
    """Differences in units of the standard deviation over the segments: what a model that takes standardised figures would see."""
    within = np.array([measured(s.within) for s in segments(8000)])
    alone = np.array([measured(s.alone) for s in segments(8000)])
    differ = np.abs(within - alone) / np.maximum(within.std(0), 1e-9)
    assert np.median(differ, axis=0).max() == 0
    assert differ.mean(0).max() <= 0.07  # SD of bandwidths, which move little but at the beginning of a stretch
    assert differ.mean() <= 0.01


@pytest.mark.parametrize("rate_hz", [8000, 16000])
def test_rows_of_the_core_give_the_figures_of_the_reference(rate_hz: int) -> None:
    for segment in segments(rate_hz):
        assert_equals_reference(segment.within)


def test_signals_and_egemaps_side_by_side() -> None:
    samples = soundfile.read(CALLS[0], dtype="float32", always_2d=True)[0][:80_000, 0]
    extractor = FrameExtractor(8000, sets=("signals", "egemaps"))
    both, f = np.vstack([extractor.push(np.ascontiguousarray(samples)), extractor.finish()]), Functionals()
    f.add(both[:, -26:])
    assert f.read().tobytes() == measured(stream_rows(np.ascontiguousarray(samples), 8000)).tobytes()
