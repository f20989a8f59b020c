"""Does the quality meter tell wide-band speech from telephone speech stored at 16 kHz? ``python -m bench.audio_bandwidth``.

Narrow: the tracks of the eight real calls, resampled from 8 to 16 kHz. Wide: the clean synthesis of the sample calls, 22.05 to 16 kHz
(needs espeak-ng). Each as it is, in white and pink noise added at 16 kHz, and through mu-law at 16 kHz, which fills the high band with
coding noise. Speech flags from the human segments and the synthesis. Prints how many tracks of each kind are called wide, narrow and
unknown. Synthetic fricatives are strong: real wide-band calls are the test that is missing here.
"""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Iterator

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from audio_samples.scripts import CALLS
from audio_samples.synthesis import RATE_HZ, espeak_version, lay_out
from bench.harper_valley import ABSENT, find_folder, load_calls
from simpatico.audio import QualityMeter, read_call
from simpatico.types import Role

HZ = 16_000
Track = tuple[NDArray[np.float64], list[tuple[float, float]]]


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(0)
    kinds = {"narrow (real calls)": list(real_tracks()), "wide (synthesis)": list(clean_tracks())}
    print(f"{'tracks':20} {'condition':22} {'wide':>6} {'narrow':>6} {'unknown':>7}")
    for kind, tracks in kinds.items():
        counts: dict[str, Counter[str]] = {}
        for samples, speech in tracks:
            for condition, heard in conditions(samples, speech, rng):
                counts.setdefault(condition, Counter())[bandwidth(heard, speech)] += 1
        for condition, found in counts.items():
            print(f"{kind:20} {condition:22} {found['wide']:6} {found['narrow']:6} {found['unknown']:7}")


def real_tracks() -> Iterator[Track]:
    """Tracks of the real calls at 16 kHz, with their segments."""
    folder = find_folder()
    if folder is None:
        print(f"left out: {ABSENT}")
        return
    for call in load_calls(folder):
        samples = read_call(call.path).samples
        for channel, role in enumerate((Role.CALLER, Role.AGENT)):
            spans = [(segment.start_s, segment.end_s) for segment in call.segments[role] if not segment.noise]
            yield soxr.resample(samples[:, channel].astype(np.float64), 8000, HZ, quality="VHQ"), spans


def clean_tracks() -> Iterator[Track]:
    """Clean synthesis of the sample calls at 16 kHz, with the times of its lines."""
    if espeak_version() is None:
        print("left out: espeak-ng is not installed")
        return
    for script in CALLS:
        lines = lay_out(script, np.random.default_rng(script.seed))
        for role in ("caller", "agent"):
            track = np.zeros(round((max(line.end_s for line in lines) + 0.5) * RATE_HZ))
            spans = []
            for line in lines:
                if line.line.role == role:
                    first = round(line.start_s * RATE_HZ)
                    track[first : first + len(line.samples)] += line.samples
                    spans.append((line.start_s, line.end_s))
            yield soxr.resample(track, RATE_HZ, HZ, quality="VHQ"), spans


def conditions(
    samples: NDArray[np.float64], speech: list[tuple[float, float]], rng: np.random.Generator
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """The track as it is and made worse, speech at -20 dBFS."""
    talking = np.zeros(len(samples), bool)
    for start_s, end_s in speech:
        talking[round(start_s * HZ) : round(end_s * HZ)] = True
    samples = samples * (0.1 / np.sqrt(np.mean(samples[talking] ** 2)))
    white = 0.1 * rng.standard_normal(len(samples))
    spectrum = np.fft.rfft(white)
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1.0)), len(samples))
    pink *= 0.1 / pink.std()
    yield "as it is", samples
    yield "white noise, 20 dB", samples + 0.1 * white
    yield "white noise, 10 dB", samples + 0.316 * white
    yield "pink noise, 15 dB", samples + 0.178 * pink
    yield "mu-law", in_mulaw(samples)
    yield "white 20 dB, mu-law", in_mulaw(samples + 0.1 * white)


def in_mulaw(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Code and decode."""
    file = io.BytesIO()
    soundfile.write(file, np.clip(samples, -1.0, 1.0), HZ, format="WAV", subtype="ULAW")
    file.seek(0)
    return np.asarray(soundfile.read(file)[0])


def bandwidth(samples: NDArray[np.float64], speech: list[tuple[float, float]]) -> str:
    """What the meter says."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    level = (10.0 * np.log10(np.maximum((frames**2).mean(axis=1), 1e-12))).astype(np.float32)
    flags = np.zeros(len(level), bool)
    for start_s, end_s in speech:
        flags[round(start_s * 100) : round(end_s * 100)] = True
    meter = QualityMeter(HZ, "l16")
    meter.update_samples(samples.astype(np.float32))
    meter.update_speech(level, flags)
    return meter.result(Role.CALLER).bandwidth


if __name__ == "__main__":
    main()
