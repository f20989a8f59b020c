"""Who is nearer the truth, where our eGeMAPS and opensmile's differ: one table against known truth, with Praat beside.

    python -m bench.egemaps_truth [--vowels N] [--voices N] [--ours core|reference]

F0, formants, bandwidths, jitter, shimmer and H1-H2 of steady vowels, HNR of mixtures, slopes of tilted noise (``bench.egemaps_vowels``):
median absolute error. Gross pitch errors (GPE, over 20 %) and voicing decision errors (VDE) of connected speech, in % of frames
(``bench.pitch_cases``, held-out seeds; the others read at the offset in time that suits each best, ours at none). HNR and slopes of ours
are those that are meant as the figure itself: those of the signals set, and for the HNR of the whole band at 16 kHz (the signals set has
that of 0-4 kHz) the eGeMAPS column with the window divided out, ``simpatico.features.unwindowed_hnr_db``; the eGeMAPS columns under the
same names keep opensmile's definition and stand in rows of their own. The H1-H2 of ours is the reference's true one (fundamental over
second harmonic).

"Guess" is the error of who always says the middle of what was drawn: an error that is not clearly below it is no measurement.
The verdict compares ours with the better of the others: "ours" or the other's name where a 95 % bootstrap interval over the cases of the
difference of the two figures lies on one side of zero, else, or where they differ by less than 2 % or the figure's grain, "even".
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.signal import resample_poly

from bench.egemaps_material import OURS, Ours, Smile, core_f0_hz, make_ours
from bench.egemaps_vowels import DURATION_S, Tilted, Vowel, draw_mixture, draw_tilted, draw_vowel, send
from bench.pitch_cases import Score, cases, score
from bench.pitch_trackers import at_frames, available
from bench.reference import reference
from bench.synthvoice import FAMILIES, Condition, babble
from simpatico.core import INDEX, FrameExtractor
from simpatico.features import unwindowed_hnr_db
from tests.reference.egemaps import harmonics, names, windows
from tests.reference.egemaps.windows import Float

parselmouth = reference("parselmouth")
call = reference("parselmouth.praat").call

SEED = 16
CONDITIONS = (
    Condition(16000, "full", "none", np.inf),
    Condition(16000, "full", "white", 10.0),
    Condition(8000, "full", "none", np.inf),
    Condition(8000, "tel", "none", np.inf),
    Condition(8000, "tel", "white", 10.0),
    Condition(8000, "tel", "babble", 10.0),
)
VOWEL_FIGURES = ("F0 st", "F1 Hz", "F2 Hz", "F3 Hz", "B1 Hz", "B2 Hz", "B3 Hz", "jitter %", "shimmer dB", "H1-H2 dB")
VOWEL_COLUMNS = ("F0semitoneFrom27.5Hz", "F1frequency", "F2frequency", "F3frequency", "F1bandwidth", "F2bandwidth", "F3bandwidth",
                 "jitterLocal", "shimmerLocaldB", "logRelF0-H1-H2")  # fmt: skip
PERCENT = np.array([1, 1, 1, 1, 1, 1, 1, 100, 1, 1])
MIN_FRAMES = 5
NARROW_HZ = 8000
OFFSETS_S = tuple(np.arange(-0.04, 0.0401, 0.005))
TRACKERS = {"ours": "Simpatico", "opensmile": "openSMILE", "Praat": "Praat ac"}
WHO = ("ours", "opensmile", "Praat")
RESAMPLES = 1000
EQUAL = 0.02
"""Share of the better one's error that counts as no difference."""
GRAINS = {"F0 st": 0.02, "jitter %": 0.02, "shimmer dB": 0.02}
"""Differences that nobody can use: 0.02 st is a fifth of the least change of F0 that listeners notice ('t Hart 1981: far more, in
speech)."""
OFF_ST = 1.0


@dataclass(frozen=True)
class Line:
    """One figure in one condition: absolute errors of each over the cases [n], NaN where it says nothing."""

    figure: str
    condition: str
    errors: dict[str, Float]
    guess: float = np.nan


def spread(truth: Float) -> float:
    """Median absolute error of the middle as a guess."""
    return float(np.median(np.abs(truth - np.median(truth))))


def functional(values: Float, name: str) -> float:
    """One of the 88 by name."""
    return float(values[names.FUNCTIONAL_NAMES.index(name)])


def signals(x: Float, rate_hz: int) -> Float:
    """Rows of the signals set."""
    extractor = FrameExtractor(rate_hz)
    return np.concatenate([extractor.push(x.astype(np.float32)), extractor.finish()]).astype(np.float64)


def vowel_figures(values: Float) -> Float:
    """``VOWEL_FIGURES`` from the 88."""
    return np.array([functional(values, f"{k}_sma3nz_amean") for k in VOWEL_COLUMNS]) * PERCENT


def true_h1_h2_db(x: Float, rate_hz: int) -> float:
    """Fundamental over second harmonic by the reference, with the core's F0."""
    spectra, f0 = windows.long_magnitudes(x, rate_hz), core_f0_hz(x, rate_hz)
    n = min(len(spectra), len(f0))
    h = harmonics.true_h1_h2_db(spectra[:n], f0[:n], rate_hz)
    return float(h[h != 0].mean()) if (h != 0).any() else np.nan


def praat_vowel(x: Float, rate_hz: int) -> Float:
    """The same by Praat, settings of its manual; no H1-H2."""
    sound = parselmouth.Sound(x, rate_hz)
    ceiling = min(5500.0, rate_hz / 2)
    track = sound.to_formant_burg(max_number_of_formants=4 if ceiling < 5000 else 5, maximum_formant=ceiling)
    times = np.arange(0.1, DURATION_S - 0.1, 0.01)
    formants = [float(np.nanmean([track.get_value_at_time(k, t) for t in times])) for k in (1, 2, 3)]
    widths = [float(np.nanmean([track.get_bandwidth_at_time(k, t) for t in times])) for k in (1, 2, 3)]
    pulses = call([sound, sound.to_pitch(pitch_floor=75, pitch_ceiling=300)], "To PointProcess (cc)")
    jitter = call(pulses, "Get jitter (local)", 0, 0, 0.0001, 0.02, 1.3)
    shimmer = call([sound, pulses], "Get shimmer (local_dB)", 0, 0, 0.0001, 0.02, 1.3, 1.6)
    pitch = sound.to_pitch_ac(pitch_floor=75, pitch_ceiling=500).selected_array["frequency"]
    f0 = float(np.mean(12 * np.log2(pitch[pitch > 0] / 27.5))) if (pitch > 0).any() else np.nan
    return np.array([f0, *formants, *widths, jitter, shimmer, np.nan]) * PERCENT


def whole_band_hnr_db(frames: Float) -> float:
    """Mean over voiced frames of the eGeMAPS column with the window divided out."""
    st, hnr = (frames[:, names.LLD_NAMES.index(f"{k}_sma3nz")] for k in ("F0semitoneFrom27.5Hz", "HNRdBACF"))
    voiced = st > 0
    return float(unwindowed_hnr_db(hnr[voiced], 27.5 * 2 ** (st[voiced] / 12)).mean()) if voiced.sum() >= MIN_FRAMES else np.nan


def praat_hnr_db(x: Float, rate_hz: int) -> float:
    """Praat's harmonicity by cross-correlation, mean over the frames it calls voiced."""
    values = parselmouth.Sound(x, rate_hz).to_harmonicity_cc().values
    return float(values[values > -200].mean()) if (values > -200).any() else np.nan


def vowel_lines(condition: Condition, vowels: list[Vowel], ours: Ours, smile: Smile, crowd: Float) -> Iterator[Line]:
    """Errors on steady vowels."""
    said: dict[str, list[Float]] = {who: [] for who in WHO}
    truth = []
    for k, v in enumerate(vowels):
        x, _ = send(v.samples, condition, np.random.default_rng([SEED, 1, k]), crowd)
        mine = vowel_figures(ours.measure(x, condition.rate_hz).functionals)
        mine[-1] = true_h1_h2_db(x, condition.rate_hz)
        said["ours"].append(mine)
        said["opensmile"].append(vowel_figures(smile.functionals(x, condition.rate_hz)))
        said["Praat"].append(praat_vowel(x, condition.rate_hz))
        truth.append([12 * np.log2(v.f0_hz / 27.5), *v.formants_hz, *v.bandwidths_hz, 100 * v.jitter, v.shimmer_db, v.h1_h2_db])
    for k, figure in enumerate(VOWEL_FIGURES):
        if figure.startswith("H1-H2") and condition.band == "tel":
            continue  # the fundamental is not there
        true = np.array(truth)[:, k]
        errors = {who: np.abs(np.array(m)[:, k] - true) for who, m in said.items()}
        yield Line(figure, str(condition), errors, spread(true))
        if figure == "F0 st":
            yield Line("vowels off by 1 st %", str(condition), {w: 100.0 * ~(e <= OFF_ST) for w, e in errors.items()})


def mixture_lines(condition: Condition, count: int, ours: Ours, smile: Smile, crowd: Float) -> Iterator[Line]:
    """Errors of HNR; the truth is what arrives of the periodic part over everything else that arrives, in the band that a figure is of.

    At 16 kHz ours has two figures: of the whole band, and of 0-4 kHz, for which the others hear what arrives at 8 kHz.
    """
    rng = np.random.default_rng(SEED + 1)
    said: dict[str, dict[str, list[float]]] = {}
    truth: dict[str, list[float]] = {}
    wide = condition.rate_hz > NARROW_HZ
    for k in range(count):
        mixture = draw_mixture(rng)
        noise_rng = np.random.default_rng([SEED, 2, k])
        x, _ = send(mixture.periodic + mixture.noise, condition, noise_rng, crowd)
        _, periodic = send(mixture.periodic, condition, noise_rng, crowd)
        mine, low = ours.measure(x, condition.rate_hz), signals_hnr_db(x, condition.rate_hz)
        column = functional(mine.functionals, "HNRdBACF_sma3nz_amean")
        heard = {"HNR dB": (x, periodic, condition.rate_hz, whole_band_hnr_db(mine.frames) if wide else low)}
        if wide:
            narrow, narrow_periodic = (resample_poly(v, 1, condition.rate_hz // NARROW_HZ) for v in (x, periodic))
            heard["HNR dB, of 0-4 kHz"] = (narrow, narrow_periodic, NARROW_HZ, low)
        for figure, (y, wanted, rate_hz, own) in heard.items():
            truth.setdefault(figure, []).append(10 * np.log10(np.sum(wanted**2) / np.sum((y - wanted) ** 2)))
            theirs = functional(smile.functionals(y, rate_hz), "HNRdBACF_sma3nz_amean")
            cells = {"ours": own, "opensmile": theirs, "Praat": praat_hnr_db(y, rate_hz), "eGeMAPS": column}
            for who, value in cells.items():
                said.setdefault(figure, {}).setdefault(who, []).append(value)
    for figure, by in said.items():
        errors = {who: np.abs(np.array(v) - np.array(truth[figure])) for who, v in by.items()}
        guess = spread(np.array(truth[figure]))
        yield Line(figure, str(condition), {who: errors[who] for who in WHO}, guess)
        if figure == "HNR dB":
            yield Line("HNR dB, eGeMAPS column", str(condition), {"ours": errors["eGeMAPS"], "opensmile": errors["opensmile"]}, guess)


def signals_hnr_db(x: Float, rate_hz: int) -> float:
    """Mean of ``hnr_db`` of the signals set over voiced frames: of 0-4 kHz at either rate."""
    rows = signals(x, rate_hz)
    voiced = rows[:, INDEX["f0_hz"]] > 0
    return float(rows[voiced, INDEX["hnr_db"]].mean()) if voiced.sum() >= MIN_FRAMES else np.nan


def slope_lines(condition: Condition, count: int, ours: Ours, smile: Smile, crowd: Float) -> Iterator[Line]:
    """Errors of the slopes, in dB per kHz; in the telephone band only that above 500 Hz can be heard."""
    rng = np.random.default_rng(SEED + 2)
    found: list[Tilted] = [draw_tilted(rng) for _ in range(count)]
    for band, column, key in (("0-500", "slope_0_500_db_per_hz", "low"), ("500-1500", "slope_500_1500_db_per_hz", "high")):
        if condition.noise != "none" or (condition.band == "tel" and key == "low"):
            continue
        said: dict[str, list[float]] = {who: [] for who in ("ours", "eGeMAPS", "opensmile")}
        for k, tilted in enumerate(found):
            x, _ = send(tilted.samples, condition, np.random.default_rng([SEED, 3, k]), crowd)
            name = f"slopeUV{band}_sma3nz_amean"
            said["ours"].append(float(np.median(signals(x, condition.rate_hz)[MIN_FRAMES:-MIN_FRAMES, INDEX[column]])))
            said["eGeMAPS"].append(functional(ours.measure(x, condition.rate_hz).functionals, name))
            said["opensmile"].append(functional(smile.functionals(x, condition.rate_hz), name))
        truth = np.array([getattr(t, key) for t in found])
        errors = {who: 1000 * np.abs(np.array(v) - truth) for who, v in said.items()}
        guess = spread(1000 * truth)
        yield Line(f"slope {band} dB/kHz", str(condition), {who: errors[who] for who in ("ours", "opensmile")}, guess)
        theirs = errors["opensmile"]
        yield Line(f"slope {band} dB/kHz, eGeMAPS column", str(condition), {"ours": errors["eGeMAPS"], "opensmile": theirs}, guess)


def pitch_lines(voices: int) -> Iterator[Line]:
    """Gross pitch and voicing errors of connected speech, one figure per voice."""
    wanted = {str(c) for c in CONDITIONS}
    trackers = available(tuple(TRACKERS.values()))
    for rate_hz in sorted({c.rate_hz for c in CONDITIONS}, reverse=True):
        found: dict[str, dict[str, list[list[Score]]]] = {}
        for case in cases(voices, rate_hz):
            if str(case.condition) not in wanted:
                continue
            for who, name in TRACKERS.items():
                track = trackers[name](case.samples, rate_hz)
                offsets = (0.0,) if who == "ours" else OFFSETS_S
                scores = [score(at_frames(track, case.truth.voiced.size, o), case.truth) for o in offsets]
                found.setdefault(str(case.condition), {}).setdefault(who, []).append(scores)
        for condition, by in found.items():
            best = {who: _best_offset([s for other in found.values() for s in other[who]]) for who in by}
            for figure in ("gpe", "vde"):
                errors = {who: np.array([getattr(s[best[who]], figure) for s in scores]) for who, scores in by.items()}
                yield Line(f"{figure.upper()} %", condition, errors)


def _best_offset(scores: list[list[Score]]) -> int:
    return int(np.argmin([np.mean([s[k].ffe for s in scores]) for k in range(len(scores[0]))]))


def middle_of(figure: str) -> Callable[..., Float]:
    """Rates of error are averaged, errors have medians."""
    return np.nanmean if figure.endswith("%") and not figure.startswith("jitter") else np.nanmedian


def verdict(line: Line, summary: dict[str, float]) -> str:
    """Ours against the better of the others."""
    best = min((w for w in line.errors if w != "ours" and np.isfinite(summary[w])), key=lambda w: summary[w])
    grain = max(EQUAL * summary[best], GRAINS.get(line.figure, 0.0))
    draws = np.random.default_rng(1).integers(len(line.errors["ours"]), size=(RESAMPLES, len(line.errors["ours"])))
    middle = middle_of(line.figure)
    difference = middle(line.errors["ours"][draws], axis=1) - middle(line.errors[best][draws], axis=1)
    low, high = np.nanquantile(difference, (0.025, 0.975))
    if abs(summary["ours"] - summary[best]) <= grain:
        return "even"
    return "ours" if high < 0 else best if low > 0 else "even"


def show(lines: list[Line]) -> None:
    """The table: a row per figure and condition, in the order of figures; means for rates of error, medians for the rest."""
    print(f"{'':40s}{'':24s}" + "".join(f"{w:>11s}" for w in (*WHO, "guess")) + "  nearer")
    figures = list(dict.fromkeys(line.figure for line in lines))
    for line in sorted(lines, key=lambda w: figures.index(w.figure)):
        middle = middle_of(line.figure)
        summary = {w: float(middle(e)) if np.isfinite(e).any() else np.nan for w, e in line.errors.items()}
        shown = [summary.get(w, np.nan) for w in WHO] + [line.guess]
        cells = "".join(f"{v:11.2f}" if np.isfinite(v) else f"{'-':>11s}" for v in shown)
        nearer = verdict(line, summary)
        print(f"{line.figure:40s}{line.condition:24s}{cells}  {nearer}")


def main(argv: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vowels", type=int, default=30, help="steady voices of each kind")
    parser.add_argument("--voices", type=int, default=3, help="talking voices of each of three families")
    parser.add_argument("--ours", choices=OURS, default="core")
    args = parser.parse_args(argv)
    ours, smile = make_ours(args.ours), Smile()
    rng = np.random.default_rng(SEED)
    crowd = babble(rng, DURATION_S, FAMILIES[0])
    vowels = [draw_vowel(rng) for _ in range(args.vowels)]
    lines = list(pitch_lines(args.voices))
    for condition in CONDITIONS:
        lines += vowel_lines(condition, vowels, ours, smile, crowd)
        lines += mixture_lines(condition, args.vowels, ours, smile, crowd)
        lines += slope_lines(condition, args.vowels, ours, smile, crowd)
    print(f"ours: {args.ours}; {args.vowels} steady voices of each kind; {args.voices} talking voices of each of {len(FAMILIES)} makes")
    show(lines)


if __name__ == "__main__":
    main()
