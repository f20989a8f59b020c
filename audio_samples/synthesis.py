"""Words -> clean speech on a time line, with the true times of what was said.

Speech is made by the espeak-ng program (GPL-3.0; its output is not covered by its licence). Each stretch between two scripted pauses is
synthesised by itself and trimmed to where its energy is, so that a scripted pause or gap is exactly as long as the script says.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

import numpy as np
import soundfile
from numpy.typing import NDArray

from audio_samples.scripts import Line, Party, Script

__all__ = ["RATE_HZ", "YIELD_S", "Spoken", "espeak_version", "lay_out", "speech_spans"]

RATE_HZ = 22_050
"""What espeak-ng gives."""
YIELD_S = 0.35
"""How long an interrupted party goes on: about two syllables."""
_FADE_S = 0.04
_ENERGY_DB = -42.0
"""A stretch is speech while its level is within this of the line's loudest 5 ms."""
_STEP_S = 0.005
_IPU_GAP_S = 0.18
_BREAK = re.compile(r"\s*\[(\d+)\]\s*|(?<=[,.!?])\s+(?!\[)")
_COMMA_MS = (90.0, 150.0)
"""Pause at a comma: inside an utterance."""
_SENTENCE_MS = (210.0, 330.0)
"""Pause after a sentence at 170 words a minute: between utterances."""


@dataclass(slots=True)
class Spoken:
    """A line on the time line: ``start_s``, clean samples, and its stretches (text, first and last sample within the line)."""

    line: Line
    start_s: float
    samples: NDArray[np.float64]
    stretches: list[tuple[str, int, int]] = field(default_factory=list)
    cut: bool = False

    @property
    def end_s(self) -> float:
        """Where its energy ends."""
        return self.start_s + len(self.samples) / RATE_HZ

    def cut_at(self, at_s: float) -> None:
        """Fall silent at a time of the call."""
        keep = round((at_s - self.start_s) * RATE_HZ)
        if keep >= len(self.samples):
            return
        fade = round(_FADE_S * RATE_HZ)
        self.samples = self.samples[:keep].copy()
        self.samples[-fade:] *= np.linspace(1.0, 0.0, fade)
        self.stretches = [(text, first, min(last, keep)) for text, first, last in self.stretches if first < keep]
        self.cut = True


def espeak_version() -> str | None:
    """Version of the installed espeak-ng, None without one."""
    if shutil.which("espeak-ng") is None:
        return None
    said = subprocess.run(["espeak-ng", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\d+\.\d+(\.\d+)?", said)
    return found.group(0) if found else said.strip()


def lay_out(script: Script, rng: np.random.Generator) -> list[Spoken]:
    """Place the lines of a call on its time line, in order of the script."""
    spoken: list[Spoken] = []
    floor: Spoken | None = None
    for line in script.lines:
        party = script.caller if line.role == "caller" else script.agent
        words = _line(line, party, rng)
        jitter_s = float(rng.uniform(-0.03, 0.03))
        if floor is None:
            words.start_s = line.after_s
        elif line.kind == "turn":
            words.start_s = floor.end_s + line.after_s + jitter_s
        else:
            words.start_s = floor.start_s + line.at * (floor.end_s - floor.start_s) + jitter_s
        if line.kind == "interruption" and floor is not None:
            floor.cut_at(words.start_s + YIELD_S)
        if line.kind != "backchannel":
            floor = words
        spoken.append(words)
    return spoken


def speech_spans(samples: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Stretches of speech energy, as first and last sample, split at silences of 180 ms or more."""
    step = round(_STEP_S * RATE_HZ)
    count = -(-len(samples) // step)
    padded = np.zeros(count * step)
    padded[: len(samples)] = samples
    power = (padded.reshape(count, step) ** 2).mean(axis=1)
    active = np.flatnonzero(power > power.max() * 10.0 ** (_ENERGY_DB / 10.0))
    breaks = np.flatnonzero(np.diff(active) * step >= _IPU_GAP_S * RATE_HZ + step)
    starts, ends = active[np.concatenate(([0], breaks + 1))], active[np.concatenate((breaks, [len(active) - 1]))] + 1
    return [(int(first) * step, min(int(last) * step, len(samples))) for first, last in zip(starts, ends, strict=True)]


def _line(line: Line, party: Party, rng: np.random.Generator) -> Spoken:
    rate = round(party.rate_wpm * float(rng.uniform(0.96, 1.04)))
    pitch = int(np.clip(party.pitch + rng.integers(-2, 3), 0, 99))
    pieces: list[NDArray[np.float64]] = []
    stretches: list[tuple[str, int, int]] = []
    at = 0
    for text, pause_ms in _stretches(line.text, rate, rng):
        speech = _trimmed(_espeak(text, party, rate, pitch))
        pause = np.zeros(round(pause_ms / 1000 * RATE_HZ))
        pieces += [speech, pause]
        stretches.append((text, at, at + len(speech)))
        at += len(speech) + len(pause)
    return Spoken(line, 0.0, np.concatenate(pieces), stretches)


def _stretches(text: str, rate_wpm: int, rng: np.random.Generator) -> list[tuple[str, float]]:
    """Split at scripted pauses, commas and ends of sentences: words, and the pause after them in ms."""
    parts = _BREAK.split(text)
    out: list[tuple[str, float]] = []
    for words, scripted in zip(parts[::2], [*parts[1::2], "0"], strict=True):
        if scripted is not None:
            pause_ms = float(scripted)
        elif words.endswith(","):
            pause_ms = float(rng.uniform(*_COMMA_MS))
        else:
            pause_ms = float(rng.uniform(*_SENTENCE_MS)) * 170.0 / rate_wpm
        out.append((words, pause_ms))
    return out


def _espeak(text: str, party: Party, rate_wpm: int, pitch: int) -> NDArray[np.float64]:
    markup = f'<speak><prosody range="{party.range_percent}%">{escape(text)}</prosody></speak>'
    command = ["espeak-ng", "-v", party.voice, "-s", str(rate_wpm), "-p", str(pitch), "-z", "-m", "--stdout", markup]
    wav = subprocess.run(command, capture_output=True, check=True).stdout
    samples, rate_hz = soundfile.read(io.BytesIO(wav), dtype="float64")
    if rate_hz != RATE_HZ:
        raise RuntimeError(f"espeak-ng gave {rate_hz} Hz, {RATE_HZ} Hz is expected: use one of its own voices, not an MBROLA voice")
    return np.asarray(samples)


def _trimmed(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    spans = speech_spans(samples)
    return samples[spans[0][0] : spans[-1][1]]
