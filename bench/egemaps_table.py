"""One table for ``docs/egemaps.md``: each of the 88 with its definition, its agreement with opensmile, and who is nearer the truth.

    python -m bench.egemaps_table [--ours core|reference] [--voices N] [--limit N]

Puts ``bench.egemaps_agreement`` (of ours, and of the definitions given opensmile's F0) and ``bench.egemaps_functional_truth`` side by
side, in Markdown; then the same for the 25 descriptors, frame by frame. Letters are those of the definitions in ``docs/egemaps.md``.
"""

from __future__ import annotations

import argparse
import re

import numpy as np

from bench.egemaps_agreement import AIM_R, Agreement, compare, frame_agreement, functional_agreement, summary
from bench.egemaps_functional_truth import Row, cases
from bench.egemaps_functional_truth import compare as compare_truth
from bench.egemaps_functional_truth import compare_frames as compare_truth_frames
from bench.egemaps_material import OURS, Reference, Smile, make_ours, real_pieces, synthetic_pieces
from tests.reference.egemaps import names

LETTERS = (
    ("loudnessPeaks", "T"), ("F[123](freq|band)", "F"), ("F[123]amp", "R"), ("[Ll]oudness", "L"), ("alphaRatio", "A"), ("hammarberg", "H"),
    ("slope", "S"), ("spectralFlux", "X"), ("mfcc", "M"), ("F0", "P"), ("jitter|shimmer", "J"), ("HNR", "N"), ("logRelF0", "R"),
    ("equivalent", "E"),
)  # fmt: skip
KINDS = {"amean": "mean", "stddevNorm": "SD/mean", "pctlrange0-2": "percentiles"}


def definition(name: str) -> str:
    """Letter of the descriptor, and what is taken of it."""
    letter = next((letter for pattern, letter in LETTERS if re.match(pattern, name)), "T")
    if name in names.TEMPORAL or name in names.LLD_NAMES:
        return letter
    last = name.rsplit("_", 1)[1]
    return f"{letter}, {KINDS.get(last, 'percentile' if last.startswith('percentile') else 'slopes')}"


def agrees(a: Agreement, k: int) -> str:
    """Cells of one agreement; r in bold where the aim is reached."""
    r = f"**{a.r[k]:.3f}**" if a.r[k] >= AIM_R else f"{a.r[k]:.3f}"
    return f"{r} | {a.rho[k]:.3f} | {a.mad[k]:.3f}"


def truth(row: Row | None) -> str:
    """Cells of one comparison with the truth."""
    if row is None:
        return "- | - | -"
    return f"{row.r[0]:.2f} / {row.r[1]:.2f} | {row.error[0]:.2f} / {row.error[1]:.2f} | {row.verdict}, {100 * row.nearer:.0f} %"


def show(labels: tuple[str, ...], ours: list[Agreement], same: list[Agreement], rows: list[Row]) -> None:
    """The table."""
    found = {row.name: row for row in rows}
    titles = " | ".join(f"{a.title}: r | rho | MAD" for a in ours)
    print(f"| name | definition | {titles} | r, same F0 | r with truth | error | nearer |")
    print("|---|---|" + "---|" * (3 * len(ours) + 4))
    for k, label in enumerate(labels):
        cells = " | ".join(agrees(a, k) for a in ours)
        print(f"| `{label}` | {definition(label)} | {cells} | {' / '.join(f'{a.r[k]:.3f}' for a in same)} | {truth(found.get(label))} |")


def main(argv: list[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", choices=OURS, default="core")
    parser.add_argument("--voices", type=int, default=8, help="of each of three families, for the truth")
    parser.add_argument("--limit", type=int, default=None, help="pieces per material, taken evenly")
    args = parser.parse_args(argv)
    smile = Smile()
    ours, same = make_ours(args.ours), Reference(smile)
    figures: dict[str, list[Agreement]] = {"functionals": [], "frames": [], "same F0": [], "same F0 frames": []}
    for title, pieces in (("calls", list(real_pieces())), ("16 kHz", list(synthetic_pieces()))):
        chosen = pieces if args.limit is None else pieces[:: max(1, len(pieces) // args.limit)]
        pairs, alike = ([compare(p, smile, by) for p in chosen] for by in (ours, same))
        figures["functionals"].append(functional_agreement(title, pairs))
        figures["frames"].append(frame_agreement(title, pairs))
        figures["same F0"].append(functional_agreement(title, alike))
        figures["same F0 frames"].append(frame_agreement(title, alike))
    found = list(cases(args.voices, ours, smile))
    show(names.FUNCTIONAL_NAMES, figures["functionals"], figures["same F0"], compare_truth(found))
    print()
    show(names.LLD_NAMES, figures["frames"], figures["same F0 frames"], compare_truth_frames(found))
    print()
    for what, values in figures.items():
        for a in values:
            summary(what, a)
    for row_set in (compare_truth(found), compare_truth_frames(found)):
        verdicts = np.array([r.verdict for r in row_set])
        print(f"of {len(row_set)} with a truth:", ", ".join(f"{(verdicts == v).sum()} {v}" for v in ("ours", "even", "same", "opensmile")))


if __name__ == "__main__":
    main()
