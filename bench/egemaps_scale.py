"""The regression that puts our functionals of formants on openSMILE's scale (``simpatico.features.on_opensmile_scale``).

    python -m bench.egemaps_scale [--write]

Both extractors measure the same synthetic voices (``bench.synthvoice``; other seeds than any other bench), at 8 kHz whole, through a
telephone line, and through one with white noise at 20 dB, at 16 kHz clean. Each of openSMILE's twelve is regressed (ridge) on ours of the
formants, of F0 and of the voiced spectrum. Printed is how far ours are from openSMILE's before and after, over other voices than it was
fitted on and over the shared calls (speech parts, 5 s and 10 s): root mean square in SD of openSMILE's, and Pearson's r. What it is worth
to a model: ``bench.egemaps_transfer``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from bench.egemaps_material import Core, Smile, real_pieces
from bench.synthvoice import FAMILIES, Condition, draw_voice, speak, through
from simpatico.features.scale import PREDICTORS, SCALED_NAMES, Mapping, standardised
from tests.reference.egemaps import names
from tests.reference.egemaps.windows import Float

SEEDS = {"fit": 424242, "check": 424243}
VOICES = {"fit": 180, "check": 90}
DURATION_S = 5.0
LINES = {
    8000: (Condition(8000, "full", "none", np.inf), Condition(8000, "tel", "none", np.inf), Condition(8000, "tel", "white", 20.0)),
    16000: (Condition(16000, "full", "none", np.inf),),
}
RIDGE = 10.0
"""Between 3 and 30 the error over other voices moves by 3 %."""
COLUMNS = [names.FUNCTIONAL_NAMES.index(name) for name in SCALED_NAMES]
OUT = Path(__file__).parents[1] / "service/simpatico/features/opensmile_scale.json"


def measured(rate_hz: int, part: str) -> tuple[Float, Float]:
    """The functionals [voices, 88] by openSMILE and by ours."""
    seed = SEEDS[part]
    rng, ours, smile = np.random.default_rng(seed), Core(), Smile()
    theirs_rows, our_rows = [], []
    for k in range(VOICES[part]):
        spoken = speak(rng, draw_voice(rng, FAMILIES[k % len(FAMILIES)]), DURATION_S)
        line = LINES[rate_hz][k // len(FAMILIES) % len(LINES[rate_hz])]
        x = through(spoken, line, np.random.default_rng([seed, k]))
        theirs_rows.append(smile.functionals(x, rate_hz))
        our_rows.append(ours.measure(x, rate_hz).functionals)
    return np.stack(theirs_rows), np.stack(our_rows)


def measured_calls() -> tuple[Float, Float]:
    """The same of the shared calls, which nothing is fitted on; none where they are absent."""
    ours, smile = Core(), Smile()
    pieces = list(real_pieces())
    rows = [(smile.functionals(p.samples, p.rate_hz), ours.measure(p.samples, p.rate_hz).functionals) for p in pieces]
    theirs, own = np.array(rows, dtype=float).reshape(len(rows), 2, len(names.FUNCTIONAL_NAMES)).transpose(1, 0, 2)
    return theirs, own


def fit(theirs: Float, ours: Float) -> Mapping:
    """Ridge regression of openSMILE's twelve on our predictors, standardised and cut as in use."""
    columns = [names.FUNCTIONAL_NAMES.index(name) for name in PREDICTORS]
    centre, spread = ours[:, columns].mean(0), np.maximum(ours[:, columns].std(0), 1e-9)
    z, y = standardised(ours, centre, spread), theirs[:, COLUMNS]
    about = z - z.mean(0)
    weight = np.linalg.solve(about.T @ about + RIDGE * np.eye(len(columns)), about.T @ (y - y.mean(0))).T
    return Mapping(centre, spread, y.mean(0) - weight @ z.mean(0), weight)


def compare(title: str, mapping: Mapping, theirs: Float, ours: Float) -> None:
    """Print errors and correlations before and after."""
    print(f"\n{title}, {len(ours)} pieces")
    print(f"{'':36s}{'error / SD before':>18s}{'after':>8s}{'r before':>12s}{'after':>8s}")
    after = mapping.apply(ours.astype(np.float32))
    for k, name in enumerate(SCALED_NAMES):
        y = theirs[:, COLUMNS[k]]
        cells = [(np.sqrt(np.mean((x - y) ** 2)) / y.std(), np.corrcoef(x, y)[0, 1]) for x in (ours[:, COLUMNS[k]], after[:, k])]
        print(f"{name:36s}{cells[0][0]:18.2f}{cells[1][0]:8.2f}{cells[0][1]:12.2f}{cells[1][1]:8.2f}")


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
    parser.add_argument("--write", action="store_true", help=f"write {OUT.name}")
    args = parser.parse_args(argv)
    found: dict[int, Mapping] = {rate_hz: fit(*measured(rate_hz, "fit")) for rate_hz in LINES}
    for rate_hz, mapping in found.items():
        compare(f"{rate_hz} Hz, other voices", mapping, *measured(rate_hz, "check"))
    theirs, ours = measured_calls()
    if len(ours):
        compare("the shared calls, 8000 Hz", found[8000], theirs, ours)
    if args.write:
        text = ",\n".join(f'  "{rate_hz}": {stored(mapping)}' for rate_hz, mapping in found.items())
        OUT.write_text("{\n" + text + "\n}\n", "utf-8")
        json.loads(text.join("{}"))
        print(f"\nwritten: {OUT}")


if __name__ == "__main__":
    main()
