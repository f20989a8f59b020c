"""Silero VAD as an independent reference: its ONNX model in onnxruntime, one thread, without torch.

The model (package ``silero-vad``, MIT) takes windows of 32 ms with 4 ms of what came before, and its own state.
:meth:`Silero.probabilities` is the bare loop that speed is measured on; :func:`segments` is the published post-processing
(``get_speech_timestamps``) with its published defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["PUBLISHED", "Settings", "Silero", "find_model", "segments"]

WINDOW_S = 0.032
CONTEXT_SHARE = 8
"""The context before a window is an eighth of it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Of the post-processing, under their published names."""

    threshold: float = 0.5
    min_speech_duration_ms: float = 250.0
    min_silence_duration_ms: float = 100.0
    speech_pad_ms: float = 30.0


PUBLISHED = Settings()


def find_model() -> Path | None:
    """Return the model file of the installed package, or None. The package itself is not imported: that would need torch."""
    spec = find_spec("silero_vad")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        model = Path(folder) / "data" / "silero_vad.onnx"
        if model.is_file():
            return model
    return None


class Silero:
    """The model, loaded once."""

    def __init__(self, model: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])

    def probabilities(self, samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.float64]:
        """Return the probability of speech in each window of 32 ms; 8000 or 16000 Hz."""
        size = round(WINDOW_S * rate_hz)
        samples = np.concatenate((np.zeros(size // CONTEXT_SHARE, np.float32), samples, np.zeros(-len(samples) % size, np.float32)))
        state, rate = np.zeros((2, 1, 128), np.float32), np.array(rate_hz, np.int64)
        found, run, length = [], self._session.run, size + size // CONTEXT_SHARE
        for at in range(0, len(samples) - length + 1, size):
            output, state = run(None, {"input": samples[None, at : at + length], "state": state, "sr": rate})
            found.append(float(output[0, 0]))
        return np.array(found)


def segments(probabilities: NDArray[np.float64], duration_s: float, settings: Settings = PUBLISHED) -> list[tuple[float, float]]:
    """Return speech as (start, end) in seconds: hysteresis of 0.15 below the threshold, minimum durations, padding."""
    found = _triggered(probabilities, settings)
    if len(found) and found[-1][1] >= len(probabilities) * WINDOW_S:
        found[-1] = (found[-1][0], duration_s)
    found = [(a, b) for a, b in found if b - a > settings.min_speech_duration_ms / 1000.0]
    pad = settings.speech_pad_ms / 1000.0
    starts = [max(0.0, a - min(pad, (a - found[i - 1][1]) / 2.0 if i else pad)) for i, (a, _) in enumerate(found)]
    ends = [min(duration_s, b + min(pad, (found[i + 1][0] - b) / 2.0 if i + 1 < len(found) else pad)) for i, (_, b) in enumerate(found)]
    return list(zip(starts, ends, strict=True))


def _triggered(probabilities: NDArray[np.float64], settings: Settings) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    start: float | None = None
    silent_since: float | None = None
    for index, p in enumerate(probabilities.tolist()):
        now = index * WINDOW_S
        if p >= settings.threshold:
            silent_since = None
            start = now if start is None else start
        elif start is not None and p < max(settings.threshold - 0.15, 0.01):
            silent_since = now if silent_since is None else silent_since
            if now - silent_since >= settings.min_silence_duration_ms / 1000.0 - 1e-9:
                found.append((start, silent_since))
                start = silent_since = None
    if start is not None:
        found.append((start, len(probabilities) * WINDOW_S))
    return found
