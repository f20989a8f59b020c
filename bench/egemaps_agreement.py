"""How far our eGeMAPS (the NumPy reference) agrees with opensmile's eGeMAPSv02, functional by functional and frame by frame.

    python -m bench.egemaps_agreement [--pitch opensmile|core] [--limit N] [--markdown]

Material: 5 s and 10 s pieces of the eight shared calls (both channels, at least 40 % speech by human judgement, 8 kHz), and of synthetic
voices (``bench.synthvoice``, 16 kHz). With ``--pitch opensmile`` our descriptors are given opensmile's own F0, so that what is left is
difference of
definition; with ``--pitch core`` they get ours, as in service. Printed: Pearson r, median absolute difference in units of opensmile's SD
over the pieces, and the same per low-level descriptor over frames that both call voiced (all frames for those of the short window).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import opensmile

from bench.harper_valley import ABSENT, find_folder, load_calls
from bench.synthvoice import FAMILIES, draw_voice, speak
from simpatico.core import INDEX, FrameExtractor
from simpatico.types import Role
from tests.reference.egemaps import names
from tests.reference.egemaps.descriptors import Descriptors, describe
from tests.reference.egemaps.functionals import functionals
from tests.reference.egemaps.windows import Float

MIN_SPEECH_SHARE = 0.4
LENGTHS_S = (5, 10)
SYNTHETIC_VOICES = 24
SEED = 88
AIM_R, FLOOR_R, AIM_MAD = 0.95, 0.80, 0.15
CORE_OFFSETS = (2, 3)
"""Core frame i is centred at 10 i + 5 ms, long frame j at 10 j + 30 ms: between frames j + 2 and j + 3."""
EDGE_FRAMES = 3


@dataclass(frozen=True)
class Piece:
    """One stretch of audio and where it comes from."""

    name: str
    samples: Float
    rate_hz: int
    length_s: int


@dataclass(frozen=True)
class Pair:
    """Functionals [88] and low-level descriptors [n, 25] of one piece by both."""

    piece: Piece
    ours: Float
    theirs: Float
    our_frames: Float
    their_frames: Float


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


def real_pieces() -> Iterator[Piece]:
    """Pieces of the shared calls, both lengths, both channels."""
    folder = find_folder()
    if folder is None:
        print(ABSENT)
        return
    for call in load_calls(folder):
        audio = call.samples().astype(np.float64)
        for length in LENGTHS_S:
            for channel, role in enumerate((Role.CALLER, Role.AGENT)):
                speech, _ = call.truth(role, len(audio) * 100 // call.sample_rate_hz)
                for start in range(0, len(speech) - 100 * length + 1, 100 * length):
                    if speech[start : start + 100 * length].mean() >= MIN_SPEECH_SHARE:
                        hop = call.sample_rate_hz // 100
                        x = audio[start * hop : (start + 100 * length) * hop, channel]
                        yield Piece(f"{call.call_id} {role} {start / 100:.0f} s", x, call.sample_rate_hz, length)


def synthetic_pieces(count: int = SYNTHETIC_VOICES) -> Iterator[Piece]:
    """Pieces of synthetic voices at 16 kHz, rounded to 16 bits."""
    rng = np.random.default_rng(SEED)
    for k in range(count):
        voice = draw_voice(rng, FAMILIES[k % len(FAMILIES)])
        for length in LENGTHS_S:
            x = np.clip(speak(rng, voice, float(length)).samples, -1, 1 - 2**-15)
            yield Piece(f"{voice.family} {k}", np.trunc(x * 32768) / 32768, 16000, length)


def smile_f0_hz(frames: Float) -> Float:
    """F0 of opensmile's low-level descriptors, Hz, 0 where unvoiced."""
    st = frames[:, names.LLD_NAMES.index("F0semitoneFrom27.5Hz_sma3nz")]
    return np.where(st > 0, 27.5 * 2 ** (st / 12), 0.0)


def core_f0_hz(x: Float, rate_hz: int) -> Float:
    """F0 of the core on the grid of the long window, Hz: geometric mean of the two frames about its centre, or the voiced one of them."""
    extractor = FrameExtractor(rate_hz)
    rows = np.concatenate([extractor.push(x.astype(np.float32)), extractor.finish()])
    f0 = rows[:, INDEX["f0_hz"]].astype(np.float64)
    a, b = (f0[k : len(f0) - max(CORE_OFFSETS) + k] for k in CORE_OFFSETS)
    return np.where((a > 0) & (b > 0), np.sqrt(a * b), np.maximum(a, b))


def compare(piece: Piece, smile: Smile, pitch: str) -> Pair:
    """Both analyses of one piece."""
    their_frames = smile.frames(piece.samples, piece.rate_hz)
    f0 = smile_f0_hz(their_frames) if pitch == "opensmile" else core_f0_hz(piece.samples, piece.rate_hz)
    ours = describe(piece.samples, f0, piece.rate_hz)
    theirs = smile.functionals(piece.samples, piece.rate_hz)
    return Pair(piece, np.array(list(functionals(ours).values())), theirs, contours(ours), their_frames)


def contours(d: Descriptors) -> Float:
    """Low-level descriptors in the order of ``names.LLD_NAMES`` [m, 25]."""
    m = len(d.voicing)
    return np.concatenate([d.short[:m], d.voiced, d.formant_all], axis=1)


def agreement(ours: Float, theirs: Float) -> tuple[Float, Float]:
    """Pearson r and median absolute difference over the SD of ``theirs``, per column."""
    spread = theirs.std(0)
    a, b = ours - ours.mean(0), theirs - theirs.mean(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = (a * b).sum(0) / np.sqrt((a**2).sum(0) * (b**2).sum(0))
        mad = np.median(np.abs(ours - theirs), axis=0) / spread
    return np.where(spread > 0, r, np.nan), mad


def frame_agreement(pairs: list[Pair]) -> tuple[Float, Float]:
    """Agreement per low-level descriptor over frames: all for the short window, voiced by both for the others."""
    r, mad = np.zeros(25), np.zeros(25)
    f0 = names.LLD_NAMES.index("F0semitoneFrom27.5Hz_sma3nz")
    for k, name in enumerate(names.LLD_NAMES):
        ours, theirs = [], []
        for p in pairs:
            n = min(len(p.our_frames), len(p.their_frames)) - EDGE_FRAMES
            a, b = p.our_frames[:n], p.their_frames[:n]
            use = np.ones(n, bool) if name in names.SHORT else (a[:, f0] > 0) & (b[:, f0] > 0)
            ours.append(a[use, k])
            theirs.append(b[use, k])
        rk, mk = agreement(np.concatenate(ours)[:, None], np.concatenate(theirs)[:, None])
        r[k], mad[k] = rk[0], mk[0]
    return r, mad


def table(columns: list[tuple[str, Float, Float]], labels: tuple[str, ...], markdown: bool) -> None:
    """One row per label, r and MAD per material."""
    if markdown:
        print("| descriptor |" + "".join(f" {title} r | MAD |" for title, _, _ in columns))
        print("|---|" + "---|---|" * len(columns))
    else:
        print(f"{'':48s}" + "".join(f"{title:>20s}" for title, _, _ in columns))
    for k, label in enumerate(labels):
        if markdown:
            print(f"| `{label}` |" + "".join(f" {r[k]:.3f} | {mad[k]:.3f} |" for _, r, mad in columns))
        else:
            print(f"{label:48s}" + "".join(f"{r[k]:12.3f} {mad[k]:7.3f}" for _, r, mad in columns))


def summary(title: str, r: Float, mad: Float) -> None:
    """Counts against the aims."""
    high, low = int((r >= AIM_R).sum()), int((r < FLOOR_R).sum())
    near = int((mad <= AIM_MAD).sum())
    print(f"{title}: r >= {AIM_R} for {high} of {len(r)}, {FLOOR_R} to {AIM_R} for {len(r) - high - low}, below for {low};", end=" ")
    print(f"MAD <= {AIM_MAD} SD for {near}, median {np.nanmedian(mad):.3f} SD")


def main(argv: list[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pitch", choices=("opensmile", "core"), default="core")
    parser.add_argument("--limit", type=int, default=None, help="pieces per material, taken evenly")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--save", type=Path, default=None, help="write functionals of both as .npz")
    args = parser.parse_args(argv)
    smile = Smile()
    pieces = {"calls 8 kHz": list(real_pieces()), "synthetic 16 kHz": list(synthetic_pieces())}
    functional_columns, frame_columns, saved = [], [], dict[str, Any]()
    for title, found in pieces.items():
        chosen = found if args.limit is None else found[:: max(1, len(found) // args.limit)]
        if not chosen:
            continue
        pairs = [compare(p, smile, args.pitch) for p in chosen]
        ours, theirs = np.stack([p.ours for p in pairs]), np.stack([p.theirs for p in pairs])
        saved |= {f"{title} ours": ours, f"{title} theirs": theirs}
        functional_columns.append((f"{title} ({len(pairs)})", *agreement(ours, theirs)))
        frame_columns.append((title, *frame_agreement(pairs)))
    print(f"pitch: {args.pitch}\n")
    table(functional_columns, names.FUNCTIONAL_NAMES, args.markdown)
    print()
    table(frame_columns, names.LLD_NAMES, args.markdown)
    print()
    for title, r, mad in functional_columns:
        summary(f"functionals, {title}", r, mad)
    for title, r, mad in frame_columns:
        summary(f"frames, {title}", r, mad)
    if args.save:
        np.savez(args.save, **saved)


if __name__ == "__main__":
    main()
