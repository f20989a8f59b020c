"""What a line does to a voice: noise, telephone band, G.711.

References
----------
ITU-T G.711 (1988), mu-law: 8-bit companding with segments of doubling step; the continuous law is G.711's own approximation target.
ITU-T G.712 (2001): 300-3400 Hz pass band.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import ellip, resample_poly, sosfilt

from .voice import Utterance, draw_voice, speak

__all__ = ["Condition", "babble", "conditions", "heard", "mulaw_round_trip", "telephone_band", "through"]

Array = NDArray[np.float64]

_BABBLE_VOICES = 10
_MULAW_BIAS, _MULAW_CLIP = 33, 8158


@dataclass(frozen=True, slots=True)
class Condition:
    """One line: ``band`` is "full" or "tel" (300-3400 Hz and mu-law), ``noise`` is "none", "white" or "babble".

    ``snr_db`` is taken over active speech, after the band-pass; infinite without noise.
    """

    rate_hz: int
    band: str
    noise: str
    snr_db: float

    def __str__(self) -> str:
        noise = "clean" if self.noise == "none" else f"{self.noise} {self.snr_db:.0f} dB"
        return f"{self.rate_hz // 1000} kHz {self.band} {noise}"


def conditions(rate_hz: int = 8000) -> list[Condition]:
    """All bands, noises and SNRs at one rate, clean first."""
    out = []
    for band in ("full", "tel"):
        out.append(Condition(rate_hz, band, "none", np.inf))
        out += [Condition(rate_hz, band, noise, snr) for noise in ("white", "babble") for snr in (20.0, 10.0, 5.0)]
    return out


def mulaw_round_trip(samples: Array) -> Array:
    """Encode to 8-bit G.711 mu-law and decode again; samples at full scale 1 are clipped to the code's range."""
    x = np.clip(np.round(samples * 8192.0), -_MULAW_CLIP, _MULAW_CLIP)
    magnitude = np.abs(x) + _MULAW_BIAS
    exponent = np.clip(np.floor(np.log2(magnitude)) - 5.0, 0.0, 7.0)
    step = 2.0 ** (exponent + 1.0)
    decoded = (np.floor(magnitude / step) + 0.5) * step - _MULAW_BIAS
    return np.where(magnitude - _MULAW_BIAS < 0.5, 0.0, np.sign(x) * decoded) / 8192.0


@lru_cache(maxsize=4)
def _telephone_filter(rate_hz: int) -> Array:
    high = 3400.0 if rate_hz > 8000 else 3390.0
    return np.asarray(ellip(5, 0.3, 40.0, (300.0, high), btype="bandpass", output="sos", fs=rate_hz))


def telephone_band(samples: Array, rate_hz: int) -> Array:
    """300-3400 Hz: elliptic, 0.3 dB ripple, 40 dB stop band."""
    return np.asarray(sosfilt(_telephone_filter(rate_hz), samples))


def babble(rng: np.random.Generator, duration_s: float, family: str, voices: int = _BABBLE_VOICES) -> Array:
    """Ten (or ``voices``) voices of ``family`` talking at once with short pauses, within 3 dB of one another, at 16 kHz, unit power."""
    total = np.zeros(round(duration_s * 16000))
    for _ in range(voices):
        talk = speak(rng, draw_voice(rng, family), duration_s, (0.05, 0.25)).samples
        total += talk / np.sqrt(np.mean(talk**2)) * 10.0 ** (rng.uniform(-1.5, 1.5) / 20.0)
    return total / np.sqrt(np.mean(total**2))


def through(utterance: Utterance, condition: Condition, rng: np.random.Generator, crowd: Array | None = None) -> Array:
    """The utterance as heard at the far end of ``condition``: float64 [n] at ``condition.rate_hz``, quantised to 16 bits or mu-law.

    ``crowd`` is the babble at 16 kHz (needed for that noise only), of the utterance's length; the random generator says where in it
    to start, and makes the white noise.
    """
    speech = _to_rate(utterance.samples, condition.rate_hz)
    return heard(speech, np.repeat(utterance.truth.active, speech.size // utterance.truth.active.size), condition, rng, crowd)


def heard(speech: Array, active: NDArray[np.bool_], condition: Condition, rng: np.random.Generator, crowd: Array | None = None) -> Array:
    """The same of any speech [n] at ``condition.rate_hz``; ``active`` [n] says where somebody speaks."""
    noise = _noise(condition, rng, crowd, speech.size)
    if condition.band == "tel":
        speech, noise = telephone_band(speech, condition.rate_hz), telephone_band(noise, condition.rate_hz)
    if condition.noise != "none":
        ratio = np.mean(speech[active] ** 2) / np.mean(noise**2)
        speech = speech + noise * np.sqrt(ratio * 10.0 ** (-condition.snr_db / 10.0))
    if condition.band == "tel":
        return mulaw_round_trip(speech)
    return np.clip(np.round(speech * 32768.0), -32768.0, 32767.0) / 32768.0


def _to_rate(samples: Array, rate_hz: int) -> Array:
    return samples if rate_hz == 16000 else np.asarray(resample_poly(samples, 1, 16000 // rate_hz))


def _noise(condition: Condition, rng: np.random.Generator, crowd: Array | None, n: int) -> Array:
    if condition.noise == "white":
        return rng.standard_normal(n)
    if condition.noise == "babble":
        if crowd is None:
            raise ValueError("babble needs crowd, an array from babble() as long as the utterance")
        return np.roll(_to_rate(crowd, condition.rate_hz), int(rng.integers(n)))[:n]
    return np.zeros(n)
