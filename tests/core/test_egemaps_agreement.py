"""What docs/egemaps.md promises of the core beside opensmile, on a small subset of its material."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.reference.egemaps import names

agreement = pytest.importorskip("bench.egemaps_agreement", reason="opensmile is not installed")
material = pytest.importorskip("bench.egemaps_material", reason="opensmile is not installed")
truth = pytest.importorskip("bench.egemaps_functional_truth", reason="opensmile is not installed")

pytestmark = [pytest.mark.reference, pytest.mark.slow]

EVERY = 4
"""Of the pieces of a material: a dozen of the calls, a dozen of the synthetic."""
AGREEING = {"calls": 40, "16 kHz": 50}
"""Least number of functionals with r of .95 or more; the whole material has some more, docs/egemaps.md says how many."""
MEDIAN_DIFFERENCE_SD = 0.15
NEARER, FARTHER = 40, 6
"""Of the 66 functionals with a truth: at least so many nearer to it than opensmile's, at most so many farther, over 18 cases."""


@pytest.fixture(scope="module")
def smile() -> Any:
    return material.Smile()


def pieces(title: str) -> list[Any]:
    found = list(material.real_pieces()) if title == "calls" else list(material.synthetic_pieces())
    if not found:
        pytest.skip(material.ABSENT)
    return found[::EVERY]


@pytest.mark.parametrize("title", [pytest.param("calls", marks=pytest.mark.calls), "16 kHz"])
def test_agreement_is_what_is_promised(title: str, smile: Any) -> None:
    pairs = [agreement.compare(p, smile, material.Core()) for p in pieces(title)]
    found = agreement.functional_agreement(title, pairs)
    r = dict(zip(names.FUNCTIONAL_NAMES, found.r, strict=True))
    for name in names.FUNCTIONAL_NAMES:
        if name.startswith(truth.UNTRACKED):  # what rests on no tracking is the same figure; slopes of loudness turn on an extremum or two
            assert r[name] > (0.9 if "Slope" in name or "Peaks" in name else 0.999), (name, r[name])
    assert (found.r >= agreement.AIM_R).sum() >= AGREEING[title]
    assert np.median(found.mad) <= MEDIAN_DIFFERENCE_SD
    frames = agreement.frame_agreement(title, pairs)
    assert (frames.r[: len(names.SHORT)] > 0.9999).all()


def test_where_ours_differs_it_is_nearer_the_truth(smile: Any) -> None:
    found = list(truth.cases(1, material.Core(), smile))
    verdicts = [row.verdict for row in truth.compare(found)]
    assert len(verdicts) == 66
    assert verdicts.count("ours") >= NEARER
    assert verdicts.count("opensmile") <= FARTHER
