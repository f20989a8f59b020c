"""The regression that puts what rests on formants and periods on openSMILE's scale (``simpatico.features.on_opensmile_scale``).

    python -m bench.egemaps_scale [--people FOLDER [--write]]

Both extractors measure the same sounds, at 8 kHz whole, through a telephone line, and through one with white noise at 20 dB, at 16 kHz
clean and with that noise: recordings of people (``bench.recordings`` says what they are and how to come by them) and synthetic voices
(``bench.synthvoice``). Each of openSMILE's 17, and what its 6 amplitudes are times ours, is regressed (ridge) on ours of the 17, of F0,
HNR and the voiced spectrum, over six people and two families of synthetic voices. The strength of the ridge and how far out a predictor
may count were chosen by leaving one of the six out in turn.

Printed is how far ours are from openSMILE's before and after, over what nothing was fitted on: other people, each of the six left out in
turn, the third family, the shared calls (5 s and 10 s with much speech and with little, and whole). Root mean square in SD of openSMILE's,
both cut to the range of its middle 96 %, and Pearson's r. Without ``--people`` the stored regression is checked on the last two. What it
is worth to a model: ``bench.egemaps_transfer``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.egemaps_material import Core, Smile, real_pieces
from bench.harper_valley import find_folder, load_calls
from bench.recordings import Speaker, speakers, spoken
from bench.synthvoice import FAMILIES, HELD_OUT_FAMILIES, Condition, draw_voice, speak, through
from simpatico.features.scale import FLOORS, PREDICTORS, SCALED_NAMES, TOLD_NAMES, Mapping, on_opensmile_scale, standardised
from tests.reference.egemaps import names
from tests.reference.egemaps.windows import Float

SEED = 424242
FIT_FAMILIES = tuple(f for f in FAMILIES if f not in HELD_OUT_FAMILIES)
VOICES = {FIT_FAMILIES: 180, HELD_OUT_FAMILIES: 90}
MOST_PIECES = {True: 90, False: 20}
"""Of a speaker, if fitted on or only checked with."""
DURATION_S = 5.0
WHITE = ("white", 20.0)
LINES = {
    8000: (Condition(8000, "full", "none", np.inf), Condition(8000, "tel", "none", np.inf), Condition(8000, "tel", *WHITE)),
    16000: (Condition(16000, "full", "none", np.inf), Condition(16000, "full", *WHITE)),
}
RIDGE = 10.0
"""Over people left out 3 to 100 differ by 1 % for the 17, more is worse for the 6."""
MIDDLE = (0.02, 0.98)
"""Quantiles between which figures count: an SD over a mean near zero may be anything."""
COLUMNS = [names.FUNCTIONAL_NAMES.index(name) for name in SCALED_NAMES]
TOLD, AMPLITUDES = COLUMNS[: len(TOLD_NAMES)], COLUMNS[len(TOLD_NAMES) :]
OUT = Path(__file__).parents[1] / "service/simpatico/features/opensmile_scale.json"


@dataclass(frozen=True)
class Rows:
    """Functionals [n, 88] of the same sounds by openSMILE and by ours, and the speaker [n]."""

    theirs: Float
    ours: Float
    speaker: NDArray[np.str_]

    def of(self, kept: NDArray[np.bool_]) -> Rows:
        """Those ``kept`` [n]."""
        return Rows(self.theirs[kept], self.ours[kept], self.speaker[kept])

    def __add__(self, more: Rows) -> Rows:
        return Rows(*(np.concatenate(pair) for pair in zip(vars(self).values(), vars(more).values(), strict=True)))


def measured(sounds: Iterator[Float], rate_hz: int, speaker: str) -> Rows:
    """Both extractors' functionals of some sounds."""
    ours, smile = Core(), Smile()
    rows = [(smile.functionals(x, rate_hz), ours.measure(x, rate_hz).functionals) for x in sounds]
    theirs, own = np.array(rows, dtype=float).reshape(len(rows), 2, len(names.FUNCTIONAL_NAMES)).transpose(1, 0, 2)
    found = np.isfinite(theirs).all(1) & np.isfinite(own).all(1)
    return Rows(theirs[found], own[found], np.full(len(rows), speaker)[found])


def synthetic(rate_hz: int, families: tuple[str, ...]) -> Iterator[Float]:
    """Voices of ``families``, a line each."""
    for k in range(VOICES[families]):
        rng = np.random.default_rng([SEED, FAMILIES.index(families[0]), k])
        utterance = speak(rng, draw_voice(rng, families[k % len(families)]), DURATION_S)
        yield through(utterance, LINES[rate_hz][k // len(families) % len(LINES[rate_hz])], rng)


def people(rate_hz: int, some: list[Speaker]) -> Rows:
    """All pieces of some speakers."""
    return together(measured(spoken(s, LINES[rate_hz], MOST_PIECES[s.fitted]), rate_hz, s.name) for s in some)


def together(parts: Iterable[Rows]) -> Rows:
    """All rows of some; none of none."""
    nothing = np.empty((0, len(names.FUNCTIONAL_NAMES)))
    return reduce(Rows.__add__, parts, Rows(nothing, nothing, np.empty(0, np.str_)))


def fit(rows: Rows) -> Mapping:
    """Ridge regressions on our predictors, standardised and cut as in use: of openSMILE's 17, and of what its 6 are times ours."""
    columns = [names.FUNCTIONAL_NAMES.index(name) for name in PREDICTORS]
    x, y = cut(rows.ours[:, columns], rows.ours[:, columns]), cut(rows.theirs[:, TOLD], rows.theirs[:, TOLD])
    centre, spread = x.mean(0), np.maximum(x.std(0), 1e-9)
    z = standardised(rows.ours, centre, spread)
    about = z - z.mean(0)
    weight = np.linalg.solve(about.T @ about + RIDGE * np.eye(len(columns)), about.T @ (y - y.mean(0))).T
    stretch = np.array(
        [_stretch(z, rows.ours[:, k] - floor, rows.theirs[:, k] - floor) for k, floor in zip(AMPLITUDES, FLOORS, strict=True)]
    )
    offset = np.concatenate([y.mean(0) - weight @ z.mean(0), stretch[:, 0]])
    return Mapping(centre, spread, offset, np.concatenate([weight, stretch[:, 1:]]))


def _stretch(z: Float, ours: Float, theirs: Float) -> Float:
    """Constant and weights [1 + predictors] of the line in ``z`` that ours [n] are to be multiplied by; the ridge draws them to 1, 0."""
    scale = np.sqrt(np.mean(ours**2))
    rows = np.column_stack([np.ones(len(z)), z]) * (ours / scale)[:, None]
    ridge = np.diag([0.0, *[RIDGE] * z.shape[1]])
    line = np.linalg.solve(rows.T @ rows + ridge, rows.T @ ((theirs - ours) / scale))
    line[0] += 1
    return np.asarray(line)


def cut(values: Float, to: Float) -> Float:
    """``values`` [n, columns] within the middle of ``to`` [m, columns]."""
    return np.clip(values, *np.quantile(to, MIDDLE, axis=0))


def left_out(rows: Rows, synthetic_rows: Rows) -> Float:
    """What is told [n, 23] of each speaker by a fit on the others and on the synthetic voices."""
    told = np.empty((len(rows.ours), len(COLUMNS)))
    for speaker in np.unique(rows.speaker):
        own = rows.speaker == speaker
        told[own] = fit(rows.of(~own) + synthetic_rows).apply(rows.ours[own])
    return told


def compare(title: str, rows: Rows, told: Float) -> None:
    """Print errors and correlations before and after."""
    theirs, before = rows.theirs[:, COLUMNS], rows.ours[:, COLUMNS]
    y = cut(theirs, theirs)
    errors = [np.sqrt(((cut(x, theirs) - y) ** 2).mean(0)) / y.std(0) for x in (before, told)]
    r = [[np.corrcoef(x[:, k], theirs[:, k])[0, 1] for k in range(len(COLUMNS))] for x in (before, told)]
    speakers_known = f", {len(np.unique(rows.speaker))} speakers" if rows.speaker[0] else ""
    print(f"\n{title}, {len(theirs)} pieces{speakers_known}")
    print(f"{'':42s}{'error / SD before':>18s}{'after':>8s}{'r before':>12s}{'after':>8s}")
    for k, name in enumerate(SCALED_NAMES):
        print(f"{name:42s}{errors[0][k]:18.2f}{errors[1][k]:8.2f}{r[0][k]:12.2f}{r[1][k]:8.2f}")
    means = [f"{e.mean():.2f}" for e in errors] + [f"{np.median(x):.2f}" for x in r]
    print(f"{'mean of the errors, median of r':42s}{means[0]:>18s}{means[1]:>8s}{means[2]:>12s}{means[3]:>8s}", flush=True)


def shipped(rows: Rows, rate_hz: int) -> Float:
    """What the stored regression tells."""
    return on_opensmile_scale(rows.ours.astype(np.float32), rate_hz)[:, COLUMNS].astype(float)


def calls(least: float, most: float) -> Rows:
    """Pieces of the shared calls, which nothing is fitted on, with that share of speech; no rows where they are absent."""
    return together(measured(iter([p.samples]), p.rate_hz, p.group) for p in real_pieces(least_speech=least) if p.speech < most)


def channels() -> Rows:
    """Each channel of the shared calls as a whole."""
    folder = find_folder()
    found = [] if folder is None else list(load_calls(folder))
    return together(measured(iter([x.astype(float)]), 8000, f"{c.call_id} {k}") for c in found for k, x in enumerate(c.samples().T))


def check(mapping: dict[int, Mapping] | None) -> None:
    """Compare on the third family and on the calls: ``mapping``, or what is stored."""
    parts = [(rate_hz, f"{rate_hz} Hz, other voices", measured(synthetic(rate_hz, HELD_OUT_FAMILIES), rate_hz, "")) for rate_hz in LINES]
    the_calls = "8000 Hz, the shared calls,"
    parts += [
        (8000, f"{the_calls} at least 40 % speech", calls(0.4, np.inf)),
        (8000, f"{the_calls} 5 to 40 % speech", calls(0.05, 0.4)),
        (8000, f"{the_calls} whole channels", channels()),
    ]
    for rate_hz, title, rows in parts:
        if len(rows.ours):
            compare(title, rows, shipped(rows, rate_hz) if mapping is None else mapping[rate_hz].apply(rows.ours))


def stored(mapping: Mapping) -> str:
    """The mapping as the package reads it: JSON, a line for each name."""
    centre, spread, rows = mapping.centre, mapping.spread, np.column_stack([mapping.offset, mapping.weight])
    parts = {
        "predictors": dict(zip(PREDICTORS, zip(centre, spread, strict=True), strict=True)),
        "weights": dict(zip(SCALED_NAMES, rows, strict=True)),
    }
    blocks = []
    for part, entries in parts.items():
        lines = [f'      "{name}": [{", ".join(f"{v:.6g}" for v in values)}]' for name, values in entries.items()]
        blocks.append(f'    "{part}": {{\n' + ",\n".join(lines) + "\n    }")
    return "{\n" + ",\n".join(blocks) + "\n  }"


def main(argv: list[str] | None = None) -> None:
    """Fit and compare; with ``--write`` put the weights where the package reads them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=Path, metavar="FOLDER", help="unpacked recordings to fit on; without: check what is stored")
    parser.add_argument("--write", action="store_true", help=f"write {OUT.name}")
    args = parser.parse_args(argv)
    if args.people is None:
        if args.write:
            parser.error("--write needs --people FOLDER: what ships is fitted on people")
        check(None)
        return
    everybody = list(speakers(args.people))
    found: dict[int, Mapping] = {}
    for rate_hz in LINES:
        fitted, others = (people(rate_hz, [s for s in everybody if s.fitted == kind]) for kind in (True, False))
        voices = measured(synthetic(rate_hz, FIT_FAMILIES), rate_hz, "synthetic")
        found[rate_hz] = fit(fitted + voices)
        compare(f"{rate_hz} Hz, people, each left out in turn", fitted, left_out(fitted, voices))
        compare(f"{rate_hz} Hz, other people", others, found[rate_hz].apply(others.ours))
    check(found)
    if args.write:
        text = ",\n".join(f'  "{rate_hz}": {stored(mapping)}' for rate_hz, mapping in found.items())
        OUT.write_text("{\n" + text + "\n}\n", "utf-8")
        json.loads(text.join("{}"))
        print(f"\nwritten: {OUT}")


if __name__ == "__main__":
    main()
