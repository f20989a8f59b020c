"""How near the core is to what this machine can do, and where each nanosecond of a frame goes, per SIMD level.

``python -m bench.ceiling [RECORDING] [--rounds 11] [--seconds 60]`` needs meson, ninja and a C compiler; it builds and runs the C program
in this folder. The *ceiling* is the arithmetic that no implementation of eGeMAPS with pitch by this method can leave out, at the sizes used
and in the same vector lanes: windows, FFTs and power spectra (20 ms: 256 points at 8 kHz, 512 at 16 kHz; pitch: 512 points at 8 kHz; 60 ms:
512 or 1024), inverse transforms (pitch: 512 points; harmonicity: 512 or 1024), and linear prediction (lags, Levinson, roots). The 60 ms
window and the prediction count only for voiced rows, at the recording's share of them. Left out are mel bands, logarithms, the network that
scores F0, the path through the candidates, jitter and shimmer, resampling to 8 kHz, the functionals, and all copying.

Every figure is the median over rounds of CPU time per frame; every round runs everything, and shares are medians of the ratios within a
round.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.speed import RATES_HZ, SAMPLE, load, pin_threads
from simpatico.core import simd_levels

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "ceiling"
SIGNALS_PARTS = {"short window, FFT, power": 1, "pitch window, FFT, power": 1, "pitch inverse transform": 2}
"""What is unavoidable for the nine signal columns: harmonicity comes from a second inverse transform."""
EGEMAPS_KERNELS = ("decimate", "pitch", "pitch path", "egemaps_short", "egemaps_long", "periods")
SIGNALS_KERNELS = ("decimate", "pitch with harmonicity", "pitch path", "signals")


@dataclass(frozen=True)
class Stage:
    """One line of the program: ``ns_per_frame`` has a value per round, over all frames of the recording."""

    kind: str
    unit: str
    name: str
    ns_per_frame: NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """All stages at one rate and level."""

    frames: int
    voiced: int
    stages: dict[str, Stage]

    def ns(self, name: str) -> NDArray[np.float64]:
        """Nanoseconds per frame of a stage, one for each round."""
        return self.stages[name].ns_per_frame

    def ceiling(self) -> NDArray[np.float64]:
        """Nanoseconds per frame of all that is unavoidable, one for each round."""
        return np.sum([stage.ns_per_frame for stage in self.stages.values() if stage.kind == "unavoidable"], axis=0)


def build() -> Path:
    """Build the program with the meson of this Python or of the PATH."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    meson = shutil.which("meson", path=environment["PATH"])
    if meson is None:
        raise SystemExit("bench.ceiling builds a C program with meson; install it: pip install meson ninja")
    commands = [[meson, "compile", "-C", str(BUILD), "ceiling"]]
    if not (BUILD / "build.ninja").exists():
        commands.insert(0, [meson, "setup", str(BUILD), str(ROOT)])
    for command in commands:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return BUILD / "bench" / "ceiling" / "ceiling"


def parse(text: str) -> Run:
    """What the program printed."""
    lines = [line.split("\t") for line in text.splitlines()]
    frames, voiced = int(lines[0][1]), int(lines[0][3])
    stages = (Stage(kind, unit, name, np.array(ns, dtype=np.float64) / frames) for kind, unit, name, *ns in lines[1:])
    return Run(frames, voiced, {stage.name: stage for stage in stages})


def measure(program: Path, recording: Path, rate_hz: int, level: str, rounds: int) -> Run:
    """Run the program once."""
    command = [program, str(rate_hz), level, str(rounds), recording]
    return parse(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def shares(run: Run) -> Iterator[tuple[str, float, float, float]]:
    """Name, ceiling, what the core takes, and their ratio, for each set."""
    signals = np.sum([times * run.ns(name) for name, times in SIGNALS_PARTS.items()], axis=0)
    with_figures = run.ns("core: egemaps") + run.ns("functionals")
    rows = (
        ("signals", signals, run.ns("core: signals")),
        ("eGeMAPS descriptors", run.ceiling(), run.ns("core: egemaps")),
        ("eGeMAPS functionals", run.ceiling(), with_figures),
    )
    for name, ceiling, ours in rows:
        yield name, float(np.median(ceiling)), float(np.median(ours)), float(np.median(ceiling / ours))


def print_shares(rate_hz: int, runs: dict[str, Run]) -> None:
    """One table for a rate."""
    print(f"\n{rate_hz} Hz: ceiling and core, ns per frame, and ceiling / core")
    print(f"{'':32} {'ceiling':>8} {'core':>8} {'share':>6}")
    for level, run in runs.items():
        for name, ceiling, ours, share in shares(run):
            print(f"{level:10} {name:21} {ceiling:8.0f} {ours:8.0f} {share:6.2f}")


def print_stages(rate_hz: int, runs: dict[str, Run]) -> None:
    """Every stage at a rate, a column per level, in ns per frame of the recording."""
    any_run = next(iter(runs.values()))
    share = any_run.voiced / any_run.frames
    print(f"\n{rate_hz} Hz: ns per frame of the recording ({share:.0%} of its rows are voiced; * runs on those only)")
    print(f"{'':36}" + "".join(f"{level:>12}" for level in runs))
    for kind, title in (("unavoidable", "the ceiling"), ("kernel", "the core's kernels"), ("whole", "the whole path")):
        print(title)
        for name, stage in any_run.stages.items():
            if stage.kind == kind:
                mark = " *" if stage.unit == "voiced" else ""
                print(f"  {name + mark:34}" + "".join(f"{np.median(run.ns(name)):12.1f}" for run in runs.values()))
        for set_name, kernels in (("signals", SIGNALS_KERNELS), ("egemaps", EGEMAPS_KERNELS)) if kind == "whole" else ():
            rest = [run.ns(f"core: {set_name}") - np.sum([run.ns(name) for name in kernels], axis=0) for run in runs.values()]
            print(f"  {'of ' + set_name + ', outside of kernels':34}" + "".join(f"{np.median(values):12.1f}" for values in rest))


def main() -> None:
    """Print both tables for each rate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recording", nargs="?", type=Path, default=SAMPLE)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    pin_threads()
    program = build()
    for rate_hz in RATES_HZ:
        with tempfile.NamedTemporaryFile(suffix=".f32") as file:
            load(options.recording, rate_hz, options.seconds).tofile(file.name)
            runs = {level: measure(program, Path(file.name), rate_hz, level, options.rounds) for level in simd_levels()}
        print_shares(rate_hz, runs)
        print_stages(rate_hz, runs)


if __name__ == "__main__":
    main()
