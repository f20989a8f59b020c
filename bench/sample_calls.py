"""Accuracy on the sample calls, which nothing was fitted on, against the times they were made with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from bench.activity_truth import agreement, frame_flags, ours, scripted
from bench.silero import Silero, segments
from simpatico.turns import dialogue
from simpatico.types import ChannelSpeech, Role

__all__ = ["print_sample_calls"]

FOLDER = Path(__file__).resolve().parents[1] / "audio_samples"


def print_sample_calls(silero: Silero | None) -> None:
    """Print F1, errors of onset and offset, counts of utterances, and agreement of the order of turns, per call."""
    print("\nSample calls (synthetic; not fitted on) against the times they were made with")
    print(
        f"{'call':<12}{'F1':>8}{'Silero F1':>11}{'onset ms':>10}{'offset ms':>10}{'utterances':>12}{'true':>6}{'agreement':>11}{'kinds':>9}"
    )
    rows = []
    for entry in json.loads((FOLDER / "manifest.json").read_text("utf-8"))["calls"]:
        if entry["channels"] != ["caller", "agent"] or entry["sample_rate_hz"] not in (8000, 16000):
            continue
        rows.append(_print_call(entry, silero))
    f1, other = np.mean(rows, axis=0)
    print(f"{'mean':<12}{f1:>8.3f}{other:>11.3f}")


def _print_call(entry: dict[str, Any], silero: Silero | None) -> tuple[float, float]:
    samples, rate_hz = soundfile.read(FOLDER / entry["file"], dtype="float32", always_2d=True)
    frames = len(samples) * 100 // rate_hz
    true, found, flags, errors_s = {}, {}, {}, []
    for index, role in enumerate((Role.CALLER, Role.AGENT)):
        channel = np.ascontiguousarray(samples[:, index])
        times = [(u["start_s"], u["end_s"]) for line in entry["lines"] if line["role"] == role for u in line["utterances"]]
        true[role], found[role] = scripted(role, times), ours(role, channel, rate_hz)
        said = frame_flags([(u.start_s, u.end_s) for u in found[role].utterances], frames)
        heard = segments(silero.probabilities(channel, rate_hz), len(channel) / rate_hz) if silero else []
        flags[role] = (frame_flags(times, frames), said, frame_flags(heard, frames))
        errors_s += _edge_errors(true[role], found[role])
    dialogues = [dialogue(s[Role.CALLER], s[Role.AGENT]) for s in (true, found)]
    f1, other = (_f1([f[0] for f in flags.values()], [f[k] for f in flags.values()]) for k in (1, 2))
    onset_ms, offset_ms = np.median(np.abs(errors_s), axis=0) * 1000.0
    counts = [sum(len(s.utterances) for s in speech.values()) for speech in (found, true)]
    kinds = [sorted(u.kind.value for u in d.utterances if u.kind != "turn") for d in dialogues]
    print(
        f"{entry['name']:<12}{f1:>8.3f}{other:>11.3f}{onset_ms:>10.0f}{offset_ms:>10.0f}{counts[0]:>12}{counts[1]:>6}"
        f"{agreement(*dialogues):>11.3f}{'same' if kinds[0] == kinds[1] else 'differ':>9}"
    )
    return f1, other


def _f1(truth: list[NDArray[np.bool_]], said: list[NDArray[np.bool_]]) -> float:
    both = sum(int(np.sum(t & s)) for t, s in zip(truth, said, strict=True))
    return 2.0 * both / max(sum(int(np.sum(t) + np.sum(s)) for t, s in zip(truth, said, strict=True)), 1)


def _edge_errors(true: ChannelSpeech, found: ChannelSpeech) -> list[tuple[float, float]]:
    """Errors of onset and offset, s, of each found utterance against the first and last true one that it overlaps."""
    errors = []
    for u in found.utterances:
        over = [t for t in true.utterances if min(t.end_s, u.end_s) > max(t.start_s, u.start_s)]
        if over:
            errors.append((u.start_s - over[0].start_s, u.end_s - over[-1].end_s))
    return errors
