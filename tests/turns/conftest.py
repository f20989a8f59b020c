"""Audio for the tests of speech activity."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from simpatico.core import FrameExtractor
from simpatico.types import Role

SAMPLES = Path(__file__).resolve().parents[2] / "audio_samples"


@dataclass(frozen=True)
class SampleChannel:
    """One channel of a sample call at 8 kHz, its core frames, and when its party speaks (seconds)."""

    call: str
    role: Role
    samples: NDArray[np.float32]
    frames: NDArray[np.float32]
    times: list[tuple[float, float]]


def core_frames(samples: NDArray[np.float32], rate_hz: int = 8000) -> NDArray[np.float32]:
    """All frames of ``samples``."""
    extractor = FrameExtractor(rate_hz)
    return np.concatenate((extractor.push(samples), extractor.finish()))


@pytest.fixture(scope="session")
def sample_channels() -> list[SampleChannel]:
    """Return all channels of the sample calls that are stereo at 8 kHz."""
    found = []
    for entry in json.loads((SAMPLES / "manifest.json").read_text("utf-8"))["calls"]:
        if entry["channels"] != ["caller", "agent"] or entry["sample_rate_hz"] != 8000:
            continue
        audio, _ = soundfile.read(SAMPLES / entry["file"], dtype="float32")
        for index, role in enumerate((Role.CALLER, Role.AGENT)):
            samples = np.ascontiguousarray(audio[:, index])
            times = [(u["start_s"], u["end_s"]) for line in entry["lines"] if line["role"] == role for u in line["utterances"]]
            found.append(SampleChannel(entry["name"], role, samples, core_frames(samples), times))
    return found


@pytest.fixture(scope="session")
def sample_channel(sample_channels: list[SampleChannel]) -> SampleChannel:
    """Return one of them."""
    return sample_channels[0]
