"""Syllable nuclei: closed form on modulated contours and tones, and synthetic speech with counted syllables."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.syllables import SENTENCES, count, speak, telephone
from simpatico.features import syllable_nuclei

VOICED = 120.0


def contour(peaks: int, dip_db: float, period: int = 20) -> NDArray[np.float64]:
    """A level that swings ``peaks`` times between -20 dBFS and ``dip_db`` below."""
    t = np.arange(peaks * period)
    return -20.0 - dip_db * 0.5 * (1.0 + np.cos(2.0 * np.pi * t / period))


@pytest.mark.parametrize("peaks", [1, 2, 5, 20])
def test_one_nucleus_per_swing(peaks: int) -> None:
    level = contour(peaks, 12.0)
    nuclei = syllable_nuclei(level, np.full(len(level), VOICED))
    np.testing.assert_allclose(nuclei, 10 + 20 * np.arange(peaks), atol=1)


@pytest.mark.parametrize(("dip_db", "expected"), [(1.5, 1), (6.0, 8)])
def test_dips_of_less_than_two_db_do_not_part(dip_db: float, expected: int) -> None:
    """The smoothing over five frames takes a little off a dip: 6 dB of swing in 0.2 s remains well above 2."""
    level = contour(8, dip_db)
    assert len(syllable_nuclei(level, np.full(len(level), VOICED))) == expected


def test_a_shoulder_is_part_of_its_peak() -> None:
    """A dip of 1 dB on the way up starts no syllable of its own, and the nucleus is the top, not the shoulder."""
    level = np.concatenate((np.linspace(-40, -30, 10), np.linspace(-30, -31.5, 6), np.linspace(-31.5, -20, 10), np.linspace(-20, -40, 12)))
    np.testing.assert_allclose(syllable_nuclei(level, np.full(len(level), VOICED)), [25], atol=1)


def test_unvoiced_peaks_do_not_count() -> None:
    level = contour(6, 12.0)
    f0_hz = np.where(np.arange(len(level)) // 20 % 2 == 0, VOICED, 0.0)
    assert len(syllable_nuclei(level, f0_hz)) == 3


def test_faint_peaks_do_not_count() -> None:
    level = contour(4, 12.0)
    level[40:] -= 30.0
    assert len(syllable_nuclei(level, np.full(len(level), VOICED))) == 2


@pytest.mark.parametrize("rate_hz", [2.0, 4.0, 6.0])
def test_modulated_voice(rate_hz: float) -> None:
    """Three seconds of a buzz of 120 Hz, amplitude modulated: as many nuclei as periods of the modulation."""
    t = np.arange(24000) / 8000.0
    buzz = sum(np.sin(2 * np.pi * 120.0 * k * t) / k for k in range(1, 20))
    samples = 0.1 * buzz * (0.55 - 0.45 * np.cos(2 * np.pi * rate_hz * t))
    assert count(samples.astype(np.float32)) == round(3 * rate_hz)


@given(st.integers(1, 12), st.floats(-40.0, 10.0))
def test_gain_changes_nothing(peaks: int, gain_db: float) -> None:
    level = contour(peaks, 10.0)
    f0_hz = np.full(len(level), VOICED)
    np.testing.assert_array_equal(syllable_nuclei(level, f0_hz), syllable_nuclei(level + gain_db, f0_hz))


def test_silence_and_nothing() -> None:
    assert len(syllable_nuclei(np.full(50, -120.0), np.zeros(50))) == 0
    assert len(syllable_nuclei(np.zeros(0), np.zeros(0))) == 0


@pytest.mark.reference
@pytest.mark.parametrize("line", [False, True])
def test_synthetic_speech(line: bool) -> None:
    """Counted by hand: within 10 % over twelve sentences of one voice (bench.syllables has the whole table: within 2 %)."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    voices = [speak(sentence, "en-gb+f2", 180) for sentence in SENTENCES]
    found = sum(count(telephone(voice, 0) if line else voice) for voice in voices)
    assert found == pytest.approx(sum(SENTENCES.values()), rel=0.10)


@pytest.mark.parametrize(("level", "f0_hz"), [(np.zeros(3), np.zeros(4)), (np.zeros((3, 1)), np.zeros((3, 1)))])
def test_malformed_input_is_refused(level: NDArray[np.float64], f0_hz: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match=r"vectors of one length, got shapes \(3"):
        syllable_nuclei(level, f0_hz)
