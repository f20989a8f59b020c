"""What a recording lets one measure: quality of one channel, streaming, without I/O.

The meter is fed from two sides. ``update_samples`` takes the channel as it was decoded, before any resampling, which would blur exact zeros
and clipped peaks. ``update_speech`` takes the level and the speech flag of 10 ms frames, which come later, when the speech detector has
decided. Only integers are accumulated (counts and histograms), so the result is bit-identical for any cutting of either input. Memory is
that of the input that waits to be counted, 5 s at most, and two bytes per frame whose flag is still to come.

What is measured:

- *digital zero*: runs of one constant value of at most A-law's idle level, of 10 ms or more. Real telephone tracks are full of them.
- *clipped*: samples at full scale, and runs of three or more equal samples at or above mu-law's full scale. Peaks that were clipped and
  turned down are not seen.
- *SNR*: mean power of speech frames less the noise, against the median level of non-speech frames that are neither digital zero nor within
  100 ms of speech, where missed speech and the tails of a noise gate lie.
- *bandwidth*: "wide" when fricatives reach above the telephone band: speech frames whose power in 4.2-7 kHz is within 10 dB of that in
  0.3-3.4 kHz, above the noise of that band, and not buried 30 dB under the speech. Telephone speech stored at 16 kHz has none. A resampler
  without an image filter fakes them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simpatico.audio.formats import WIDE_RATE_HZ, check_rate_hz
from simpatico.audio.g711 import ALAW_IDLE, FULL_SCALE_I16, MULAW_PEAK
from simpatico.types import HOP_S, ChannelQuality, Measure, Reason, Role

__all__ = ["QualityMeter"]

_FRAMES_PER_S = round(1.0 / HOP_S)
_FULL_SCALE = float(np.float32((FULL_SCALE_I16 - 1.0) / FULL_SCALE_I16))
_FLAT_TOP = float(np.float32(MULAW_PEAK))
_IDLE_PEAK = float(np.float32(ALAW_IDLE))
_FLAT_RUN = 3
"""Equal samples that make a flat top: a 300 Hz tone of full amplitude at 8 kHz in 16 bits has at most two."""

_BATCH_S = 5.0
"""Input waits until there is this much of it, or until a result is asked for: NumPy costs per call, not per sample."""
_LEVEL_MIN_DB, _LEVEL_MAX_DB, _LEVEL_STEP_DB = -120.0, 50.0, 0.25
_LEVEL_BINS = round((_LEVEL_MAX_DB - _LEVEL_MIN_DB) / _LEVEL_STEP_DB)
_LEVEL_POWER = 10.0 ** ((_LEVEL_MIN_DB + (np.arange(_LEVEL_BINS) + 0.5) * _LEVEL_STEP_DB) / 10.0)
_LEVEL_POWER_SQUARED = _LEVEL_POWER**2
_SILENT_DB = -119.0
"""At or below this a frame is digital silence to the core (its floor is -120); the noise of 16 bits lies at -101."""
_GUARD_FRAMES = 10
"""100 ms on both sides of speech: the reach of a detector's errors at onsets and offsets."""
_REACH = np.ones(2 * _GUARD_FRAMES + 1, np.bool_)
_MIN_SPEECH_FRAMES = 50
_MIN_NOISE_FRAMES = 30
_CORRELATED_FRAMES = 20
"""Frames counted as one independent observation: speech and line noise keep their level for about a syllable, 0.2 s."""
_SNR_FLOOR_DB = -10.0
"""Given when speech frames hold no more power than noise frames: below this speech is not intelligible, nor detected."""

_LOW_BAND_HZ = (300.0, 3400.0)
_HIGH_BAND_HZ = (4200.0, 7000.0)
"""Above the telephone band and its filters' skirts, up to the edge of wide-band codecs (ITU-T G.722)."""
_HIGH_TO_LOW_DB = -10.0
_ABOVE_NOISE_DB = 6
_UNDER_SPEECH_DB = 30.0
_WIDE_SHARE = 0.01
"""Share of speech frames. Fricatives are about a tenth of speech; telephone speech at 16 kHz gave none."""
_MIN_BANDWIDTH_FRAMES = 300
"""3 s of speech hardly pass without a fricative."""
_HIGH_BINS = 180
"""1 dB bins of the high band's power, from -130 dB up."""
_HIGH_MIN_DB = -130.0
_IDLE, _FRICATIVE = -1, 1 << 8
"""Codes of a frame: idle, or the bin of its high band, plus a bit when that band is strong."""


@dataclass(frozen=True, slots=True)
class _Tallies:
    """Integer counts of frames: levels of speech and noise, and the power of the high band in fricatives and in noise."""

    speech_frames: int
    levels: NDArray[np.int64]
    highs: NDArray[np.int64]

    def __add__(self, other: _Tallies) -> _Tallies:
        return _Tallies(self.speech_frames + other.speech_frames, self.levels + other.levels, self.highs + other.highs)


_NO_TALLIES = _Tallies(0, np.zeros((2, _LEVEL_BINS), np.int64), np.zeros((2, _HIGH_BINS), np.int64))
_SPEECH, _NOISE = 0, 1


@dataclass(frozen=True, slots=True)
class _Frames:
    """Frames in time order: level in dBFS, speech flag, code."""

    level_db: NDArray[np.float32]
    speech: NDArray[np.bool_]
    code: NDArray[np.int16]

    def __getitem__(self, part: slice) -> _Frames:
        return _Frames(self.level_db[part], self.speech[part], self.code[part])

    def __len__(self) -> int:
        return len(self.level_db)

    def __add__(self, other: _Frames) -> _Frames:
        return _Frames(
            np.concatenate([self.level_db, other.level_db]),
            np.concatenate([self.speech, other.speech]),
            np.concatenate([self.code, other.code]),
        )


_NO_FRAMES = _Frames(np.zeros(0, np.float32), np.zeros(0, np.bool_), np.zeros(0, np.int16))


class QualityMeter:
    """Quality of one channel.

    Parameters
    ----------
    rate_hz
        Rate of the samples as they came in, 8000 to 192000.
    codec
        As declared by the sender or container.

    Raises
    ------
    AudioFormatError
        The rate is out of range.
    """

    def __init__(self, rate_hz: int, codec: str) -> None:
        self._rate_hz = check_rate_hz(rate_hz)
        self._wide = rate_hz >= WIDE_RATE_HZ
        self._codec = codec
        self._samples: list[NDArray[np.float32]] = []
        self._samples_taken = 0
        self._samples_waiting = 0
        self._flags: list[tuple[NDArray[np.float32], NDArray[np.bool_]]] = []
        self._frames_taken = 0
        self._frames_waiting = 0
        self._runs = _Runs(self._rate_hz // _FRAMES_PER_S)
        self._bands = _Bands(self._rate_hz)
        self._codes = np.empty(0, np.int16)
        self._recent = _NO_FRAMES
        self._undecided = 0
        self._tallies = _NO_TALLIES

    def update_samples(self, samples: NDArray[np.float32]) -> None:
        """Take samples [n], full scale 1."""
        self._samples.append(np.array(samples, np.float32))
        self._samples_taken += len(samples)
        self._samples_waiting += len(samples)
        if self._samples_waiting >= _BATCH_S * self._rate_hz:
            self._digest_samples()

    def update_speech(self, rms_dbfs: NDArray[np.float32], speech: NDArray[np.bool_]) -> None:
        """Take the level and the speech flag of the next frames, whose samples must have come before.

        Parameters
        ----------
        rms_dbfs
            float [m], dBFS, -120 for digital silence.
        speech
            bool [m].

        Raises
        ------
        ValueError
            The lengths differ, or the samples of these frames have not come yet.
        """
        count = len(rms_dbfs)
        if count != len(speech):
            raise ValueError(f"{count} levels but {len(speech)} speech flags: one of each per frame works")
        there = self._samples_taken * _FRAMES_PER_S // self._rate_hz - self._frames_taken
        if count > max(there + 1, 0):
            raise ValueError(f"{count} speech flags for {max(there, 0)} frames of samples: give the samples first")
        self._flags.append((np.array(rms_dbfs, np.float32), np.array(speech, np.bool_)))
        self._frames_taken += count
        self._frames_waiting += count
        if self._frames_waiting >= _BATCH_S * _FRAMES_PER_S:
            self._digest_samples()
            self._digest_flags()

    def result(self, role: Role) -> ChannelQuality:
        """Quality so far; may be asked for at any time and changes no later answer."""
        self._digest_samples()
        self._digest_flags()
        tallies = self._tallies + self._tally(self._recent, len(self._recent) - self._undecided, len(self._recent))
        total = self._samples_taken
        clipped, zeros = self._runs.counts()
        return ChannelQuality(
            role=role,
            duration_s=total / self._rate_hz,
            speech_s=tallies.speech_frames / _FRAMES_PER_S,
            snr_db=_snr(tallies),
            clipped_share=clipped / total if total else 0.0,
            digital_zero_share=zeros / total if total else 0.0,
            bandwidth=_bandwidth(tallies) if self._wide else "narrow",
            codec=self._codec,
        )

    def _digest_samples(self) -> None:
        """Count what is waiting. When this happens changes no count."""
        if not self._samples_waiting:
            return
        samples = np.concatenate(self._samples)
        self._samples.clear()
        self._samples_waiting = 0
        self._runs.update(samples)
        self._codes = np.concatenate([self._codes, self._bands.update(samples)])

    def _digest_flags(self) -> None:
        """Count the frames that are waiting, but for the last 100 ms, near which speech may still follow."""
        if not self._frames_waiting:
            return
        level_db, speech = (np.concatenate(parts) for parts in zip(*self._flags, strict=True))
        self._flags.clear()
        self._frames_waiting = 0
        first = len(self._recent) - self._undecided
        frames = self._recent + _Frames(level_db, speech, self._take_codes(len(speech)))
        last = max(len(frames) - _GUARD_FRAMES, first)
        self._tallies += self._tally(frames, first, last)
        self._undecided = len(frames) - last
        self._recent = frames[max(last - _GUARD_FRAMES, 0) :]

    def _tally(self, frames: _Frames, start: int, stop: int) -> _Tallies:
        """Count frames [start, stop); those around them only say what lies near speech."""
        if stop <= start:
            return _NO_TALLIES
        near_speech = np.convolve(frames.speech, _REACH)[_GUARD_FRAMES + start : _GUARD_FRAMES + stop]
        part = frames[start:stop]
        counted = (part.code != _IDLE) & (part.level_db > _SILENT_DB) & (part.speech | ~near_speech)
        kind = np.where(part.speech, _SPEECH, _NOISE)[counted]
        level = np.minimum(np.maximum((part.level_db[counted] - _LEVEL_MIN_DB) / _LEVEL_STEP_DB, 0), _LEVEL_BINS - 1).astype(np.int64)
        levels = np.bincount(level + kind * _LEVEL_BINS, minlength=2 * _LEVEL_BINS).reshape(2, -1)
        highs = _high_bands(part.code[counted], kind) if self._wide else _NO_TALLIES.highs
        return _Tallies(int(np.count_nonzero(part.speech)), levels, highs)

    def _take_codes(self, count: int) -> NDArray[np.int16]:
        """Codes of the next frames. Rounding of the resampled length may make one frame more than the samples did: it counts as idle."""
        codes, self._codes = self._codes[:count], self._codes[count:]
        return codes if len(codes) == count else np.append(codes, np.int16(_IDLE))


class _Runs:
    """Counts samples in runs of equal value: flat tops and digital zeros."""

    def __init__(self, zero_run: int) -> None:
        self._zero_run = zero_run
        self._value = math.nan
        self._length = 0
        self._clipped = 0
        self._zeros = 0

    def update(self, samples: NDArray[np.float32]) -> None:
        """Take samples, at least one."""
        edges = np.concatenate(((0,), (samples[1:] != samples[:-1]).nonzero()[0] + 1, (len(samples),)))
        lengths, values = edges[1:] - edges[:-1], samples[edges[:-1]]
        if values[0] == self._value:
            lengths[0] += self._length
        else:
            self._clipped, self._zeros = self.counts()
        clipped, zeros = self._shares(values[:-1], lengths[:-1])
        self._clipped += clipped
        self._zeros += zeros
        self._value, self._length = float(values[-1]), int(lengths[-1])

    def counts(self) -> tuple[int, int]:
        """Samples clipped and digital zero, with the run that is still going on."""
        size = abs(self._value)
        clipped = size >= _FULL_SCALE or (size >= _FLAT_TOP and self._length >= _FLAT_RUN)
        zero = size <= _IDLE_PEAK and self._length >= self._zero_run
        return self._clipped + clipped * self._length, self._zeros + zero * self._length

    def _shares(self, values: NDArray[np.float32], lengths: NDArray[np.int64]) -> tuple[int, int]:
        size = np.abs(values)
        loud, lasting = size >= _FLAT_TOP, lengths >= self._zero_run
        clipped = zeros = 0
        if loud.any():
            clipped = int(lengths[(size >= _FULL_SCALE) | (loud & (lengths >= _FLAT_RUN))].sum())
        if lasting.any():
            zeros = int(lengths[lasting & (size <= _IDLE_PEAK)].sum())
        return clipped, zeros


class _Bands:
    """Codes each 10 ms frame of samples: idle, or the power of its high band and whether that is strong beside the low band."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._width = rate_hz // _FRAMES_PER_S
        self._spectral = rate_hz >= WIDE_RATE_HZ
        # Hann, scaled so that the sum of the one-sided power is the mean square.
        window = np.hanning(self._width + 2)[1:-1]
        self._window = (window * math.sqrt(2.0 / (self._width * float(np.sum(window**2))))).astype(np.float32)
        hz = np.arange(self._width // 2 + 1) * (rate_hz / self._width)
        self._low, self._high = (slice(*np.searchsorted(hz, band)) for band in (_LOW_BAND_HZ, _HIGH_BAND_HZ))
        self._rest = np.empty(0, np.float32)
        self._frame = 0

    def update(self, samples: NDArray[np.float32]) -> NDArray[np.int16]:
        """Codes of the frames that are complete now. ``_rest`` begins at the first sample of frame ``_frame``."""
        if len(self._rest):
            samples = np.concatenate([self._rest, samples])
        origin = self._frame * self._rate_hz // _FRAMES_PER_S
        # Frame f begins at floor(f * rate / 100), so the last whole one is the last that begins a hop before the end.
        frames = (origin + len(samples)) * _FRAMES_PER_S // self._rate_hz - self._frame
        starts = np.arange(self._frame, self._frame + frames + 1) * self._rate_hz // _FRAMES_PER_S - origin
        self._frame += frames
        self._rest = samples[starts[-1] :].copy()
        if frames == 0:
            return np.empty(0, np.int16)
        if len(samples) - len(self._rest) == frames * self._width:  # no frame is longer than the others
            return self._coded(samples[: frames * self._width].reshape(frames, self._width))
        return self._coded(samples[starts[:-1, None] + np.arange(self._width)])

    def _coded(self, block: NDArray[np.float32]) -> NDArray[np.int16]:
        low, high = block.min(axis=1), block.max(axis=1)
        idle = (low == high) & (np.abs(low) <= _IDLE_PEAK)
        if not self._spectral:
            return np.where(idle, np.int16(_IDLE), np.int16(0))
        spectrum = np.fft.rfft(block * self._window, axis=1)
        bands = (spectrum[:, self._low], spectrum[:, self._high])
        low_db, high_db = (10.0 * np.log10((band.real**2 + band.imag**2).sum(axis=1) + 1e-20) for band in bands)
        code = np.clip(high_db - _HIGH_MIN_DB, 0, _HIGH_BINS - 1).astype(np.int16)
        code += np.where(high_db - low_db > _HIGH_TO_LOW_DB, np.int16(_FRICATIVE), np.int16(0))
        return np.where(idle, np.int16(_IDLE), code)


def _high_bands(code: NDArray[np.int16], kind: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count by what lies in the high band, for fricatives and for noise."""
    told = (kind == _NOISE) | (code >= _FRICATIVE)
    high = (code[told] & (_FRICATIVE - 1)) + kind[told] * _HIGH_BINS
    return np.bincount(high, minlength=2 * _HIGH_BINS).reshape(2, -1)


def _power(level: NDArray[np.int64], count: int) -> tuple[float, float]:
    """Mean power of a level histogram, and its standard error in dB."""
    mean = float(level @ _LEVEL_POWER) / count
    variance = max(float(level @ _LEVEL_POWER_SQUARED) / count - mean**2, 0.0)
    return mean, 10.0 / math.log(10.0) * math.sqrt(variance * _CORRELATED_FRAMES / count) / mean


def _quantiles_db(level: NDArray[np.int64], *shares: float) -> list[float]:
    """Quantiles of a level histogram, dB, interpolated inside their bins."""
    below = np.cumsum(level)
    total = int(below[-1])
    found = []
    for share in shares:
        index = int(below.searchsorted(share * total))
        inside = (share * total - float(below[index] - level[index])) / float(level[index])
        found.append(_LEVEL_MIN_DB + (index + inside) * _LEVEL_STEP_DB)
    return found


def _snr(tallies: _Tallies) -> Measure:
    """SNR in dB, or why there is none."""
    evidence_s = tallies.speech_frames / _FRAMES_PER_S
    speech_frames, noise_frames = tallies.levels.sum(axis=1).tolist()
    if tallies.speech_frames == 0:
        return Measure.missing(Reason.NO_SPEECH)
    if speech_frames < _MIN_SPEECH_FRAMES:
        return Measure.missing(Reason.TOO_LITTLE_SPEECH, evidence_s)
    if noise_frames < _MIN_NOISE_FRAMES:
        return Measure.missing(Reason.NOISE_UNKNOWN, evidence_s)
    total, total_se_db = _power(tallies.levels[_SPEECH], speech_frames)
    quartile_db, noise_db, upper_quartile_db = _quantiles_db(tallies.levels[_NOISE], 0.25, 0.5, 0.75)
    noise = 10.0 ** (noise_db / 10.0)
    speech = total - noise
    if speech <= noise * 10.0 ** (_SNR_FLOOR_DB / 10.0):
        return Measure(_SNR_FLOOR_DB, None, evidence_s)
    # A median's standard error is 1.2533 times a mean's; the interquartile range is 1.349 standard deviations (normal levels).
    spread_db = (upper_quartile_db - quartile_db) / 1.349
    noise_se_db = 1.2533 * spread_db * math.sqrt(_CORRELATED_FRAMES / noise_frames)
    return Measure(10.0 * math.log10(speech / noise), total / speech * math.hypot(total_se_db, noise_se_db), evidence_s)


def _bandwidth(tallies: _Tallies) -> str:
    """Whether the speech reaches above the telephone band."""
    level, high = tallies.levels[_SPEECH], tallies.highs
    frames = int(level.sum())
    if frames < _MIN_BANDWIDTH_FRAMES:
        return "unknown"
    floor = int(10.0 * math.log10(_power(level, frames)[0]) - _UNDER_SPEECH_DB - _HIGH_MIN_DB)
    if high[_NOISE].any():
        below = np.cumsum(high[_NOISE])
        floor = max(floor, int(np.searchsorted(below, below[-1] / 2)) + _ABOVE_NOISE_DB)
    share = int(high[_SPEECH, min(floor, _HIGH_BINS) :].sum()) / frames
    return "wide" if share >= _WIDE_SHARE else "narrow"
