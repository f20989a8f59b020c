"""The sample calls: manifest and files agree, the truth is where it says, and the generator makes the same again."""

from __future__ import annotations

import hashlib
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audio_samples.make_samples import GENERATOR_VERSION, HERE, make_call, script_hash
from audio_samples.scripts import CALLS
from audio_samples.synthesis import espeak_version
from simpatico.audio import QualityMeter, read_call
from simpatico.audio.g711 import MULAW
from simpatico.types import Role

MANIFEST: dict[str, Any] = json.loads((HERE / "manifest.json").read_text(encoding="utf-8"))
ENTRIES = pytest.mark.parametrize("entry", MANIFEST["calls"], ids=lambda entry: entry["name"])
ROLES = ("caller", "agent")


def utterances(entry: dict[str, Any], role: str) -> list[tuple[float, float]]:
    return sorted((u["start_s"], u["end_s"]) for line in entry["lines"] if line["role"] == role for u in line["utterances"])


def test_manifest_lists_every_file_and_the_scripts_that_made_them() -> None:
    files = {path.name for path in HERE.iterdir() if path.suffix in {".wav", ".flac"}}
    assert files == {entry["file"] for entry in MANIFEST["calls"]}
    assert [entry["name"] for entry in MANIFEST["calls"]] == [script.name for script in CALLS]
    assert len(files) >= 5
    assert sum((HERE / name).stat().st_size for name in files) < 3_200_000
    assert MANIFEST["scripts_sha256"] == script_hash(), "the scripts changed: run python -m audio_samples.make_samples"
    assert MANIFEST["generator_version"] == GENERATOR_VERSION
    readme = Path(HERE / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in readme for name in files)


@ENTRIES
def test_file_is_what_the_manifest_says(entry: dict[str, Any]) -> None:
    path = HERE / entry["file"]
    call = read_call(path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"]
    samples = np.round(call.samples * 32768).astype("<i2")
    assert hashlib.sha256(samples.tobytes()).hexdigest() == entry["samples_sha256"]
    assert (call.format.sample_rate_hz, call.format.channels, call.format.codec) == (8000, 2, entry["codec"])
    assert call.duration_s == pytest.approx(entry["duration_s"], abs=1e-6)
    assert 30.0 <= call.duration_s <= 60.0
    assert np.isin(call.samples, MULAW).all(), "every sample went through mu-law"


@ENTRIES
def test_turn_taking_is_as_scripted(entry: dict[str, Any]) -> None:
    lines = entry["lines"]
    for role in ROLES:
        spans = utterances(entry, role)
        assert all(start < end for start, end in spans)
        # The manifest rounds to 0.1 ms.
        assert all(after[0] - before[1] >= 0.18 - 2e-4 for before, after in itertools.pairwise(spans)), "utterances are split at 180 ms"
    turns = [line for line in lines if line["kind"] != "backchannel"]
    transfers = [after["start_s"] - before["end_s"] for before, after in itertools.pairwise(turns) if before["role"] != after["role"]]
    assert any(offset_s > 0 for offset_s in transfers)
    assert all(-0.5 < offset_s < 1.5 for offset_s in transfers)
    for before, after in itertools.pairwise(turns):
        assert before["interrupted"] == (after["kind"] == "interruption")
    for line in lines:
        if line["kind"] == "backchannel":
            other = [
                span for span in utterances(entry, "agent" if line["role"] == "caller" else "caller") if span[1] > line["start_s"] - 0.5
            ]
            assert line["end_s"] - line["start_s"] <= 1.0
            assert other[0][0] < line["end_s"], "a backchannel lies in or between the other's words"


def test_the_set_has_what_it_promises() -> None:
    lines = [line for entry in MANIFEST["calls"] for line in entry["lines"]]
    assert sum(line["kind"] == "interruption" for line in lines) >= 3
    assert sum(line["kind"] == "backchannel" for line in lines) >= 6
    assert len({entry["intended_caller_style"] for entry in MANIFEST["calls"]}) == len(MANIFEST["calls"])
    assert len({entry[role]["voice"] for entry in MANIFEST["calls"] for role in ROLES}) == 2 * len(MANIFEST["calls"])


@ENTRIES
@pytest.mark.parametrize("role", ROLES)
def test_speech_is_where_the_manifest_says_at_the_stated_noise(entry: dict[str, Any], role: str) -> None:
    samples = read_call(HERE / entry["file"]).samples[:, ROLES.index(role)]
    frames = samples[: len(samples) // 80 * 80].reshape(-1, 80).astype(np.float64)
    level = (10.0 * np.log10(np.maximum((frames**2).mean(axis=1), 1e-12))).astype(np.float32)
    speech = np.zeros(len(level), bool)
    for start_s, end_s in utterances(entry, role):
        speech[round(start_s * 100) : round(end_s * 100)] = True
    party = entry[role]
    loud = level > party["level_dbfs"] - party["snr_db"] + 6.0  # 6 dB above the noise
    beyond = np.flatnonzero(loud & ~speech)
    nearest = np.abs(beyond[:, None] - np.flatnonzero(speech)).min(axis=1)
    assert nearest.max(initial=0) <= 2, "nothing is heard more than 20 ms away from an utterance"
    for start_s, end_s in utterances(entry, role):
        assert loud[round(start_s * 100) : round(end_s * 100)].any(), f"nothing is heard from {start_s} to {end_s} s"
    meter = QualityMeter(8000, entry["codec"])
    meter.update_samples(samples)
    meter.update_speech(level, speech)
    quality = meter.result(Role(role))
    # Clipping takes up to 2 dB off the level of the one overdriven track.
    assert quality.snr_db.value == pytest.approx(party["snr_db"], abs=2.0 if quality.clipped_share > 0.001 else 0.5)
    assert (quality.digital_zero_share > 0.05) == (party["zeros"] != "none")


@pytest.mark.parametrize("name", ["parcel"])
def test_made_again_it_is_the_same(name: str) -> None:
    version = espeak_version()
    made_with = MANIFEST["made_with"]["espeak-ng"]
    if version != made_with:
        pytest.skip(f"the samples were made with espeak-ng {made_with}; here it is {version or 'not installed'}")
    entry = next(entry for entry in MANIFEST["calls"] if entry["name"] == name)
    script = next(script for script in CALLS if script.name == name)
    samples, lines = make_call(script)
    stored = np.round(read_call(HERE / entry["file"]).samples * 32768).astype(np.int16)
    assert json.loads(json.dumps(lines)) == entry["lines"]
    assert samples.shape == stored.shape
    # Another NumPy or soxr may round differently, which moves a sample by one step of mu-law now and then.
    assert np.mean(samples != stored) < 1e-3
    assert np.corrcoef(samples.ravel(), stored.ravel())[0, 1] > 0.9999
