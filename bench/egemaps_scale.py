"""The lines that put our functionals of formants on openSMILE's scale (``simpatico.features.on_opensmile_scale``).

    python -m bench.egemaps_scale [--write]

Both extractors measure the same synthetic voices (``bench.synthvoice``; other seeds than any other bench), at 8 kHz whole, through a
telephone line, and through one with white noise at 20 dB, at 16 kHz clean. Per functional the line ``a + b x`` takes our median and
interquartile range to openSMILE's. Printed are the lines and the distance of the medians before and after, in interquartile ranges of
openSMILE's, over other voices than the lines were fitted on. What it is worth to a model: ``bench.egemaps_transfer``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from bench.egemaps_material import Core, Smile
from bench.synthvoice import FAMILIES, Condition, draw_voice, speak, through
from simpatico.features.scale import SCALED_NAMES
from tests.reference.egemaps import names
from tests.reference.egemaps.windows import Float

SEEDS = {"fit": 424242, "check": 424243}
VOICES = 90
DURATION_S = 5.0
LINES = {
    8000: (Condition(8000, "full", "none", np.inf), Condition(8000, "tel", "none", np.inf), Condition(8000, "tel", "white", 20.0)),
    16000: (Condition(16000, "full", "none", np.inf),),
}
COLUMNS = [names.FUNCTIONAL_NAMES.index(name) for name in SCALED_NAMES]
OUT = Path(__file__).parents[1] / "service/simpatico/features/opensmile_scale.json"


def measured(rate_hz: int, seed: int) -> tuple[Float, Float]:
    """The functionals [VOICES, 12] by openSMILE and by ours."""
    rng, ours, smile = np.random.default_rng(seed), Core(), Smile()
    theirs_rows, our_rows = [], []
    for k in range(VOICES):
        spoken = speak(rng, draw_voice(rng, FAMILIES[k % len(FAMILIES)]), DURATION_S)
        line = LINES[rate_hz][k // len(FAMILIES) % len(LINES[rate_hz])]
        x = through(spoken, line, np.random.default_rng([seed, k]))
        theirs_rows.append(smile.functionals(x, rate_hz)[COLUMNS])
        our_rows.append(ours.measure(x, rate_hz).functionals[COLUMNS])
    return np.stack(theirs_rows), np.stack(our_rows)


def fit(theirs: Float, ours: Float) -> tuple[Float, Float]:
    """Offsets and factors [12]."""
    factor = _spread(theirs) / np.maximum(_spread(ours), 1e-9)
    return np.median(theirs, 0) - factor * np.median(ours, 0), factor


def _spread(x: Float) -> Float:
    return np.asarray(np.subtract(*np.quantile(x, (0.75, 0.25), axis=0)))


def main(argv: list[str] | None = None) -> None:
    """Print the lines; with ``--write`` put them where the package reads them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"write {OUT.name}")
    args = parser.parse_args(argv)
    found: dict[str, dict[str, list[float]]] = {}
    for rate_hz in LINES:
        offset, factor = fit(*measured(rate_hz, SEEDS["fit"]))
        theirs, ours = measured(rate_hz, SEEDS["check"])
        before, after = (np.median(x, 0) - np.median(theirs, 0) for x in (ours, offset + factor * ours))
        print(f"\n{rate_hz} Hz, {VOICES} voices; distance of medians in IQR of opensmile's")
        print(f"{'':36s}{'a':>12s}{'b':>10s}{'before':>9s}{'after':>8s}")
        for k, name in enumerate(SCALED_NAMES):
            iqr = _spread(theirs)[k]
            print(f"{name:36s}{offset[k]:12.4f}{factor[k]:10.4f}{before[k] / iqr:+9.2f}{after[k] / iqr:+8.2f}")
        found[str(rate_hz)] = {n: [float(f"{a:.6g}"), float(f"{b:.6g}")] for n, a, b in zip(SCALED_NAMES, offset, factor, strict=True)}
    if args.write:
        OUT.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
        print(f"\nwritten: {OUT}")


if __name__ == "__main__":
    main()
