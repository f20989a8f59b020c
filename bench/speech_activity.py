"""Speech activity and turn order against human judgement: ``python -m bench.speech_activity [--nested]``.

Prints, for the eight real calls: frame F1 (10 ms, both channels of a call together, ``[noise]`` not counted) of this detector as shipped,
of the same detector fitted without the speakers of the call, of Silero VAD and of webrtcvad alone; the error of the caller's talk share;
agreement of the order of turns; the same F1 on lines with gain and noise; for the sample calls, accuracy against the times they were made
with; and the speed of all, in one run.

The column "ours, unseen" is leave-one-speaker-out: calls that share a speaker leave the fit together. It is the figure to quote. "Silero
tuned" has the best settings of a grid for these very calls, which nobody would have in practice; "Silero 16 kHz" is fed the same audio
resampled to its better rate. With ``--nested`` the ridge, too, is chosen without the speakers of the call (some minutes).
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from bench.activity_data import CONDITIONS, Channel, load_channels, through
from bench.activity_speed import print_speed
from bench.activity_truth import agreement, frame_flags, human_dialogue, ours, without_noise
from bench.fit_speech_activity import RIDGE, choose_ridge, fit
from bench.harper_valley import ABSENT, RealCall, find_folder, load_calls
from bench.sample_calls import print_sample_calls
from bench.silero import PUBLISHED, Settings, Silero, find_model, segments
from simpatico.turns import dialogue
from simpatico.turns.activity import SHIPPED
from simpatico.types import ChannelSpeech, Role

Flags = NDArray[np.bool_]
GRID = [
    Settings(threshold, speech, silence, pad)
    for threshold, speech, silence, pad in itertools.product((0.3, 0.4, 0.5, 0.6, 0.7), (0, 100, 250), (100, 200, 300, 400), (0, 30, 60))
]
BENCH_CONDITIONS = (*CONDITIONS, "16 kHz")


@dataclass(frozen=True, slots=True)
class Judged:
    """One channel in one condition, with what each detector says of it."""

    channel: Channel
    unseen: ChannelSpeech
    shipped: ChannelSpeech
    silero: NDArray[np.float64] | None


def main() -> int:
    """Print everything that can be measured here."""
    folder = find_folder()
    if folder is None:
        print(f"skipped: {ABSENT}")
        return 1
    model = find_model()
    silero = Silero(model) if model else None
    if silero is None:
        print("Silero is left out: pip install --no-deps silero-vad")
    calls = load_calls(folder)
    judged = _judge(load_channels(calls, BENCH_CONDITIONS), silero, nested="--nested" in sys.argv[1:])
    clean = [j for j in judged if j.channel.condition == "clean"]
    tuned = max(GRID, key=lambda s: _mean(_f1_by_call(clean, lambda j: _silero_flags(j, s)))) if silero else PUBLISHED
    _print_f1(calls, clean, silero, tuned)
    _print_dialogues(calls, clean)
    _print_conditions(judged, tuned)
    print_sample_calls(silero)
    print_speed(calls[0], silero)
    return 0


def _judge(channels: list[Channel], silero: Silero | None, *, nested: bool) -> list[Judged]:
    folds = {}
    for group in {c.group for c in channels}:
        seen = [c for c in channels if c.group != group]
        folds[group] = fit(seen, choose_ridge(seen) if nested else RIDGE)
    return [
        Judged(
            c,
            ours(c.role, c.samples, c.rate_hz, folds[c.group]),
            ours(c.role, c.samples, c.rate_hz, SHIPPED),
            silero.probabilities(c.samples, c.rate_hz) if silero else None,
        )
        for c in channels
    ]


def _f1_by_call(judged: list[Judged], flags: Callable[[Judged], Flags]) -> dict[str, float]:
    hits: dict[str, NDArray[np.int64]] = {}
    for j in judged:
        said, truth, counted = flags(j), j.channel.speech, j.channel.counted
        counts = np.array([np.sum(said & truth & counted), np.sum(said & counted) + np.sum(truth & counted)])
        hits[j.channel.call_id] = hits.get(j.channel.call_id, np.zeros(2, np.int64)) + counts
    return {call_id: float(2.0 * both / either) for call_id, (both, either) in hits.items()}


def _our_flags(channel: Channel, speech: ChannelSpeech) -> Flags:
    return frame_flags([(u.start_s, u.end_s) for u in speech.utterances], len(channel.speech))


def _silero_flags(judged: Judged, settings: Settings) -> Flags:
    channel = judged.channel
    assert judged.silero is not None
    return frame_flags(segments(judged.silero, len(channel.samples) / channel.rate_hz, settings), len(channel.speech))


def _webrtc_flags(channel: Channel, mode: int) -> Flags:
    vad, size = webrtcvad.Vad(mode), 2 * channel.rate_hz // 100
    pcm = np.clip(np.rint(channel.samples * 32768.0), -32768, 32767).astype("<i2").tobytes()
    return np.array([vad.is_speech(pcm[i * size : (i + 1) * size], channel.rate_hz) for i in range(len(channel.speech))])


def _print_f1(calls: list[RealCall], clean: list[Judged], silero: Silero | None, tuned: Settings) -> None:
    columns: dict[str, Mapping[str, float]] = {
        "ours, unseen": _f1_by_call(clean, lambda j: _our_flags(j.channel, j.unseen)),
        "ours, shipped": _f1_by_call(clean, lambda j: _our_flags(j.channel, j.shipped)),
    }
    if silero is not None:
        wide = {id(j): silero.probabilities(through("16 kHz", j.channel.samples, j.channel.speech, 0)[0], 16000) for j in clean}
        columns["Silero"] = _f1_by_call(clean, lambda j: _silero_flags(j, PUBLISHED))
        columns["Silero tuned"] = _f1_by_call(clean, lambda j: _silero_flags(j, tuned))
        columns["Silero 16 kHz"] = _f1_by_call(
            clean, lambda j: frame_flags(segments(wide[id(j)], len(j.channel.samples) / j.channel.rate_hz), len(j.channel.speech))
        )
    columns["webrtcvad 3"] = _f1_by_call(clean, lambda j: _webrtc_flags(j.channel, 3))
    columns["webrtcvad 2"] = _f1_by_call(clean, lambda j: _webrtc_flags(j.channel, 2))
    print("\nFrame F1 against human segments, eight real calls")
    print(f"{'call':<18}" + "".join(f"{name:>15}" for name in columns))
    for call in calls:
        print(f"{call.call_id:<18}" + "".join(f"{values[call.call_id]:>15.3f}" for values in columns.values()))
    print(f"{'mean':<18}" + "".join(f"{_mean(values):>15.3f}" for values in columns.values()))
    if silero is not None:
        print(f"Silero tuned: {tuned}")


def _print_dialogues(calls: list[RealCall], clean: list[Judged]) -> None:
    print("\nTalk share of the caller, and agreement of the order of turns (ours, unseen)")
    print(f"{'call':<18}{'human share':>13}{'our share':>13}{'error':>10}{'human turns':>13}{'our turns':>13}{'agreement':>13}")
    errors, agreements = [], []
    for call in calls:
        human = human_dialogue(call)
        speech = {j.channel.role: without_noise(j.unseen, call) for j in clean if j.channel.call_id == call.call_id}
        found = dialogue(speech[Role.CALLER], speech[Role.AGENT])
        shares = [d.taking.parties[Role.CALLER].talk_share.value or 0.0 for d in (human, found)]
        errors.append(abs(shares[1] - shares[0]))
        agreements.append(agreement(human, found))
        print(
            f"{call.call_id:<18}{shares[0]:>13.3f}{shares[1]:>13.3f}{shares[1] - shares[0]:>+10.3f}"
            f"{len(human.turns):>13}{len(found.turns):>13}{agreements[-1]:>13.3f}"
        )
    print(f"{'mean':<18}{'':>26}{np.mean(errors):>10.3f}{'':>26}{np.mean(agreements):>13.3f}")


def _print_conditions(judged: list[Judged], tuned: Settings) -> None:
    print("\nMean frame F1 of the eight calls by condition of the line")
    print(f"{'condition':<14}{'ours, unseen':>14}{'Silero':>10}{'Silero tuned':>14}{'webrtcvad 3':>13}")
    for condition in BENCH_CONDITIONS:
        some = [j for j in judged if j.channel.condition == condition]
        row = f"{condition:<14}{_mean(_f1_by_call(some, lambda j: _our_flags(j.channel, j.unseen))):>14.3f}"
        for settings, width in ((PUBLISHED, 10), (tuned, 14)):
            known = some[0].silero is not None
            f1 = _mean(_f1_by_call(some, lambda j, s=settings: _silero_flags(j, s))) if known else float("nan")  # type: ignore[misc]
            row += f"{f1:>{width}.3f}"
        print(row + f"{_mean(_f1_by_call(some, lambda j: _webrtc_flags(j.channel, 3))):>13.3f}")


def _mean(values: Mapping[str, float]) -> float:
    return float(np.mean(list(values.values())))


if __name__ == "__main__":
    sys.exit(main())
