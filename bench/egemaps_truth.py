"""Who is nearer the truth, where our eGeMAPS and opensmile's differ: steady synthetic vowels with known formants, jitter, shimmer and
H1-H2.

    python -m bench.egemaps_truth [--vowels N]

One pulse per period through a cascade of formants (Klatt 1980), 2 s, F0 90-240 Hz, period SD 0.2-1.5 %, level SD 0.05-0.8 dB, then
rounded to 16 bits.
"Telephone" is 300-3400 Hz with white noise at 20 dB. Rows: ours given the true mean F0, ours with
the core's F0, opensmile's eGeMAPSv02, Praat (Burg formants, pulses by
cross-correlation). Figures: Pearson r with the truth over the vowels, and the median absolute error in the unit given.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import parselmouth
from parselmouth.praat import call
from scipy.signal import butter, lfilter, sosfilt

from bench.egemaps_agreement import Smile, core_f0_hz
from tests.reference.egemaps import harmonics, names, windows
from tests.reference.egemaps.descriptors import describe
from tests.reference.egemaps.functionals import functionals
from tests.reference.egemaps.windows import Float

DURATION_S = 2.0
OVERSAMPLING = 6
BANDWIDTHS_HZ = (60.0, 90.0, 130.0, 180.0, 250.0)
SNR_DB = 20.0


@dataclass(frozen=True)
class Vowel:
    """A vowel and what is true of it."""

    samples: Float
    rate_hz: int
    f0_hz: float
    formants_hz: tuple[float, float, float]
    jitter: float
    shimmer_db: float
    h1_h2_db: float


def make(rng: np.random.Generator, rate_hz: int, telephone: bool) -> Vowel:
    """One vowel, drawn at random."""
    f0 = float(np.exp(rng.uniform(np.log(90), np.log(240))))
    f1 = rng.uniform(300, 850)
    f2 = rng.uniform(max(f1 + 400, 800), 2300)
    f3 = rng.uniform(max(f2 + 400, 2300), 3100)
    formants = (f1, f2, f3, f3 + 1000, f3 + 2000)
    fine = rate_hz * OVERSAMPLING
    count = int(DURATION_S * f0 * 1.2)
    period = (1 + rng.uniform(0.002, 0.015) * rng.standard_normal(count)) / f0
    level = 10 ** (rng.uniform(0.05, 0.8) * rng.standard_normal(count) / 20)
    onset = np.cumsum(period) - period[0]
    used = onset < DURATION_S - 2 / fine
    source = np.zeros(int(DURATION_S * fine))
    source[np.round(onset[used] * fine).astype(int)] = level[used]
    numerator, denominators = _tract(formants, rng.uniform(200, 2000), fine)
    y = source
    for d in denominators:
        y = lfilter(numerator, d, y)
    x = _decimate(y)
    x = _channel(rng, x, rate_hz) if telephone else x
    x = np.trunc(0.5 * x / np.abs(x).max() * 32767) / 32768
    relative = np.abs(np.diff(period[used]))
    pairs = np.abs(20 * np.log10(level[used][1:] / level[used][:-1]))
    gain = [np.prod([abs(1 / np.polyval(d[::-1], np.exp(-2j * np.pi * m * f0 / fine))) for d in denominators]) for m in (1, 2)]
    h1_h2 = 20 * np.log10(gain[0] / gain[1])
    return Vowel(x, rate_hz, f0, (f1, f2, f3), float(relative.mean() / period[used].mean()), float(pairs.mean()), float(h1_h2))


def _tract(formants: tuple[float, ...], tilt_hz: float, rate_hz: int) -> tuple[list[float], list[Float]]:
    denominators = [np.array([1, -np.exp(-2 * np.pi * tilt_hz / rate_hz)])]
    for f, b in zip(formants, BANDWIDTHS_HZ, strict=True):
        r = np.exp(-np.pi * b / rate_hz)
        denominators.append(np.array([1, -2 * r * np.cos(2 * np.pi * f / rate_hz), r * r]))
    return [1.0], denominators


def _decimate(y: Float) -> Float:
    sos = butter(10, 0.9 / OVERSAMPLING, output="sos")
    return np.asarray(sosfilt(sos, y))[::OVERSAMPLING]


def _channel(rng: np.random.Generator, x: Float, rate_hz: int) -> Float:
    band = sosfilt(butter(4, (300, 3400), "bandpass", fs=rate_hz, output="sos"), x)
    return np.asarray(band + rng.standard_normal(len(x)) * np.sqrt(np.mean(band**2)) * 10 ** (-SNR_DB / 20))


def ours(v: Vowel, f0: Float) -> list[float]:
    """F0, F1-F3, jitter, shimmer, H1-H2 by the reference, given the F0 of each frame."""
    d = describe(v.samples, f0, v.rate_hz)
    f = functionals(d)
    spectra = windows.long_magnitudes(v.samples, v.rate_hz)
    h = harmonics.true_h1_h2_db(spectra, f0[: len(spectra)], v.rate_hz)
    return [*_shared(f), float(h[h != 0].mean()) if (h != 0).any() else np.nan]


def theirs(v: Vowel, smile: Smile) -> list[float]:
    """The same by opensmile."""
    f = dict(zip(names.FUNCTIONAL_NAMES, smile.functionals(v.samples, v.rate_hz), strict=True))
    return [*_shared(f), f["logRelF0-H1-H2_sma3nz_amean"]]


def _shared(f: dict[str, float]) -> list[float]:
    keys = ("F0semitoneFrom27.5Hz", "F1frequency", "F2frequency", "F3frequency", "jitterLocal", "shimmerLocaldB")
    return [f[f"{k}_sma3nz_amean"] for k in keys]


def praat(v: Vowel) -> list[float]:
    """The same by Praat; no H1-H2."""
    sound = parselmouth.Sound(v.samples, v.rate_hz)
    ceiling = min(5500.0, v.rate_hz / 2)
    track = sound.to_formant_burg(max_number_of_formants=4 if ceiling < 5000 else 5, maximum_formant=ceiling)
    times = np.arange(0.1, DURATION_S - 0.1, 0.01)
    formants = [float(np.nanmean([track.get_value_at_time(k, t) for t in times])) for k in (1, 2, 3)]
    pulses = call([sound, sound.to_pitch(pitch_floor=75, pitch_ceiling=300)], "To PointProcess (cc)")
    jitter = call(pulses, "Get jitter (local)", 0, 0, 0.0001, 0.02, 1.3)
    shimmer = call([sound, pulses], "Get shimmer (local_dB)", 0, 0, 0.0001, 0.02, 1.3, 1.6)
    pitch = sound.to_pitch_ac(pitch_floor=75, pitch_ceiling=500).selected_array["frequency"]
    return [float(np.mean(12 * np.log2(pitch[pitch > 0] / 27.5))), *formants, jitter, shimmer, np.nan]


def main(argv: list[str] | None = None) -> None:
    """Print one table per condition."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vowels", type=int, default=30)
    args = parser.parse_args(argv)
    smile = Smile()
    units = ("F0 st", "F1 Hz", "F2 Hz", "F3 Hz", "jitter %", "shimmer dB", "H1-H2 dB")
    scale = np.array([1, 1, 1, 1, 100, 1, 1])
    for rate_hz, telephone in ((16000, False), (8000, False), (8000, True)):
        rng = np.random.default_rng(16)
        vowels = [make(rng, rate_hz, telephone) for _ in range(args.vowels)]
        truth = np.array([[12 * np.log2(v.f0_hz / 27.5), *v.formants_hz, v.jitter, v.shimmer_db, v.h1_h2_db] for v in vowels]) * scale
        print(f"\n{rate_hz} Hz{', telephone' if telephone else ''}: {len(vowels)} vowels, median |error| and r with the truth")
        print(f"{'':10s}" + "".join(f"{u:>18s}" for u in units))
        for name, measured in (
            ("true F0", [ours(v, np.full(len(v.samples) * 100 // rate_hz, v.f0_hz)) for v in vowels]),
            ("core F0", [ours(v, core_f0_hz(v.samples, v.rate_hz)) for v in vowels]),
            ("opensmile", [theirs(v, smile) for v in vowels]),
            ("Praat", [praat(v) for v in vowels]),
        ):
            m = np.array(measured) * scale
            cells = []
            for k in range(len(units)):
                ok = np.isfinite(m[:, k])
                if ok.sum() <= 2:
                    cells.append(f"{'-':>18s}")
                    continue
                error, r = np.median(np.abs(m[ok, k] - truth[ok, k])), np.corrcoef(m[ok, k], truth[ok, k])[0, 1]
                cells.append(f"{error:10.2f} {r:7.2f}")
            print(f"{name:10s}" + "".join(cells))


if __name__ == "__main__":
    main()
