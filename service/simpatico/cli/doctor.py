"""``simpatico doctor``: what is installed, whether it works, and what to do when it does not."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from simpatico.cli.deployment import CHECKS, Finding
from simpatico.cli.memory import Assignments, Config
from simpatico.errors import SimpaticoError

__all__ = ["doctor"]

PACKAGES = ("numpy", "scipy", "soundfile", "soxr", "webrtcvad-wheels", "onnxruntime", "grpcio", "protobuf", "sqlalchemy", "orjson")
Check = Callable[[], Iterator[Finding]]


def doctor(
    *,
    bundle: Annotated[Path | None, typer.Option(help="Directory of a model bundle to check (default: that of the settings).")] = None,
    config: Config = None,
    assignments: Assignments = None,
) -> None:
    """Check this installation, and what the service's settings name: address, certificates, access, database, secrets, spool, clock."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    for _ in range(3):
        table.add_column(overflow="fold")  # a long path is shown whole
    failures = 0
    for name, check in _checks(bundle, config, assignments):
        try:
            for key, value, note in check():
                table.add_row("[yellow]note[/]" if note else "[green]ok[/]", Text(key), Text(value))
        except Exception as error:  # whatever is wrong is what the doctor is there to say
            failures += 1
            said = str(error) if isinstance(error, SimpaticoError) else f"{type(error).__name__}: {error}"
            table.add_row("[red]FAIL[/]", name, Text(said))
    Console().print(table)
    if failures:
        raise typer.Exit(1)


def _checks(bundle: Path | None, config: Path | None, assignments: list[str] | None) -> list[tuple[str, Check]]:
    """Return what there is to check; of a deployment whose settings cannot be read, only that."""
    from simpatico.cli.serve import assigned
    from simpatico.config import load_settings

    deployment: list[tuple[str, Check]]
    try:
        settings = load_settings(config, assigned(assignments or []))
    except SimpaticoError as error:
        deployment = [("settings", partial(_wrong, error))]
    else:
        bundle = bundle or settings.analysis.bundle
        deployment = [(name, partial(check, settings)) for name, check in CHECKS]
    return [
        ("versions", _versions),
        ("core", _core),
        ("model bundle", partial(_bundle, bundle)),
        ("self-test", partial(_self_test, bundle)),
        *deployment,
    ]


def _wrong(error: SimpaticoError) -> Iterator[Finding]:
    raise error


def _versions() -> Iterator[Finding]:
    from simpatico import __version__

    yield Finding("simpatico", __version__)
    yield Finding("python", f"{sys.version.split()[0]} on {platform.system()} {platform.machine()}")
    for package in PACKAGES:
        try:
            yield Finding(package, version(package))
        except PackageNotFoundError:
            raise RuntimeError(f"{package} is not installed; run: pip install {package}") from None


def _core() -> Iterator[Finding]:
    from simpatico.core import COLUMNS, build_info, simd_levels

    for key, value in build_info().items():
        yield Finding(f"core {key}", str(value))
    yield Finding("core SIMD levels here", ", ".join(simd_levels()))
    yield Finding("core columns", str(len(COLUMNS)))


def _bundle(path: Path | None) -> Iterator[Finding]:
    from simpatico.style import load_bundle

    info = load_bundle(path).info
    yield Finding("model bundle", f"{info.name} {info.version}")
    yield Finding("feature schema", info.schema_hash)
    yield Finding("norms", info.norms)


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
    yield Finding("self-test", f"{len(result.dialogue.utterances)} utterances, {result.style.label}")
