"""``simpatico doctor``: what is installed, whether it works, and what to do when it does not."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["doctor"]

PACKAGES = ("numpy", "soundfile", "soxr", "webrtcvad-wheels", "onnxruntime", "grpcio", "protobuf")

Finding = tuple[str, str]


def doctor(
    bundle: Annotated[Path | None, typer.Option(help="Directory of a model bundle to check (default: the one shipped).")] = None,
) -> None:
    """Check this installation: build, SIMD level, model bundle, versions, and one analysis from end to end."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    for _ in range(3):
        table.add_column(overflow="fold")  # a long path is shown whole
    failures = 0
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("versions", _versions),
        ("core", _core),
        ("model bundle", lambda: _bundle(bundle)),
        ("self-test", lambda: _self_test(bundle)),
    ]
    for name, check in checks:
        try:
            for key, value in check():
                table.add_row("[green]ok[/]", key, value)
        except Exception as error:  # whatever is wrong is what the doctor is there to say
            failures += 1
            table.add_row("[red]FAIL[/]", name, f"{type(error).__name__}: {error}")
    Console().print(table)
    if failures:
        raise typer.Exit(1)


def _versions() -> Iterator[Finding]:
    from simpatico import __version__

    yield "simpatico", __version__
    yield "python", f"{sys.version.split()[0]} on {platform.system()} {platform.machine()}"
    for package in PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            raise RuntimeError(f"{package} is not installed; run: pip install {package}") from None


def _core() -> Iterator[Finding]:
    from simpatico.core import COLUMNS, build_info, simd_levels

    for key, value in build_info().items():
        yield f"core {key}", str(value)
    yield "core SIMD levels here", ", ".join(simd_levels())
    yield "core columns", str(len(COLUMNS))


def _bundle(path: Path | None) -> Iterator[Finding]:
    from simpatico.style import load_bundle

    info = load_bundle(path).info
    yield "model bundle", f"{info.name} {info.version}"
    yield "feature schema", info.schema_hash
    yield "norms", info.norms


def _self_test(path: Path | None) -> Iterator[Finding]:
    """Analyse ten seconds of two amplitude-modulated buzzes that take turns."""
    import numpy as np

    from simpatico.analysis import AnalysisOptions, CallAnalyzer
    from simpatico.style import load_bundle
    from simpatico.types import AudioFormat

    rate_hz = 8000
    t = np.arange(10 * rate_hz) / rate_hz
    buzz = sum(np.sin(2 * np.pi * 150 * k * t) / k for k in range(1, 20)) * np.clip(np.sin(2 * np.pi * 4 * t), 0, None) * 0.2
    first = (t % 2 < 0.9).astype(float)
    samples = np.stack([buzz * first, buzz * (1 - first)], axis=1).astype(np.float32)
    analyzer = CallAnalyzer("self-test", AudioFormat(rate_hz, 2, "f32"), 0, load_bundle(path), AnalysisOptions())
    analyzer.feed(samples)
    result = analyzer.finish()
    if not result.dialogue.utterances:
        raise RuntimeError("no utterance was found in a signal that has some; the build is broken")
    yield "self-test", f"{len(result.dialogue.utterances)} utterances, {result.style.label}"
