"""How fast we are, beside the tools that people use: seconds of audio per CPU second.

``python -m bench.speed [RECORDING] [--rounds 5] [--seconds 60]``. All contestants run in one process, in turn, one thread each; every
round runs all of them, and ratios are taken within a round, so that a machine that slows down does so for all. They get the same samples in
memory, but for those called "from a file", which read the same 16-bit WAV file. eGeMAPS is compared like with like: functionals with
functionals, descriptors with descriptors, a file with a file; everything else with openSMILE's functionals. Peers that are not installed
are named and left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from simpatico.core import SIMD_VARIABLE, FrameExtractor, simd_levels
from simpatico.features import extract

Samples = NDArray[np.float32]
Contestant = Callable[[Samples], object]

RATES_HZ = (8000, 16000)
FUNCTIONALS = "opensmile eGeMAPSv02, functionals"
DESCRIPTORS = "opensmile eGeMAPSv02, descriptors"
FILE = "opensmile eGeMAPSv02, functionals, from a file"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
SAMPLE = Path(__file__).parents[1] / "audio_samples" / "booking.wav"


def pin_threads() -> None:
    """Start again with one thread per library: they read these variables when they are imported."""
    if any(os.environ.get(name) != "1" for name in THREAD_VARIABLES):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | dict.fromkeys(THREAD_VARIABLES, "1"))


@dataclass(frozen=True)
class Entry:
    """A contestant and the one it is compared with."""

    run: Contestant
    against: str = FUNCTIONALS


def egemaps(rate_hz: int, simd: str, set_name: str) -> Contestant:
    """``simpatico.features.extract`` of samples in memory, at a SIMD level."""

    def run(x: Samples) -> object:
        os.environ[SIMD_VARIABLE] = simd
        try:
            return extract((x, rate_hz), set=set_name)  # type: ignore[arg-type]
        finally:
            del os.environ[SIMD_VARIABLE]

    return run


def core(rate_hz: int, simd: str, chunk_s: float) -> Contestant:
    """The signal columns of the core, in chunks as a file reader or a live stream would give them."""
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


def opensmile_egemaps(rate_hz: int, level: str, path: Path | None = None) -> Contestant:
    """The reference implementation of eGeMAPS: 25 descriptors, or their 88 functionals for the whole file."""
    import opensmile

    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, getattr(opensmile.FeatureLevel, level), num_workers=1)
    return (lambda _: smile.process_file(str(path))) if path else lambda x: smile.process_signal(x, rate_hz)


def praat_pitch(rate_hz: int) -> Contestant:
    """Praat's autocorrelation pitch at a 10 ms step, 60 to 500 Hz."""
    import parselmouth

    return lambda x: parselmouth.Sound(x.astype(np.float64), rate_hz).to_pitch_ac(time_step=0.01, pitch_floor=60.0, pitch_ceiling=500.0)


def librosa_yin(rate_hz: int) -> Contestant:
    """YIN of librosa at a 10 ms hop; the shortest power-of-two frame with three periods of 60 Hz (the default is four times that)."""
    import librosa

    frame = 512 * rate_hz // 8000
    return lambda x: librosa.yin(x, fmin=60, fmax=500, sr=rate_hz, frame_length=frame, hop_length=rate_hz // 100)


def ours(rate_hz: int, path: Path) -> dict[str, Entry]:
    """What runs without any peer."""
    best = simd_levels()[0]
    found = {f"eGeMAPS functionals, {simd}": Entry(egemaps(rate_hz, simd, "egemaps-v02")) for simd in simd_levels()}
    found |= {f"eGeMAPS descriptors, {simd}": Entry(egemaps(rate_hz, simd, "lld"), DESCRIPTORS) for simd in simd_levels()}
    found[f"eGeMAPS functionals, {best}, from a file"] = Entry(lambda _: extract(path), FILE)
    found |= {f"core frames, {simd}": Entry(core(rate_hz, simd, 10.0)) for simd in simd_levels()}
    found[f"core frames, {best}, chunks of 100 ms"] = Entry(core(rate_hz, best, 0.1))
    found["whole analysis of one channel, a file"] = Entry(whole_analysis(rate_hz, None))
    found["whole analysis of one channel, live"] = Entry(whole_analysis(rate_hz, 1.0))
    return found


def contestants(rate_hz: int, path: Path) -> dict[str, Entry]:
    """Everything that runs at this rate on this machine; ``path`` holds the samples as a file."""
    found = ours(rate_hz, path)
    peers: dict[str, tuple[str, Callable[[], Contestant]]] = {
        FUNCTIONALS: ("opensmile", lambda: opensmile_egemaps(rate_hz, "Functionals")),
        DESCRIPTORS: ("opensmile", lambda: opensmile_egemaps(rate_hz, "LowLevelDescriptors")),
        FILE: ("opensmile", lambda: opensmile_egemaps(rate_hz, "Functionals", path)),
        "Praat pitch (ac)": ("parselmouth", lambda: praat_pitch(rate_hz)),
        "librosa yin": ("librosa", lambda: librosa_yin(rate_hz)),
    }
    for name, (package, build) in peers.items():
        if importlib.util.find_spec(package) is None:
            print(f"{name}: {package} is not installed, left out")
        else:
            found[name] = Entry(build())
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


def measure(entries: dict[str, Entry], x: Samples, rounds: int) -> dict[str, list[float]]:
    """CPU seconds of every contestant in every round."""
    for entry in entries.values():
        entry.run(x)  # first use: imports, compilation, caches
    times: dict[str, list[float]] = {name: [] for name in entries}
    for _ in range(rounds):
        for name, entry in entries.items():
            times[name].append(cpu_seconds(entry.run, x))
    return times


def table(rate_hz: int, path: Path, seconds: float, rounds: int) -> None:
    """One table: medians over rounds."""
    x = load(path, rate_hz, seconds)
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        soundfile.write(file.name, x, rate_hz, subtype="PCM_16")
        entries = contestants(rate_hz, Path(file.name))
        times = measure(entries, x, rounds)
    print(f"\n{path.name} as {seconds:g} s at {rate_hz} Hz, {rounds} rounds, CPU time, one thread")
    print(f"{'':47} {'x real time':>11} {'us/frame':>9} {'x openSMILE':>12}")
    for name, values in times.items():
        median, against = float(np.median(values)), times.get(entries[name].against)
        ratio = f"{np.median(np.divide(against, values)):12.1f}" if against else ""
        print(f"{name:47} {seconds / median:11,.0f} {median / seconds * 1e4:9.3f} {ratio}")


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
