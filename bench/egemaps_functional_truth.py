"""Functional by functional against its truth: who is nearer, ours or opensmile?

    python -m bench.egemaps_functional_truth [--voices N] [--ours core|reference] [--markdown] [--by-condition]

Synthetic speech (``bench.synthvoice``, held-out seeds, three makes of voice, 5 s each, the same through every line) has known contours:
glottal pulses give voicing, F0, jitter and shimmer, the control tracks give F1-F3 and their bandwidths. The truth of a functional is its
definition (``tests/reference/egemaps``: opensmile's, quirks and all) computed from these contours; levels, HNR and spectral shape are
measured in what is heard, at the true F0, formants and voicing. So a difference from the truth is an error of tracking, not of definition.

Per functional: Pearson r with the truth and median absolute error in SD of the truth over all cases, for both; the share of cases where
ours is nearer, with a 95 % interval by resampling voices (cases of equal error to 0.1 % of the SD count half each). The verdict is "ours"
or "opensmile" where the interval lies on one side of one half, "same" where both errors are equal in nine cases of ten, else "even".
Functionals that rest on neither pitch, voicing nor formants have no truth of this kind and are left out. A second table has the same for
the descriptors, frame by frame, over frames that are voiced in truth and by both.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.egemaps_material import F0_COLUMN, OURS, Measured, Ours, Smile, make_ours
from bench.pitch_cases import HELD_OUT_SEED
from bench.synthvoice import FAMILIES, Condition, Utterance, babble, draw_voice, local_f0_hz, speak, through
from bench.synthvoice.phones import STEP_S
from tests.reference.egemaps import names, periods, windows
from tests.reference.egemaps.descriptors import Descriptors, describe
from tests.reference.egemaps.functionals import functionals
from tests.reference.egemaps.smoothing import sma3_nonzero
from tests.reference.egemaps.windows import HOP_S, Float

DURATION_S = 5.0
BASE_HZ = (90.0, 290.0)
CONDITIONS = (
    Condition(16000, "full", "none", np.inf),
    Condition(16000, "full", "babble", 10.0),
    Condition(8000, "full", "none", np.inf),
    Condition(8000, "tel", "none", np.inf),
    Condition(8000, "tel", "white", 10.0),
    Condition(8000, "tel", "babble", 10.0),
)
"""``tel`` is 300-3400 Hz and mu-law."""
SHORT_CENTRE_S = 0.010
LONG_CENTRE_S = 0.030
EQUAL_SD = 1e-3
SAME_SHARE = 0.9
RESAMPLES = 1000
MARGIN_HZ = 50.0
UNTRACKED = ("loudness", "spectralFlux_", "mfcc1_", "mfcc2_", "mfcc3_", "mfcc4_", "equivalentSoundLevel")
"""Beginnings of the names of functionals of what is heard, whatever its pitch."""


@dataclass(frozen=True)
class Case:
    """One voice in one condition: the 88 and the contours [n, 25] by truth, ours and opensmile."""

    voice: str
    condition: str
    truth: Measured
    ours: Measured
    theirs: Measured


def true_contours(spoken: Utterance, x: Float, rate_hz: int) -> Descriptors:
    """The descriptors of what is heard, with true F0, voicing, formants, jitter and shimmer."""
    n = windows.frame_count(len(x), rate_hz, windows.LONG_HOPS) - 1
    start_s = np.arange(n) * HOP_S
    f0 = local_f0_hz(spoken.pulses, start_s + LONG_CENTRE_S)
    d = describe(x, f0, rate_hz, formants_hz=_true_formants(spoken, start_s + SHORT_CENTRE_S, rate_hz))
    jitter, shimmer = _true_perturbation(spoken, n)
    voiced = d.voiced.copy()
    voiced[:, 1], voiced[:, 2] = sma3_nonzero(jitter * (f0 > 0)), sma3_nonzero(shimmer * (f0 > 0))
    return replace(d, voiced=voiced)


def _true_formants(spoken: Utterance, at_s: Float, rate_hz: int) -> tuple[Float, Float]:
    """F1-F3 and bandwidths of the synthesiser at given times [n, 3]; 0 above what the rate carries."""
    tracks = spoken.plan.formants_hz * spoken.voice.tract_scale
    t = (np.arange(len(tracks)) + 0.5) * STEP_S
    f = np.stack([np.interp(at_s, t, track) for track in tracks.T], axis=1)
    heard = f < rate_hz / 2 - MARGIN_HZ
    return f * heard, (50.0 + 0.05 * f) * heard


def _true_perturbation(spoken: Utterance, frames: int) -> tuple[Float, Float]:
    """Local jitter and shimmer of the glottal pulses that begin in each frame's first 10 ms [n]; 0 where there is none."""
    p = spoken.pulses
    pairs = (p.gain[1:] > 0) & (p.gain[:-1] > 0)
    values = np.stack([_change(p.period_s), 20 * np.log10(1 + _change(p.gain))])
    frame = np.floor(p.onset_s[1:] / HOP_S).astype(int)
    use = pairs & (frame < frames)
    count = np.maximum(np.bincount(frame[use], minlength=frames), 1)
    jitter, shimmer = (np.bincount(frame[use], weights=v[use], minlength=frames) / count for v in values)
    return jitter, shimmer


def _change(x: Float) -> Float:
    return np.abs(np.diff(x)) / np.maximum((x[1:] + x[:-1]) / 2, periods.ENERGY_FLOOR)


def cases(voices: int, ours: Ours, smile: Smile, conditions: tuple[Condition, ...] = CONDITIONS) -> Iterator[Case]:
    """``voices`` of each family in every condition."""
    for family in FAMILIES:
        seed = HELD_OUT_SEED + 5000 + 100 * FAMILIES.index(family)
        crowd = babble(np.random.default_rng([seed, 1]), DURATION_S, family)
        for i in range(voices):
            rng = np.random.default_rng([seed, 2, i])
            base_hz = BASE_HZ[0] * (BASE_HZ[1] / BASE_HZ[0]) ** ((i + 0.5) / voices)
            spoken = speak(rng, draw_voice(rng, family, base_hz), DURATION_S)
            for j, condition in enumerate(conditions):
                x = through(spoken, condition, np.random.default_rng([seed, 3, i, j]), crowd)
                d = true_contours(spoken, x, condition.rate_hz)
                frames = np.concatenate([d.short[: len(d.voicing)], d.voiced, d.formant], axis=1)
                truth = Measured(np.array(list(functionals(d).values())), frames)
                mine, theirs = ours.measure(x, condition.rate_hz), smile.measure(x, condition.rate_hz)
                yield Case(f"{family} {i}", str(condition), truth, mine, theirs)


@dataclass(frozen=True)
class Row:
    """Figures of one functional or descriptor, ours first in each pair."""

    name: str
    r: tuple[float, float]
    error: tuple[float, float]
    nearer: float
    interval: tuple[float, float]
    verdict: str


def compare(found: list[Case]) -> list[Row]:
    """A row per tracked functional."""
    values = [np.stack([getattr(c, k).functionals for c in found]) for k in ("truth", "ours", "theirs")]
    voice = _numbers(found)
    return [
        _row(name, *(v[:, k] for v in values), voice) for k, name in enumerate(names.FUNCTIONAL_NAMES) if not name.startswith(UNTRACKED)
    ]


def compare_frames(found: list[Case]) -> list[Row]:
    """A row per tracked descriptor, over frames that are voiced in truth and by both, and where none of the three is missing."""
    rows = []
    number = _numbers(found)
    for k, name in enumerate(names.LLD_NAMES):
        if name in names.SHORT:
            continue
        values, voice = [], []
        for c, v in zip(found, number, strict=True):
            frames = [getattr(c, key).frames for key in ("truth", "ours", "theirs")]
            n = min(map(len, frames))
            use = np.all([(f[:n, F0_COLUMN] > 0) & (f[:n, k] != 0) for f in frames], axis=0)
            values.append([f[:n][use, k] for f in frames])
            voice.append(np.full(use.sum(), v))
        columns = [np.concatenate([v[which] for v in values]) for which in range(3)]
        rows.append(_row(name, *columns, np.concatenate(voice)))
    return rows


def _numbers(found: list[Case]) -> NDArray[np.intp]:
    voices = list(dict.fromkeys(c.voice for c in found))
    return np.array([voices.index(c.voice) for c in found])


def _row(name: str, truth: Float, ours: Float, theirs: Float, voice: NDArray[np.intp]) -> Row:
    spread = max(float(truth.std()), 1e-12)
    a, b = np.abs(ours - truth) / spread, np.abs(theirs - truth) / spread
    equal = np.abs(a - b) <= EQUAL_SD
    nearer = np.where(equal, 0.5, a < b)
    count = np.maximum(np.bincount(voice), 1)
    per_voice = np.bincount(voice, weights=nearer) / count
    draws = np.random.default_rng(1).integers(len(count), size=(RESAMPLES, len(count)))
    low, high = np.quantile(per_voice[draws].mean(1), (0.025, 0.975))
    verdict = "same" if equal.mean() >= SAME_SHARE else "ours" if low > 0.5 else "opensmile" if high < 0.5 else "even"
    error = (float(np.median(a)), float(np.median(b)))
    return Row(name, (_r(ours, truth), _r(theirs, truth)), error, float(per_voice.mean()), (float(low), float(high)), verdict)


def _r(x: Float, y: Float) -> float:
    return float(np.corrcoef(x, y)[0, 1]) if x.std() > 0 and y.std() > 0 else float("nan")


def table(rows: list[Row], markdown: bool) -> None:
    """One row per functional."""
    if markdown:
        print("| name | r, ours | r, opensmile | error, ours | error, opensmile | ours nearer | verdict |")
        print("|---|---|---|---|---|---|---|")
    else:
        print(f"{'':48s}{'r: ours':>9s}{'opensm.':>9s}{'error SD':>10s}{'opensm.':>9s}{'ours nearer':>20s}  verdict")
    for w in rows:
        share = f"{100 * w.nearer:.0f} % [{100 * w.interval[0]:.0f}, {100 * w.interval[1]:.0f}]"
        if markdown:
            figures = f"{w.r[0]:.3f} | {w.r[1]:.3f} | {w.error[0]:.3f} | {w.error[1]:.3f} | {share}"
            print(f"| `{w.name}` | {figures} | {w.verdict} |")
        else:
            print(f"{w.name:48s}{w.r[0]:9.3f}{w.r[1]:9.3f}{w.error[0]:10.3f}{w.error[1]:9.3f}{share:>20s}  {w.verdict}")


def main(argv: list[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voices", type=int, default=8, help="of each of three families")
    parser.add_argument("--ours", choices=OURS, default="core")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--by-condition", action="store_true", help="verdicts per condition too")
    args = parser.parse_args(argv)
    found = list(cases(args.voices, make_ours(args.ours), Smile()))
    titles = list(dict.fromkeys(c.condition for c in found))
    print(f"ours: {args.ours}; {len(found)} cases: {args.voices} voices of each of {', '.join(FAMILIES)}, in {'; '.join(titles)}\n")
    for rows in (compare(found), compare_frames(found)):
        table(rows, args.markdown)
        print(f"\nverdicts: {dict(Counter(w.verdict for w in rows))}\n")
    for title in titles if args.by_condition else ():
        part = compare([c for c in found if c.condition == title])
        print(f"{title}: {dict(Counter(w.verdict for w in part))}; opensmile nearer:", end=" ")
        print(", ".join(w.name for w in part if w.verdict == "opensmile") or "none")


if __name__ == "__main__":
    main()
