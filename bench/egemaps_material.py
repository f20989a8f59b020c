"""What the eGeMAPS benches measure on, and who measures: pieces of real calls and of synthetic voices, opensmile, ours.

Ours comes in two forms that must tell the same: ``core`` is the C core as it ships, ``reference`` the NumPy definitions in
``tests/reference/egemaps`` given the core's F0 (or opensmile's, to see what is left when pitch and voicing are the same).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bench.harper_valley import ABSENT, find_folder, load_calls
from bench.reference import reference
from bench.synthvoice import FAMILIES, draw_voice, speak
from simpatico import core
from simpatico.core import INDEX, FrameExtractor
from simpatico.types import Role
from tests.reference.egemaps import names
from tests.reference.egemaps.descriptors import Descriptors, describe
from tests.reference.egemaps.functionals import functionals
from tests.reference.egemaps.windows import Float

opensmile = reference("opensmile")

__all__ = [
    "F0_COLUMN",
    "OURS",
    "Core",
    "Measured",
    "Ours",
    "Piece",
    "Reference",
    "Smile",
    "core_f0_hz",
    "make_ours",
    "real_pieces",
    "smile_f0_hz",
    "synthetic_pieces",
]

MIN_SPEECH_SHARE = 0.4
LENGTHS_S = (5, 10)
SYNTHETIC_VOICES = 24
SEED = 88
CORE_OFFSETS = (2, 3)
"""Core frame i is centred at 10 i + 5 ms, long frame j at 10 j + 30 ms: between frames j + 2 and j + 3."""
F0_COLUMN = names.LLD_NAMES.index(names.VOICED[0])
OURS = ("core", "reference")


@dataclass(frozen=True)
class Piece:
    """One stretch of audio and where it comes from; ``group`` is the speaker, for resampling and leaving out.

    ``span`` is where it begins and ends, s from the call's start, ``speech`` the share of it that is speech by human judgement.
    """

    name: str
    samples: Float
    rate_hz: int
    length_s: int
    group: str = ""
    role: str = ""
    call: str = ""
    span: tuple[float, float] = (np.nan, np.nan)
    speech: float = np.nan


@dataclass(frozen=True)
class Measured:
    """Functionals [88] and smoothed low-level descriptors [n, 25] of one piece."""

    functionals: Float
    frames: Float


class Ours(Protocol):
    """One form of ours."""

    def measure(self, x: Float, rate_hz: int) -> Measured:
        """Functionals and descriptors of samples [-1, 1]."""
        ...


class Smile:
    """The black box."""

    def __init__(self) -> None:
        feature_set, level = opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel
        self._lld = opensmile.Smile(feature_set, level.LowLevelDescriptors)
        self._functionals = opensmile.Smile(feature_set, level.Functionals)
        assert tuple(self._lld.feature_names) == names.LLD_NAMES
        assert tuple(self._functionals.feature_names) == names.FUNCTIONAL_NAMES

    def frames(self, x: Float, rate_hz: int) -> Float:
        """Low-level descriptors [n, 25]."""
        return np.asarray(self._lld.process_signal(x.astype(np.float32), rate_hz).to_numpy(), dtype=np.float64)

    def functionals(self, x: Float, rate_hz: int) -> Float:
        """Functionals [88]."""
        return np.asarray(self._functionals.process_signal(x.astype(np.float32), rate_hz).to_numpy()[0], dtype=np.float64)

    def measure(self, x: Float, rate_hz: int) -> Measured:
        """Both."""
        return Measured(self.functionals(x, rate_hz), self.frames(x, rate_hz))


class Reference:
    """The NumPy definitions, given the F0 of the core, or of ``smile``."""

    def __init__(self, smile: Smile | None = None) -> None:
        self._smile = smile

    def describe(self, x: Float, rate_hz: int) -> Descriptors:
        """All contours."""
        f0 = core_f0_hz(x, rate_hz) if self._smile is None else smile_f0_hz(self._smile.frames(x, rate_hz))
        return describe(x, f0, rate_hz)

    def measure(self, x: Float, rate_hz: int) -> Measured:
        """Functionals and descriptors."""
        d = self.describe(x, rate_hz)
        m = len(d.voicing)
        frames = np.concatenate([d.short[:m], d.voiced, d.formant], axis=1)
        return Measured(np.array(list(functionals(d).values())), frames)


class Core:
    """The C core as it ships."""

    def __init__(self, simd: str | None = None) -> None:
        self._simd = simd

    def rows(self, x: Float, rate_hz: int) -> Float:
        """Unsmoothed rows of the ``egemaps`` set, float32 [n, 26]."""
        extractor = FrameExtractor(rate_hz, simd=self._simd, sets=("egemaps",))
        return np.concatenate([extractor.push(x.astype(np.float32)), extractor.finish()])

    def measure(self, x: Float, rate_hz: int) -> Measured:
        """Functionals of the whole, and smoothed descriptors."""
        rows = self.rows(x, rate_hz)
        whole = core.Functionals()
        whole.add(rows)
        return Measured(np.asarray(whole.read(), dtype=np.float64), np.asarray(core.smooth_lld(rows), dtype=np.float64))


def make_ours(name: str) -> Ours:
    """``core`` or ``reference``."""
    return Core() if name == "core" else Reference()


def real_pieces(
    lengths_s: tuple[int, ...] = LENGTHS_S, step_s: float | None = None, least_speech: float = MIN_SPEECH_SHARE
) -> Iterator[Piece]:
    """Pieces of the shared calls, both channels, at least 40 % speech by human judgement; end to end, or each ``step_s``."""
    folder = find_folder()
    if folder is None:
        print(ABSENT)
        return
    for call in load_calls(folder):
        audio = call.samples().astype(np.float64)
        hop = call.sample_rate_hz // 100
        for length in lengths_s:
            for channel, role in enumerate((Role.CALLER, Role.AGENT)):
                speech, _ = call.truth(role, len(audio) // hop)
                for start in range(0, len(speech) - 100 * length + 1, round(100 * (step_s or length))):
                    share = float(speech[start : start + 100 * length].mean())
                    if share >= least_speech:
                        x = audio[start * hop : (start + 100 * length) * hop, channel]
                        name, span = f"{call.call_id} {role} {start / 100:.0f} s", (start / 100, start / 100 + length)
                        yield Piece(
                            name, x, call.sample_rate_hz, length, call.speakers[role], str(role), call.call_id, span=span, speech=share
                        )


def synthetic_pieces(count: int = SYNTHETIC_VOICES) -> Iterator[Piece]:
    """Pieces of synthetic voices at 16 kHz, rounded to 16 bits."""
    rng = np.random.default_rng(SEED)
    for k in range(count):
        voice = draw_voice(rng, FAMILIES[k % len(FAMILIES)])
        for length in LENGTHS_S:
            x = np.clip(speak(rng, voice, float(length)).samples, -1, 1 - 2**-15)
            yield Piece(f"{voice.family} {k}", np.trunc(x * 32768) / 32768, 16000, length, f"{voice.family} {k}")


def smile_f0_hz(frames: Float) -> Float:
    """F0 of opensmile's low-level descriptors, Hz, 0 where unvoiced."""
    st = frames[:, F0_COLUMN]
    return np.where(st > 0, 27.5 * 2 ** (st / 12), 0.0)


def core_f0_hz(x: Float, rate_hz: int) -> Float:
    """F0 of the core on the grid of the long window, Hz, 0 where unvoiced.

    The long window is centred between two frames of the core. Where both are voiced it is their geometric mean; where one is, it is that
    one's, if their voicing probabilities average above one half (decision 0098).
    """
    extractor = FrameExtractor(rate_hz)
    rows = np.concatenate([extractor.push(x.astype(np.float32)), extractor.finish()])
    f0, likely = rows[:, INDEX["f0_hz"]].astype(np.float64), rows[:, INDEX["voicing_probability"]].astype(np.float64)
    n = max(0, len(rows) - max(CORE_OFFSETS))
    first, second = (slice(k, k + n) for k in CORE_OFFSETS)
    a, b = f0[first], f0[second]
    alone = np.where(likely[first] + likely[second] > 1, np.maximum(a, b), 0.0)
    return np.where((a > 0) & (b > 0), np.sqrt(a * b), alone)
