"""Writes ``tables.inc``: the constant tables of the core, beside the formulas that made them.

Run as ``python service/core/tables/generate.py`` after changing a formula; a test compares the file with what this script would write. Only
``math`` is used, and values are printed with nine digits, so that every machine gets the same float32 numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path

FFT_MAX = 512
TWIDDLES = 1024
"""Points of the longest real transform: 60 ms at 16 kHz."""
PITCH_RATE_HZ = 8000
PITCH_WINDOW = 384
"""48 ms at 8 kHz: 2.9 periods of 60 Hz. Over 512 points the circular autocorrelation wraps only where the window is small."""
PITCH_LAGS = 160
"""Lags 0..159 at 8 kHz, enough for 50 Hz."""
LAG_WEIGHT_POWER = 0.95
"""The window's own autocorrelation is not quite divided out, so that rounding never makes two periods look better than one."""
SPECTRUM_WINDOW_S = 0.020
MEL_BANDS = 26
MEL_LOW_HZ = 20.0
MEL_HIGH_HZ = 8000.0
FORMANT_CEILINGS_HZ = {8000: (4000.0, 8), 16000: (5500.0, 11)}
"""Per rate: the highest frequency that the formants' linear prediction sees, and its order."""
FORMANT_PRE_EMPHASIS_HZ = 50.0
SPECTRUM_BIN_HZ = 31.25
DECIMATOR_TAPS = 47
"""Half-band FIR for 16 to 8 kHz: within 0.1 dB up to 3.4 kHz, at least 60 dB down from 4.6 kHz."""


def hann(n: int) -> list[float]:
    """Hann window sampled at bin centres, so that it is symmetric about the middle of the frame."""
    return [0.5 - 0.5 * math.cos(2 * math.pi * (i + 0.5) / n) for i in range(n)]


def hamming(n: int) -> list[float]:
    """Hamming window, symmetric about the middle of the frame."""
    return [0.54 - 0.46 * math.cos(2 * math.pi * (i + 0.5) / n) for i in range(n)]


def window_lag_weights(window: list[float], lags: int, exponent: float) -> list[float]:
    """1 / r_w of Boersma (1993), eq. 9: the inverse transform of ``|W|**(2 * exponent)``, normalised to 1 at lag 0."""
    n = FFT_MAX
    spectrum = []
    for k in range(n // 2 + 1):
        re = sum(w * math.cos(2 * math.pi * k * i / n) for i, w in enumerate(window))
        im = sum(w * math.sin(2 * math.pi * k * i / n) for i, w in enumerate(window))
        spectrum.append((re * re + im * im) ** exponent)

    def value(lag: int) -> float:
        inner = sum(2 * s * math.cos(2 * math.pi * k * lag / n) for k, s in enumerate(spectrum[1:-1], start=1))
        return spectrum[0] + spectrum[-1] * math.cos(math.pi * lag) + inner

    zero = value(0)
    return [zero / value(lag) for lag in range(lags)]


def digit_reversal(size: int) -> list[int]:
    """Where input ``i`` of a decimation-in-time transform goes: radix 4, with one radix-2 stage first when the size is 2 * 4**k."""
    positions = [0] * size

    def place(first: int, step: int, count: int, at: int) -> None:
        if count == 1:
            positions[first] = at
            return
        radix = 2 if count == 2 else 4
        for r in range(radix):
            place(first + r * step, step * radix, count // radix, at + r * (count // radix))

    place(0, 1, size, 0)
    return positions


def mel(hz: float) -> float:
    """Mel scale of O'Shaughnessy (1987), as used by PLP and MFCC front ends."""
    return 1127.0 * math.log(1.0 + hz / 700.0)


def mel_inverse(value: float) -> float:
    """Hz of a mel value."""
    return 700.0 * (math.exp(value / 1127.0) - 1.0)


def mel_bins(rate_hz: int, fft: int) -> tuple[list[int], list[float], list[float]]:
    """Triangular filters: per bin the band on whose rising slope it lies (0..MEL_BANDS, or -1) and its weight there; band centres in Hz."""
    low, high = mel(MEL_LOW_HZ), mel(min(MEL_HIGH_HZ, rate_hz / 2))
    edges = [low + (high - low) * i / (MEL_BANDS + 1) for i in range(MEL_BANDS + 2)]
    band, weight = [], []
    for k in range(fft // 2 + 1):
        position = mel(k * rate_hz / fft)
        index = next((i for i in range(MEL_BANDS + 1) if edges[i] <= position < edges[i + 1]), -1)
        band.append(index)
        weight.append(0.0 if index < 0 else (position - edges[index]) / (edges[index + 1] - edges[index]))
    return band, weight, [mel_inverse(e) for e in edges[1:-1]]


def equal_loudness(hz: float) -> float:
    """Equal-loudness pre-emphasis for power: Hermansky (1990), eq. 13 with eq. 14's 18 dB per octave above 5 kHz."""
    w2 = (2 * math.pi * hz) ** 2
    return (w2 + 56.8e6) * w2 * w2 / ((w2 + 6.3e6) ** 2 * (w2 + 0.38e9) * (1.0 + w2 * w2 * w2 / 9.58e26))


def half_band(taps: int) -> list[float]:
    """Half-band low-pass: windowed sinc at a quarter of the sample rate, Kaiser window with beta 6 (60 dB), gain 1 at 0 Hz."""

    def bessel_i0(x: float) -> float:
        total, term, k = 1.0, 1.0, 1
        while term > 1e-12 * total:
            term *= (x / (2 * k)) ** 2
            total += term
            k += 1
        return total

    middle = (taps - 1) / 2
    beta = 6.0
    out = []
    for i in range(taps):
        t = i - middle
        sinc = 0.5 if t == 0 else math.sin(math.pi * t / 2) / (math.pi * t)
        out.append(sinc * bessel_i0(beta * math.sqrt(1 - (t / (middle + 1)) ** 2)) / bessel_i0(beta))
    total = sum(out)
    return [value / total for value in out]


def formant_weights(ceiling_hz: float) -> list[float]:
    """Pre-emphasis ``|1 - a exp(-i w)|**2`` of the power at bins of the long window up to the ceiling."""
    top = 2 * round(ceiling_hz / SPECTRUM_BIN_HZ)
    a = math.exp(-math.pi * FORMANT_PRE_EMPHASIS_HZ / ceiling_hz)
    return [1 + a * a - 2 * a * math.cos(math.pi * k / top) for k in range(top + 1)]


def formant_cosines(ceiling_hz: float, order: int) -> list[float]:
    """cos(pi n k / top) for lags n = 1 .. order, bin after bin, for bins k below the middle."""
    top = round(ceiling_hz / SPECTRUM_BIN_HZ)
    return [math.cos(math.pi * n * k / top) for k in range(top // 2) for n in range(1, order + 1)]


def floats(name: str, values: Iterable[float]) -> str:
    """One C array of float."""
    return array("float", name, [f"{value:.9g}" for value in values], lambda text: text + ("f" if "." in text or "e" in text else ".0f"))


def integers(kind: str, name: str, values: Iterable[int]) -> str:
    """One C array of an integer type."""
    return array(kind, name, [str(value) for value in values], lambda text: text)


def array(kind: str, name: str, texts: list[str], literal: Callable[[str], str]) -> str:
    """One C array, eight values a line."""
    rows = [", ".join(literal(text) for text in texts[i : i + 8]) for i in range(0, len(texts), 8)]
    return f"const {kind} {name}[{len(texts)}] = {{\n    " + ",\n    ".join(rows) + ",\n};\n"


def render() -> str:
    """The whole file."""
    window = hann(PITCH_WINDOW)
    parts = [
        "/* Generated by generate.py; do not edit. */\n",
        floats("prosody_cos1024", (math.cos(2 * math.pi * k / TWIDDLES) for k in range(TWIDDLES))),
        floats("prosody_sin1024", (math.sin(2 * math.pi * k / TWIDDLES) for k in range(TWIDDLES))),
        integers("uint16_t", "prosody_reversal128", digit_reversal(128)),
        integers("uint16_t", "prosody_reversal256", digit_reversal(256)),
        integers("uint16_t", "prosody_reversal512", digit_reversal(512)),
        floats("prosody_pitch_window", window),
        floats("prosody_pitch_lag_weight", (w**LAG_WEIGHT_POWER for w in window_lag_weights(window, PITCH_LAGS, 0.5))),
        floats("prosody_hnr_lag_weight", window_lag_weights(window, PITCH_LAGS, 1.0)),
        floats("prosody_half_band", half_band(DECIMATOR_TAPS)),
    ]
    for rate_hz, fft in ((8000, 256), (16000, 512)):
        band, weight, centres = mel_bins(rate_hz, fft)
        parts += [
            floats(f"prosody_spectrum_window{rate_hz}", hamming(round(SPECTRUM_WINDOW_S * rate_hz))),
            integers("int8_t", f"prosody_mel_band{rate_hz}", band),
            floats(f"prosody_mel_weight{rate_hz}", weight),
            floats(f"prosody_equal_loudness{rate_hz}", (equal_loudness(hz) for hz in centres)),
        ]
    for rate_hz, (ceiling_hz, order) in FORMANT_CEILINGS_HZ.items():
        parts += [
            floats(f"prosody_formant_weight{rate_hz}", formant_weights(ceiling_hz)),
            floats(f"prosody_formant_cosine{rate_hz}", formant_cosines(ceiling_hz, order)),
        ]
    return "".join(parts)


if __name__ == "__main__":
    Path(__file__).with_name("tables.inc").write_text(render(), encoding="ascii")
