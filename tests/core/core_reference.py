"""A slow NumPy reading of the definitions, independent of the C core and its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DF_HZ = 31.25


def power_spectra(x: NDArray[np.float32], rate_hz: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Power spectra [frames, bins] of 20 ms Hamming windows centred on 10 ms frames, and the windows' weighted mean squares [frames]."""
    hop = rate_hz // 100
    count = x.size // hop
    padded = np.concatenate([np.zeros(hop // 2), x.astype(np.float64), np.zeros(2 * hop)])
    n = np.arange(2 * hop)
    window = 0.54 - 0.46 * np.cos(2 * np.pi * (n + 0.5) / (2 * hop))
    frames = np.stack([padded[i * hop : i * hop + 2 * hop] for i in range(count)]) * window
    return np.abs(np.fft.rfft(frames, round(rate_hz / DF_HZ), axis=1)) ** 2, (frames**2).sum(1) / (window**2).sum()


def rms_dbfs(x: NDArray[np.float32], rate_hz: int) -> NDArray[np.float64]:
    """Level in dB below full scale."""
    return 10 * np.log10(np.maximum(power_spectra(x, rate_hz)[1], 1e-12))


def spectral_entropy(x: NDArray[np.float32], rate_hz: int) -> NDArray[np.float64]:
    """Entropy of the distribution of power over 31 to 4000 Hz, share of the maximum."""
    p = power_spectra(x, rate_hz)[0][:, 1:129]
    p = p / p.sum(1, keepdims=True)
    return -(p * np.log(p)).sum(1) / np.log(p.shape[1])


def alpha_ratio_db(x: NDArray[np.float32], rate_hz: int) -> NDArray[np.float64]:
    """Power in 1 to 5 kHz over power in 50 Hz to 1 kHz."""
    p = power_spectra(x, rate_hz)[0]
    f = np.arange(p.shape[1]) * DF_HZ
    return 10 * np.log10(p[:, (f >= 1000) & (f <= 5000)].sum(1) / p[:, (f >= 50) & (f <= 1000)].sum(1))


def slope_db_per_hz(x: NDArray[np.float32], rate_hz: int, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """Straight line through the power spectrum in dB."""
    p = power_spectra(x, rate_hz)[0]
    f = np.arange(p.shape[1]) * DF_HZ
    band = (f >= low_hz) & (f <= high_hz)
    slope: NDArray[np.float64] = np.polyfit(f[band], 10 * np.log10(p[:, band].T), 1)[0]
    return slope


def loudness(x: NDArray[np.float32], rate_hz: int) -> NDArray[np.float64]:
    """26 triangular mel bands from 20 Hz, equal-loudness weighted, to the power 0.33, summed."""
    p = power_spectra(x, rate_hz)[0]
    mel = 1127 * np.log(1 + np.arange(p.shape[1]) * DF_HZ / 700)
    edges = np.linspace(1127 * np.log(1 + 20 / 700), 1127 * np.log(1 + rate_hz / 2 / 700), 28)
    total = np.zeros(len(p))
    for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
        weight = np.clip(np.minimum((mel - low) / (middle - low), (high - mel) / (high - middle)), 0, None)
        w2 = (2 * np.pi * 700 * (np.exp(middle / 1127) - 1)) ** 2
        equal = (w2 + 56.8e6) * w2**2 / ((w2 + 6.3e6) ** 2 * (w2 + 0.38e9) * (1 + w2**3 / 9.58e26))
        total += (p @ weight * equal) ** 0.33
    return 0.0689 * total
