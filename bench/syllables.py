"""Syllable nuclei against known syllable counts of synthetic speech: ``python -m bench.syllables``.

Twelve sentences whose syllables were counted by hand, in six espeak-ng voices at three speeds, full band and through a telephone line
(300-3400 Hz, white noise 20 dB below speech). Needs espeak-ng.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from simpatico.core import INDEX, FrameExtractor
from simpatico.features import syllable_nuclei

__all__ = ["SENTENCES", "VOICES", "count", "speak", "telephone"]

SENTENCES = {
    "the quick brown fox jumps over the lazy dog": 11,
    "good morning how can i help you today": 10,
    "i would like to change my address please": 9,
    "my account number is four seven two nine": 11,
    "thank you very much for calling us": 9,
    "could you repeat the date of birth for me": 10,
    "the delivery was supposed to arrive on monday": 14,
    "i have been waiting for more than a week": 10,
    "yes that is correct": 5,
    "no i never received the letter": 9,
    "let me transfer you to another department": 12,
    "the monthly payment is twenty five dollars": 11,
}
VOICES = ("en-us+m3", "en-gb+f2", "en-gb+f4", "en-us+m2", "en-gb-x-rp+m7", "en-029+f5")
SPEEDS_WPM = (140, 180, 220)


def speak(text: str, voice: str, speed_wpm: int) -> NDArray[np.float32]:
    """Return ``text`` as espeak-ng says it, 8 kHz."""
    command = ["espeak-ng", "-v", voice, "-s", str(speed_wpm), "--stdout", text]
    samples, rate_hz = soundfile.read(io.BytesIO(subprocess.run(command, capture_output=True, check=True).stdout), dtype="float32")
    return np.asarray(0.3 * soxr.resample(samples, rate_hz, 8000), dtype=np.float32)


def telephone(samples: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Return ``samples`` through 300-3400 Hz with white noise at 20 dB SNR."""
    band = sosfilt(butter(4, (300, 3400), "bandpass", fs=8000, output="sos"), samples)
    noise = np.random.default_rng(seed).standard_normal(len(band)) * np.std(band) * 0.1
    return (band + noise).astype(np.float32)


def count(samples: NDArray[np.float32]) -> int:
    """Return the number of nuclei found."""
    extractor = FrameExtractor(8000)
    frames = np.concatenate((extractor.push(samples), extractor.finish()))
    return len(syllable_nuclei(frames[:, INDEX["rms_dbfs"]], frames[:, INDEX["f0_hz"]]))


def _counts(line: bool, speed_wpm: int) -> Iterator[tuple[int, int]]:
    for seed, voice in enumerate(VOICES):
        for sentence, true in SENTENCES.items():
            samples = speak(sentence, voice, speed_wpm)
            yield true, count(telephone(samples, seed) if line else samples)


def main() -> int:
    """Print the ratio of found to true counts."""
    if shutil.which("espeak-ng") is None:
        print("skipped: espeak-ng is not installed")
        return 1
    print(f"{'line':<12}{'speed':>8}{'sentences':>11}{'found/true':>12}{'SD of ratio':>13}{'correlation':>13}")
    for line in (False, True):
        for speed_wpm in SPEEDS_WPM:
            true, found = np.array(list(_counts(line, speed_wpm))).T
            print(
                f"{'telephone' if line else 'full band':<12}{speed_wpm:>8}{len(true):>11}{found.sum() / true.sum():>12.3f}"
                f"{np.std(found / true):>13.3f}{np.corrcoef(true, found)[0, 1]:>13.3f}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
