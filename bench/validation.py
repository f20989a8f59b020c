"""How well the signals recover known truth: prints the tables, and writes docs/validation.md.

    python -m bench.validation                 some minutes on one core; the figures of the docs
    python -m bench.validation --scale 0.1     a tenth of the runs, printed only

Seeds are fixed, so the same NumPy gives the same page.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # Before NumPy is loaded.

import numpy as np

from bench.studies.entrainment import entrainment_tables
from bench.studies.influence import influence_tables
from bench.studies.real import real_tables
from bench.studies.table import Table, markdown
from bench.studies.voices import voice_tables

PAGE = Path(__file__).resolve().parents[1] / "docs" / "validation.md"
HEAD = """# How well the signals recover known truth

Made by `python -m bench.validation` with NumPy {numpy}; do not edit. What the figures mean: [signals.md](signals.md). Conversations are
simulated with known truth (`bench/simulation/`), except where a table says that they are real. Shares are given with their Monte-Carlo
standard error.

"""


def all_tables(scale: float) -> Iterator[Table]:
    """Yield every table; ``scale`` multiplies the number of runs (1 for the figures of the docs)."""
    for tables in (influence_tables, real_tables, entrainment_tables, voice_tables):
        yield from tables(scale)


def main() -> None:
    """Print the tables, and write the page when the runs are complete."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the runs to make, above 0; below 1 nothing is written")
    scale = parser.parse_args().scale
    if not scale > 0:
        parser.error(f"--scale is {scale}; it must be above 0 (1 gives the figures of the docs)")
    parts: list[str] = []
    for table in all_tables(scale):
        parts.append(markdown(table))
        print(parts[-1], flush=True)
    if scale >= 1:
        PAGE.write_text(HEAD.format(numpy=np.__version__) + "\n".join(parts), encoding="utf-8")
        print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
