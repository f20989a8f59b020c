"""A telephone line: band-pass, level, noise, stretches of digital zero, mu-law. One track at a time, seeded.

The filter is of linear phase and centred, so that nothing moves in time.
"""

from __future__ import annotations

import io

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from audio_samples.scripts import Party
from audio_samples.synthesis import RATE_HZ

__all__ = ["LINE_RATE_HZ", "through_mulaw", "through_telephone"]

LINE_RATE_HZ = 8_000
_BAND_HZ = (300.0, 3400.0)
"""The telephone channel of ITU-T G.712."""
_TAPS = 511
_HANG_OVER_S = 0.3
"""Silence suppression lets noise through for so long around speech."""
_SUPPRESSED_FROM_S = 1.0
_CONNECTED_S = 0.25
"""A track that is connected late begins this long before its first word."""


def through_telephone(
    clean: NDArray[np.float64], speech: list[tuple[float, float]], party: Party, rng: np.random.Generator
) -> NDArray[np.int16]:
    """Send one clean track at espeak-ng's rate down the line.

    Parameters
    ----------
    clean
        float64 [n] at 22050 Hz, silent where nobody speaks.
    speech
        Start and end of its speech, seconds.

    Returns
    -------
    int16 [m]
        At 8000 Hz, every value one that mu-law has.
    """
    band = _band_pass()
    track = np.convolve(soxr.resample(clean, RATE_HZ, LINE_RATE_HZ, quality="VHQ"), band, mode="same")
    spoken = np.zeros(len(track), bool)
    for start_s, end_s in speech:
        spoken[round(start_s * LINE_RATE_HZ) : round(end_s * LINE_RATE_HZ)] = True
    level = 10.0 ** (party.level_dbfs / 20.0)
    track *= level / np.sqrt(np.mean(track[spoken] ** 2))
    noise = np.convolve(rng.standard_normal(len(track) + _TAPS), band, mode="same")[: len(track)]
    track += noise * (level * 10.0 ** (-party.snr_db / 20.0) / np.std(noise))
    track[_zeros(spoken, party.zeros)] = 0.0
    return through_mulaw(track)


def through_mulaw(track: NDArray[np.float64]) -> NDArray[np.int16]:
    """Encode and decode; what exceeds full scale is clipped."""
    coded = io.BytesIO()
    soundfile.write(coded, np.clip(track, -1.0, 1.0), LINE_RATE_HZ, format="WAV", subtype="ULAW")
    coded.seek(0)
    return np.asarray(soundfile.read(coded, dtype="int16")[0])


def _band_pass() -> NDArray[np.float64]:
    """Windowed-sinc band-pass (Hamming), linear phase."""
    at = np.arange(_TAPS) - _TAPS // 2
    low, high = (2.0 * edge / LINE_RATE_HZ for edge in _BAND_HZ)
    return np.asarray((high * np.sinc(high * at) - low * np.sinc(low * at)) * np.hamming(_TAPS))


def _zeros(spoken: NDArray[np.bool_], zeros: str) -> NDArray[np.bool_]:
    """Which samples are digital zero."""
    silent = np.zeros(len(spoken), bool)
    first = int(np.argmax(spoken))
    if zeros in {"start", "both"}:
        silent[: max(first - round(_CONNECTED_S * LINE_RATE_HZ), 0)] = True
    if zeros in {"silences", "both"}:
        edges = np.flatnonzero(np.diff(np.concatenate(([True], spoken, [True])).astype(np.int8)))
        hang = round(_HANG_OVER_S * LINE_RATE_HZ)
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            if end - start >= _SUPPRESSED_FROM_S * LINE_RATE_HZ:
                silent[start + hang : end - hang] = True
    return silent
