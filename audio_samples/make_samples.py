"""Make the sample calls and their manifest: ``python -m audio_samples.make_samples [--only NAME] [--out FOLDER]``.

Needs espeak-ng (``apt-get install espeak-ng``). Seeded: the same espeak-ng, NumPy and soxr give the same files.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from audio_samples.scripts import CALLS, Party, Script
from audio_samples.synthesis import RATE_HZ, Spoken, espeak_version, lay_out, speech_spans
from audio_samples.telephone import LINE_RATE_HZ, through_telephone

__all__ = ["GENERATOR_VERSION", "HERE", "make_call", "script_hash", "write_call"]

GENERATOR_VERSION = 1
"""Raised when a change here alters the audio."""
HERE = Path(__file__).parent
_TAIL_S = 0.8
_SOURCES = ("scripts.py", "synthesis.py", "telephone.py", "make_samples.py")
_ROLES = ("caller", "agent")
_CONTAINERS = {"wav": ("WAV", "ULAW", "mulaw"), "flac": ("FLAC", "PCM_16", "flac")}


def script_hash() -> str:
    """SHA-256 over the sources that make the samples."""
    return hashlib.sha256(b"".join((HERE / name).read_bytes() for name in _SOURCES)).hexdigest()


def make_call(script: Script) -> tuple[NDArray[np.int16], list[dict[str, Any]]]:
    """Make one call.

    Returns
    -------
    tuple
        int16 [n, 2] at 8000 Hz, caller first, and its lines with their true times.
    """
    rng = np.random.default_rng(script.seed)
    spoken = lay_out(script, rng)
    length = round((max(words.end_s for words in spoken) + _TAIL_S) * RATE_HZ)
    lines = [_truth(words) for words in spoken]
    tracks = []
    for role in _ROLES:
        clean = np.zeros(length)
        for words in spoken:
            if words.line.role == role:
                first = round(words.start_s * RATE_HZ)
                clean[first : first + len(words.samples)] += words.samples
        speech = [(ipu["start_s"], ipu["end_s"]) for line in lines if line["role"] == role for ipu in line["utterances"]]
        tracks.append(through_telephone(clean, speech, _party(script, role), rng))
    return np.stack(tracks, axis=1), lines


def write_call(script: Script, folder: Path) -> dict[str, Any]:
    """Make and store one call; return its entry of the manifest."""
    samples, lines = make_call(script)
    container, subtype, codec = _CONTAINERS[script.container]
    path = folder / f"{script.name}.{script.container}"
    smallest = {"compression_level": 1.0} if container == "FLAC" else {}
    soundfile.write(path, samples, LINE_RATE_HZ, format=container, subtype=subtype, **smallest)
    return {
        "name": script.name,
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "samples_sha256": hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest(),
        "sample_rate_hz": LINE_RATE_HZ,
        "channels": list(_ROLES),
        "codec": codec,
        "duration_s": round(len(samples) / LINE_RATE_HZ, 6),
        "seed": script.seed,
        "intended_caller_style": script.style,
        **{role: asdict(_party(script, role)) for role in _ROLES},
        "lines": lines,
    }


def main() -> None:
    """Make all calls, or one, and rewrite the manifest."""
    parser = argparse.ArgumentParser(description="Make the sample calls and their manifest.")
    parser.add_argument("--only", choices=[script.name for script in CALLS], help="make one call, print its entry, leave the manifest")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for the files (default: beside this script)")
    options = parser.parse_args()
    version = espeak_version()
    if version is None:
        parser.error("espeak-ng is not installed: apt-get install espeak-ng")
    if options.only:
        entry = write_call(next(script for script in CALLS if script.name == options.only), options.out)
        print(json.dumps(entry, indent=1))
        return
    manifest = {
        "generator": "audio_samples/make_samples.py",
        "generator_version": GENERATOR_VERSION,
        "scripts_sha256": script_hash(),
        "made_with": {"espeak-ng": version, "numpy": np.__version__, "soxr": soxr.__version__, "soundfile": soundfile.__version__},
        "licence": "Apache-2.0, as the repository; audio files also CC0-1.0",
        "channel": "resampled 22050 -> 8000 Hz, 300-3400 Hz, noise at snr_db below speech, digital zeros, mu-law",
        "times": "seconds; speech energy of the clean synthesis, before the telephone channel; utterances "
        "are split at silences of 180 ms or more",
        "calls": [write_call(script, options.out) for script in CALLS],
    }
    (options.out / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for call in manifest["calls"]:  # type: ignore[attr-defined]
        print(f"{call['file']:14} {call['duration_s']:6.1f} s  {(options.out / call['file']).stat().st_size / 1000:6.0f} kB")


def _party(script: Script, role: str) -> Party:
    return script.caller if role == "caller" else script.agent


def _truth(words: Spoken) -> dict[str, Any]:
    """True times of a line and of the utterances in it. The text of a line that was interrupted is what was meant to be said."""
    utterances = []
    for first, last in speech_spans(words.samples):
        texts = [text for text, start, end in words.stretches if start < last and end > first]
        utterances.append(
            {
                "start_s": round(words.start_s + first / RATE_HZ, 4),
                "end_s": round(words.start_s + last / RATE_HZ, 4),
                "text": " ".join(texts),
            }
        )
    return {
        "role": words.line.role,
        "kind": words.line.kind,
        "start_s": utterances[0]["start_s"],
        "end_s": utterances[-1]["end_s"],
        "text": words.line.text,
        "interrupted": words.cut,
        "utterances": utterances,
    }


if __name__ == "__main__":
    main()
