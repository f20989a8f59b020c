"""How accurate the core's F0 and voicing are, beside Praat's autocorrelation method and RAPT, on voices whose truth is known.

``python -m bench.pitch`` (about five minutes; ``--voices 4`` for a look). The voices, their seeds and one family of them (``lf``: another
glottal source, other vowels, creak) were never used to fit anything. Besides, the agreement with Praat and RAPT on speech whose truth
nobody knows: espeak-ng's, where it is installed (the two trackers' consensus on the clean recording, then in noise), and the eight shared
calls, where they are present.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
from collections import defaultdict

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from bench.harper_valley import ABSENT, find_folder, load_calls
from bench.pitch_cases import HELD_OUT_SEED, Score, cases, score
from bench.pitch_trackers import FAST, OURS, Track, Tracker, at_frames, available
from bench.synthvoice import FAMILIES, HELD_OUT_FAMILIES, Truth, Utterance, babble, conditions, draw_voice, through

Array = NDArray[np.float64]
Results = dict[tuple[str, str], Score]

OFFSETS_S = (-0.015, -0.010, -0.005, 0.0, 0.005, 0.010, 0.015)
SLOW = ("pyin", "openSMILE")
CRITERION_DB = 10.0
_SENTENCES = (
    "Good morning, I would like to check the balance of my savings account, please.",
    "Could you tell me why my card was declined yesterday? I was quite embarrassed.",
    "No, that is not what I asked for! I need to speak to somebody else.",
    "Well, I suppose we can wait until Tuesday, if there is nothing else to do.",
)
_ESPEAK_VOICES = ("en-us+m1", "en-us+f1", "en-gb+m3", "en-gb+f2", "en-us+m7", "en-gb+f4", "de+f3", "fr+m2", "es+f5", "en-us+f3")


def measure(trackers: dict[str, Tracker], voices: int, rate_hz: int) -> tuple[dict[str, Results], dict[str, float]]:
    """Scores of each tracker by (family, condition), at the offset with its least mean FFE, and those offsets in seconds."""
    by_offset: dict[str, dict[float, Results]] = {
        name: {o: defaultdict(Score) for o in (OFFSETS_S if name != OURS else (0.0,))} for name in trackers
    }
    for case in cases(voices, rate_hz):
        for name, tracker in trackers.items():
            track = tracker(case.samples, rate_hz)
            for offset, results in by_offset[name].items():
                results[case.family, str(case.condition)] += score(at_frames(track, case.truth.voiced.size, offset), case.truth)
    best = {name: min(choices, key=lambda o: mean_ffe(choices[o])) for name, choices in by_offset.items()}
    return {name: by_offset[name][best[name]] for name in trackers}, best


def pooled(results: Results, condition: str, families: tuple[str, ...] = FAMILIES) -> Score:
    """One condition over families."""
    total = Score()
    for family in families:
        total += results[family, condition]
    return total


def mean_ffe(results: Results, families: tuple[str, ...] = FAMILIES) -> float:
    """Mean over conditions."""
    return float(np.mean([pooled(results, c, families).ffe for c in dict.fromkeys(c for _, c in results)]))


def shortfalls(results: dict[str, Results], rate_hz: int) -> list[str]:
    """Where, at 10 dB and above, ours is worse than the better of Praat and RAPT."""
    found = []
    for condition in conditions(rate_hz):
        if condition.snr_db < CRITERION_DB:
            continue
        for figure in ("gpe", "vde"):
            mine = getattr(pooled(results[OURS], str(condition)), figure)
            best = min(getattr(pooled(results[name], str(condition)), figure) for name in FAST if name in results)
            if mine > best:
                found.append(f"{condition}: {figure.upper()} {mine:.2f} against {best:.2f}")
    return found


def print_table(results: dict[str, Results], offsets: dict[str, float], rate_hz: int) -> None:
    """GPE / VDE per condition, then mean FFE overall and by family, then the verdict."""
    print(f"\n{rate_hz // 1000} kHz: GPE / VDE in % (false alarms of ours in % of unvoiced frames), held-out seeds {HELD_OUT_SEED} and up")
    print(f"{'':26}" + "".join(f"{name:>16}" for name in results) + f"{'false alarms':>14}")
    for condition in map(str, conditions(rate_hz)):
        scores = {name: pooled(result, condition) for name, result in results.items()}
        cells = "".join(f"{f'{s.gpe:.2f} / {s.vde:.2f}':>16}" for s in scores.values())
        print(f"{condition:26}{cells}{scores[OURS].false_alarm:14.1f}")
    for label, families in (
        ("mean FFE, all families", FAMILIES),
        *((f"mean FFE, {f}{'*' if f in HELD_OUT_FAMILIES else ''}", (f,)) for f in FAMILIES),
    ):
        print(f"{label:26}" + "".join(f"{mean_ffe(result, families):16.2f}" for result in results.values()))
    print("* never fitted on.  Offsets that suited best: " + ", ".join(f"{name} {1000.0 * o:+.0f} ms" for name, o in offsets.items()))
    if any(name in results for name in FAST):
        print("worse than the better of Praat and RAPT at 10 dB and above: " + ("; ".join(shortfalls(results, rate_hz)) or "nowhere"))


def consensus(tracks: list[Array]) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Array]:
    """Frames that all call voiced with F0 within 10 % of each other, frames that all call unvoiced, and the mean F0 of the former."""
    stack = np.stack(tracks)
    unvoiced = (stack == 0.0).all(axis=0)
    voiced = (stack > 0.0).all(axis=0)
    voiced &= stack.max(axis=0) < 1.1 * np.where(voiced, stack.min(axis=0), 1.0)
    return voiced, unvoiced, np.where(voiced, stack.mean(axis=0), 0.0)


def agreement(f0_hz: Array, agreed: tuple[NDArray[np.bool_], NDArray[np.bool_], Array]) -> Score:
    """Score on the frames that the references agree on."""
    voiced, unvoiced, reference = agreed
    known = voiced | unvoiced
    return score(f0_hz[known], Truth(voiced[known], reference[known], voiced[known]))


def espeak(sentence: str, voice: str) -> Array:
    """Speech of espeak-ng at 16 kHz."""
    spoken = subprocess.run(["espeak-ng", "-v", voice, "--stdout", sentence], check=True, capture_output=True).stdout
    samples, rate_hz = soundfile.read(io.BytesIO(spoken))
    return np.asarray(resample_poly(samples, 16000, rate_hz))


def espeak_agreement(trackers: dict[str, Tracker], offsets: dict[str, float]) -> dict[str, Results]:
    """Each tracker, in each condition, against the references' consensus on the clean full-band recording at 8 kHz."""
    results: dict[str, Results] = {name: defaultdict(Score) for name in trackers}
    for i, voice in enumerate(_ESPEAK_VOICES):
        speech = np.concatenate([np.pad(espeak(_SENTENCES[(i + j) % len(_SENTENCES)], voice), (4800, 4800)) for j in range(2)])
        speech = speech[: speech.size // 160 * 160]
        speech = 0.05 * speech / np.sqrt(np.mean(speech[speech != 0.0] ** 2))
        power = np.mean(speech.reshape(-1, 160) ** 2, axis=1)
        active = power > 1e-3 * power.max()
        rng = np.random.default_rng([HELD_OUT_SEED, 7, i])
        utterance = Utterance(speech, Truth(active, np.zeros(active.size), active), draw_voice(rng, "lf"))
        crowd = babble(rng, speech.size / 16000.0, "lf")
        agreed = None
        for condition in conditions():
            heard = through(utterance, condition, rng, crowd).astype(np.float32)
            tracks = {name: at_frames(tracker(heard, 8000), active.size, offsets[name]) for name, tracker in trackers.items()}
            agreed = agreed or consensus([tracks[name] for name in FAST])
            for name, track in tracks.items():
                results[name]["espeak", str(condition)] += agreement(track, agreed)
    return results


def print_espeak(trackers: dict[str, Tracker], offsets: dict[str, float]) -> None:
    """GPE, miss and false alarm of each."""
    if shutil.which("espeak-ng") is None:
        print("\nespeak-ng is not installed: its voices are left out")
        return
    results = espeak_agreement(trackers, offsets)
    print("\nespeak-ng, 10 voices, against the consensus of Praat and RAPT on the clean recording: GPE / miss / false alarm in %")
    print(f"{'':26}" + "".join(f"{name:>24}" for name in trackers))
    for condition in map(str, conditions()):
        scores = [results[name]["espeak", condition] for name in trackers]
        print(f"{condition:26}" + "".join(f"{f'{s.gpe:.2f} / {s.miss:.1f} / {s.false_alarm:.1f}':>24}" for s in scores))


def print_calls(trackers: dict[str, Tracker], offsets: dict[str, float]) -> None:
    """Sanity on real calls: ours against the references' consensus."""
    folder = find_folder()
    if folder is None:
        print(f"\n{ABSENT}: left out")
        return
    print(
        "\nEight real calls, ours against the consensus of Praat and RAPT: GPE / miss / false alarm in %, and the share of frames agreed on"
    )
    total = Score()
    for call in load_calls(folder):
        cells = []
        for channel in call.samples().T:
            samples = np.ascontiguousarray(channel[: channel.size // 80 * 80])
            tracks: dict[str, Track] = {name: tracker(samples, 8000) for name, tracker in trackers.items()}
            aligned = {name: at_frames(track, samples.size // 80, offsets[name]) for name, track in tracks.items()}
            agreed = consensus([aligned[name] for name in FAST])
            one = agreement(aligned[OURS], agreed)
            total += one
            cells.append(f"{one.gpe:.2f} / {one.miss:.1f} / {one.false_alarm:.1f} ({np.mean(agreed[0] | agreed[1]):.2f})")
        print(f"{call.call_id:20}" + "".join(f"{cell:>28}" for cell in cells))
    print(f"{'all':20}{f'{total.gpe:.2f} / {total.miss:.1f} / {total.false_alarm:.1f}':>28}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voices", type=int, default=16, help="voices of each family")
    parser.add_argument("--rates", type=int, nargs="+", default=[8000, 16000], help="sample rates in Hz")
    parser.add_argument("--all", action="store_true", help="also pyin and openSMILE, which takes long")
    options = parser.parse_args()
    trackers = available(FAST + SLOW if options.all else FAST)
    for name in FAST:
        if name not in trackers:
            print(f"{name} is not installed: left out")
    offsets: dict[str, float] = {}
    for rate_hz in options.rates:
        results, offsets = measure(trackers, options.voices, rate_hz)
        print_table(results, offsets, rate_hz)
    if all(name in trackers for name in FAST):
        print_espeak(trackers, offsets)
        print_calls(trackers, offsets)


if __name__ == "__main__":
    main()
