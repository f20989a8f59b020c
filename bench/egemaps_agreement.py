"""How far our eGeMAPS agrees with opensmile's eGeMAPSv02, functional by functional and frame by frame.

    python -m bench.egemaps_agreement [--ours core|reference|reference-opensmile-f0] [--limit N] [--markdown]

Material: 5 s and 10 s pieces of the eight shared calls (both channels, at least 40 % speech by human judgement, 8 kHz), and of synthetic
voices (``bench.synthvoice``, 16 kHz). ``core`` is what ships, ``reference`` the NumPy definitions with the core's F0; with
``reference-opensmile-f0`` they are given opensmile's own F0, so that what is left is difference of definition. Printed: Pearson r, Spearman
rho (where a mean near 0 divides, a few pieces decide r), median absolute difference in units of opensmile's SD over the pieces, and the
same per low-level descriptor over frames that both call voiced (all frames for those of the short window).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

from bench.egemaps_material import F0_COLUMN, Core, Ours, Piece, Reference, Smile, real_pieces, synthetic_pieces
from tests.reference.egemaps import names
from tests.reference.egemaps.windows import Float

AIM_R, FLOOR_R, AIM_MAD = 0.95, 0.80, 0.15
EDGE_FRAMES = 3
FORMS = ("core", "reference", "reference-opensmile-f0")


@dataclass(frozen=True)
class Pair:
    """Functionals [88] and low-level descriptors [n, 25] of one piece by both."""

    piece: Piece
    ours: Float
    theirs: Float
    our_frames: Float
    their_frames: Float


@dataclass(frozen=True)
class Agreement:
    """Per column: Pearson r, Spearman rho, median absolute difference in SD of theirs."""

    title: str
    r: Float
    rho: Float
    mad: Float


def form(name: str, smile: Smile) -> Ours:
    """One of ``FORMS``."""
    return Core() if name == "core" else Reference(smile if name.endswith("f0") else None)


def compare(piece: Piece, smile: Smile, ours: Ours) -> Pair:
    """Both analyses of one piece."""
    mine, theirs = ours.measure(piece.samples, piece.rate_hz), smile.measure(piece.samples, piece.rate_hz)
    return Pair(piece, mine.functionals, theirs.functionals, mine.frames, theirs.frames)


def agreement(title: str, ours: Float, theirs: Float) -> Agreement:
    """Columns of [n, k] against one another."""
    spread = theirs.std(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mad = np.median(np.abs(ours - theirs), axis=0) / spread
    return Agreement(title, _r(ours, theirs), _r(rankdata(ours, axis=0), rankdata(theirs, axis=0)), mad)


def _r(x: Float, y: Float) -> Float:
    a, b = x - x.mean(0), y - y.mean(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (a * b).sum(0) / np.sqrt((a**2).sum(0) * (b**2).sum(0))


def functional_agreement(title: str, pairs: list[Pair]) -> Agreement:
    """Over pieces."""
    return agreement(title, np.stack([p.ours for p in pairs]), np.stack([p.theirs for p in pairs]))


def frame_agreement(title: str, pairs: list[Pair]) -> Agreement:
    """Over frames: all for the short window, voiced by both for the others."""
    columns = []
    for k, name in enumerate(names.LLD_NAMES):
        ours, theirs = [], []
        for p in pairs:
            n = min(len(p.our_frames), len(p.their_frames)) - EDGE_FRAMES
            a, b = p.our_frames[:n], p.their_frames[:n]
            use = np.ones(n, bool) if name in names.SHORT else (a[:, F0_COLUMN] > 0) & (b[:, F0_COLUMN] > 0)
            ours.append(a[use, k])
            theirs.append(b[use, k])
        columns.append(agreement(title, np.concatenate(ours)[:, None], np.concatenate(theirs)[:, None]))
    return Agreement(title, *(np.concatenate([getattr(c, key) for c in columns]) for key in ("r", "rho", "mad")))


def table(columns: list[Agreement], labels: tuple[str, ...], markdown: bool) -> None:
    """One row per label; r, rho and MAD per material."""
    if markdown:
        print("| descriptor |" + "".join(f" {c.title} r | rho | MAD |" for c in columns))
        print("|---|" + "---|---|---|" * len(columns))
    else:
        print(f"{'':48s}" + "".join(f"{c.title:>28s}" for c in columns))
        print(f"{'':48s}" + f"{'r':>12s}{'rho':>8s}{'MAD':>8s}" * len(columns))
    for k, label in enumerate(labels):
        if markdown:
            print(f"| `{label}` |" + "".join(f" {c.r[k]:.3f} | {c.rho[k]:.3f} | {c.mad[k]:.3f} |" for c in columns))
        else:
            print(f"{label:48s}" + "".join(f"{c.r[k]:12.3f}{c.rho[k]:8.3f}{c.mad[k]:8.3f}" for c in columns))


def summary(what: str, c: Agreement) -> None:
    """Counts against the aims."""
    high, low, ranks = int((c.r >= AIM_R).sum()), int((c.r < FLOOR_R).sum()), int((c.rho >= AIM_R).sum())
    near = int((c.mad <= AIM_MAD).sum())
    print(
        f"{what}, {c.title}: r >= {AIM_R} for {high} of {len(c.r)}, {FLOOR_R} to {AIM_R} for {len(c.r) - high - low}, below for {low};",
        end=" ",
    )
    print(f"rho >= {AIM_R} for {ranks}; MAD <= {AIM_MAD} SD for {near}, median {np.nanmedian(c.mad):.3f} SD")


def main(argv: list[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", choices=FORMS, default="core")
    parser.add_argument("--limit", type=int, default=None, help="pieces per material, taken evenly")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--save", type=Path, default=None, help="write functionals of both as .npz")
    args = parser.parse_args(argv)
    smile = Smile()
    ours = form(args.ours, smile)
    pieces = {"calls 8 kHz": list(real_pieces()), "synthetic 16 kHz": list(synthetic_pieces())}
    functional_columns, frame_columns, saved = [], [], dict[str, Any]()
    for title, found in pieces.items():
        chosen = found if args.limit is None else found[:: max(1, len(found) // args.limit)]
        if not chosen:
            continue
        pairs = [compare(p, smile, ours) for p in chosen]
        saved |= {f"{title} ours": np.stack([p.ours for p in pairs]), f"{title} theirs": np.stack([p.theirs for p in pairs])}
        functional_columns.append(functional_agreement(f"{title} ({len(pairs)})", pairs))
        frame_columns.append(frame_agreement(title, pairs))
    print(f"ours: {args.ours}\n")
    table(functional_columns, names.FUNCTIONAL_NAMES, args.markdown)
    print()
    table(frame_columns, names.LLD_NAMES, args.markdown)
    print()
    for c in functional_columns:
        summary("functionals", c)
    for c in frame_columns:
        summary("frames", c)
    if args.save:
        np.savez(args.save, **saved)


if __name__ == "__main__":
    main()
