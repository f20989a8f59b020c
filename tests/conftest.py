"""Fixtures that tests of several layers share."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray

from bench.harper_valley import ABSENT, RealCall, find_folder, load_calls
from simpatico.audio import read_call
from simpatico.style import Bundle, load_bundle
from tests.databases import cluster, postgres_template, postgres_url, postgres_url_with_tables, sqlite_template  # noqa: F401  # fixtures

for _name in ("FORCE_COLOR", "PY_COLORS", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "GITHUB_ACTIONS"):
    os.environ.pop(_name, None)  # a machine of checks may ask for colours, which are not what the tests of what is printed look for
for _name in [name for name in os.environ if name.startswith("SIMPATICO_") and name != "SIMPATICO_SIMD"]:
    del os.environ[_name]  # settings of a deployment
os.environ["no_grpc_proxy"] = "127.0.0.1,localhost"  # noqa: SIM112  # so gRPC reads it

SAMPLES = Path(__file__).resolve().parent.parent / "audio_samples"


@dataclass(frozen=True, slots=True)
class SampleCall:
    """One sample call: its audio, float32 [n, 2] at 8 kHz, channel 0 = caller, and its entry in the manifest."""

    name: str
    path: Path
    samples: NDArray[np.float32]
    manifest: dict[str, Any]


# How long an example takes is a matter of the machine and its load: no test may fail by it.
settings.register_profile("simpatico", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
"""The same examples in every run: a change is judged by what it changed. ``make search`` looks for new ones."""
settings.register_profile("search", settings.get_profile("simpatico"), derandomize=False, max_examples=500)
settings.load_profile("simpatico")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that hold slow tests, so that the others fill what is left of the processors, and none is left to the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def harper_valley() -> list[RealCall]:
    """Return the eight real calls; a test that asks for them is skipped, visibly, where they are absent."""
    folder = find_folder()
    if folder is None:
        pytest.skip(ABSENT)
    return load_calls(folder)


@pytest.fixture(scope="session")
def sample_calls() -> list[SampleCall]:
    """Return the sample calls of the repository, in the manifest's order."""
    manifest = json.loads((SAMPLES / "manifest.json").read_text("utf-8"))
    calls = []
    for entry in manifest["calls"]:
        path = SAMPLES / entry["file"]
        calls.append(SampleCall(entry["name"], path, read_call(path).samples, entry))
    return calls


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """Return the bundle that ships."""
    return load_bundle()
