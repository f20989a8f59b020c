"""The eight real calls that some tests and benches measure on, with their human-timed segments.

The calls are from the Gridspace-Stanford HarperValleyBank corpus (Wu, Nafziger, Scodary & Maas 2020, arXiv:2010.13929), CC BY 4.0. They are
not part of this repository: they are expected in ``../shared/harper-valley`` beside it, or in the folder that ``HARPER_VALLEY``
names. Nothing here skips or prints; :func:`find_folder` says None where they are absent, and the caller decides what that means.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from simpatico.types import HOP_S, Role

__all__ = ["ABSENT", "RealCall", "Segment", "find_folder", "load_calls", "speaker_groups"]

ABSENT = "the eight HarperValleyBank calls are not at ../shared/harper-valley (or in $HARPER_VALLEY)"
"""What a test or bench prints when it has to do without."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One human-timed segment, seconds. ``noise`` marks a segment that holds nothing but ``[noise]``: not speech."""

    start_s: float
    end_s: float
    transcript: str

    @property
    def noise(self) -> bool:
        """Whether the segment is marked as noise and nothing else."""
        return self.transcript.strip() == "[noise]"


@dataclass(frozen=True, slots=True)
class RealCall:
    """One call: its audio (channel 0 = caller, channel 1 = agent, 8 kHz), who speaks (corpus pseudonyms) and when, by human judgement."""

    call_id: str
    path: Path
    sample_rate_hz: int
    speakers: dict[Role, str]
    segments: dict[Role, tuple[Segment, ...]]
    task: str

    def samples(self) -> NDArray[np.float32]:
        """Return the audio, float32 [n, 2], full scale 1."""
        samples, rate = soundfile.read(self.path, dtype="float32", always_2d=True)
        assert rate == self.sample_rate_hz
        return np.asarray(samples, dtype=np.float32)

    def truth(self, role: Role, frames: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return (speech, counted), bool [frames] each: a 10 ms frame is speech when its centre lies in a speech segment.

        Frames whose centre lies in a ``[noise]`` segment, and in no speech segment, are not counted either way.
        """
        centre_s = (np.arange(frames) + 0.5) * HOP_S
        speech, noise = np.zeros(frames, bool), np.zeros(frames, bool)
        for segment in self.segments[role]:
            inside = (centre_s >= segment.start_s) & (centre_s < segment.end_s)
            if segment.noise:
                noise |= inside
            else:
                speech |= inside
        return speech, ~noise | speech


def find_folder() -> Path | None:
    """Return the folder of the calls, or None where they are absent."""
    named = os.environ.get("HARPER_VALLEY")
    folder = Path(named) if named else Path(__file__).resolve().parents[1].parent / "shared" / "harper-valley"
    return folder if (folder / "manifest.jsonl").is_file() else None


def load_calls(folder: Path) -> list[RealCall]:
    """Return the calls of ``folder`` in the order of its manifest."""
    return [_load_call(folder, json.loads(line)) for line in (folder / "manifest.jsonl").read_text("utf-8").splitlines() if line.strip()]


def speaker_groups(calls: list[RealCall]) -> list[set[str]]:
    """Return the call ids in groups that share no speaker: what leaves a fit together in leave-one-speaker-out."""
    groups: list[tuple[set[str], set[str]]] = []
    for call in calls:
        ids, speakers = {call.call_id}, set(call.speakers.values())
        for group in [g for g in groups if g[1] & speakers]:
            groups.remove(group)
            ids |= group[0]
            speakers |= group[1]
        groups.append((ids, speakers))
    return [ids for ids, _ in groups]


def _load_call(folder: Path, entry: dict[str, str | int | float]) -> RealCall:
    rows = json.loads((folder / str(entry["segments"])).read_text("utf-8"))
    segments: dict[Role, list[Segment]] = {Role.CALLER: [], Role.AGENT: []}
    for row in rows:
        segments[Role(row["role"])].append(Segment(row["start_s"], row["start_s"] + row["duration_s"], row["transcript"]))
    return RealCall(
        call_id=str(entry["call_id"]),
        path=folder / str(entry["audio"]),
        sample_rate_hz=int(entry["sample_rate_hz"]),
        speakers={Role.CALLER: str(entry["caller_speaker"]), Role.AGENT: str(entry["agent_speaker"])},
        segments={role: tuple(sorted(found, key=lambda s: s.start_s)) for role, found in segments.items()},
        task=str(entry["task"]),
    )
