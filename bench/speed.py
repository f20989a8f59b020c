"""How fast the frames of the core are, beside the tools that people use: seconds of audio per CPU second.

``python bench/speed.py [RECORDING] [--rounds 5] [--seconds 60]``. All contestants run in one process, in turn, one thread each, on the same
samples in memory; every round runs all of them, and ratios are taken within a round, so that a machine that slows down does so for all.
Peers that are not installed are named and left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from simpatico.core import FrameExtractor, simd_levels

Samples = NDArray[np.float32]
Contestant = Callable[[Samples], object]

RATES_HZ = (8000, 16000)
BASELINE = "opensmile eGeMAPSv02, functionals"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
SAMPLE = Path(__file__).parents[1] / "audio_samples" / "booking.wav"


def pin_threads() -> None:
    """Start again with one thread per library: they read these variables when they are imported."""
    if any(os.environ.get(name) != "1" for name in THREAD_VARIABLES):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | dict.fromkeys(THREAD_VARIABLES, "1"))


def core(rate_hz: int, simd: str, chunk_s: float) -> Contestant:
    """All columns of the core, in chunks as a file reader or a live stream would give them."""
    chunk = round(chunk_s * rate_hz)

    def run(x: Samples) -> int:
        extractor = FrameExtractor(rate_hz, simd=simd)
        return sum(len(extractor.push(x[i : i + chunk])) for i in range(0, x.size, chunk)) + len(extractor.finish())

    return run


def whole_analysis(rate_hz: int, interim_period_s: float | None) -> Contestant:
    """One channel through the whole chain, from samples to style: a file, or a live call with its interim results."""
    from simpatico.analysis import AnalysisOptions, CallAnalyzer
    from simpatico.style import load_bundle
    from simpatico.types import AudioFormat

    bundle, options = load_bundle(), AnalysisOptions(interim_period_s=interim_period_s)

    def run(x: Samples) -> object:
        analyzer = CallAnalyzer("bench", AudioFormat(rate_hz, 1, "l16"), 0, bundle, options)
        analyzer.feed(x[:, None])
        return analyzer.finish()

    return run


def opensmile_egemaps(rate_hz: int, level: str) -> Contestant:
    """The reference implementation of eGeMAPS: 25 descriptors, and their 88 functionals for the whole file."""
    import opensmile

    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, getattr(opensmile.FeatureLevel, level), num_workers=1)
    return lambda x: smile.process_signal(x, rate_hz)


def praat_pitch(rate_hz: int) -> Contestant:
    """Praat's autocorrelation pitch at a 10 ms step, 60 to 500 Hz."""
    import parselmouth

    return lambda x: parselmouth.Sound(x.astype(np.float64), rate_hz).to_pitch_ac(time_step=0.01, pitch_floor=60.0, pitch_ceiling=500.0)


def librosa_yin(rate_hz: int) -> Contestant:
    """YIN of librosa at a 10 ms hop; the shortest power-of-two frame with three periods of 60 Hz (the default is four times that)."""
    import librosa

    frame = 512 * rate_hz // 8000
    return lambda x: librosa.yin(x, fmin=60, fmax=500, sr=rate_hz, frame_length=frame, hop_length=rate_hz // 100)


def contestants(rate_hz: int) -> dict[str, Contestant]:
    """Everything that runs at this rate on this machine."""
    found: dict[str, Contestant] = {f"core frames, {simd}": core(rate_hz, simd, 10.0) for simd in simd_levels()}
    found[f"core frames, {simd_levels()[0]}, chunks of 100 ms"] = core(rate_hz, simd_levels()[0], 0.1)
    found["whole analysis of one channel, a file"] = whole_analysis(rate_hz, None)
    found["whole analysis of one channel, live"] = whole_analysis(rate_hz, 1.0)
    peers: dict[str, tuple[str, Callable[[], Contestant]]] = {
        BASELINE: ("opensmile", lambda: opensmile_egemaps(rate_hz, "Functionals")),
        "opensmile eGeMAPSv02, descriptors": ("opensmile", lambda: opensmile_egemaps(rate_hz, "LowLevelDescriptors")),
        "Praat pitch (ac)": ("parselmouth", lambda: praat_pitch(rate_hz)),
        "librosa yin": ("librosa", lambda: librosa_yin(rate_hz)),
    }
    for name, (package, build) in peers.items():
        if importlib.util.find_spec(package) is None:
            print(f"{name}: {package} is not installed, left out")
        else:
            found[name] = build()
    return found


def cpu_seconds(run: Contestant, x: Samples, at_least_s: float = 0.2) -> float:
    """CPU time of one run, averaged over as many as fill ``at_least_s``."""
    start, runs = time.process_time(), 0
    while runs == 0 or time.process_time() - start < at_least_s:
        run(x)
        runs += 1
    return (time.process_time() - start) / runs


def load(path: Path, rate_hz: int, seconds: float) -> Samples:
    """First channel of a recording at a rate, repeated to a length."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    x = np.asarray(soxr.resample(samples[:, 0], rate, rate_hz), dtype=np.float32)
    return np.clip(np.resize(x, round(seconds * rate_hz)), -1, 1)


def table(rate_hz: int, path: Path, seconds: float, rounds: int) -> None:
    """One table: medians over rounds."""
    x = load(path, rate_hz, seconds)
    runners = contestants(rate_hz)
    for run in runners.values():
        run(x)  # first use: imports, compilation, caches
    times: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(rounds):
        for name, run in runners.items():
            times[name].append(cpu_seconds(run, x))
    print(f"\n{path.name} as {seconds:g} s at {rate_hz} Hz, {rounds} rounds, CPU time, one thread")
    print(f"{'':45} {'x real time':>11} {'us/frame':>9} {'x openSMILE':>12}")
    for name, values in times.items():
        median = float(np.median(values))
        ratio = f"{np.median(np.divide(times[BASELINE], values)):12.1f}" if BASELINE in times else ""
        print(f"{name:45} {seconds / median:11,.0f} {median / seconds * 1e4:9.3f} {ratio}")


def main() -> None:
    """Print a table per rate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recording", nargs="?", type=Path, default=SAMPLE)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    pin_threads()
    warnings.simplefilter("ignore")  # of the peers
    for rate_hz in RATES_HZ:
        table(rate_hz, options.recording, options.seconds, options.rounds)


if __name__ == "__main__":
    main()
