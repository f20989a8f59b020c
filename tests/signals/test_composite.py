"""Activity and consistency as means of robust z."""

from __future__ import annotations

import numpy as np
import pytest

from bench.simulation.build import channel, conversation
from bench.simulation.prosody import Voice, voice_channel
from simpatico.signals import ACTIVITY, CONSISTENCY, AudioKind, Norm, NormTable, components, measure
from simpatico.signals.composite import activity, consistency
from simpatico.types import Measure, Reason, Role
from tests.signals.conversations import KIND, NORMS

MANY = 10**9
"""Calls behind a norm that is as good as exact."""


def talk(steadiness: float = 0.0, seed: int = 0):  # type: ignore[no-untyped-def]
    caller = voice_channel(Voice.of_steadiness(steadiness), 40, np.random.default_rng(seed))
    return conversation({Role.CALLER: caller, Role.AGENT: channel(Role.AGENT, [(0.0, 1.0), (5.0, 6.0), (9.0, 9.5)])})


def value(found: Measure) -> float:
    assert found.value is not None
    return found.value


def table(n: int, **medians: float) -> NormTable:
    return NormTable({(Role.CALLER, "narrow", "waveform", name): Norm(m, 0.1 * m, n) for name, m in medians.items()})


def test_each_is_the_mean_of_its_robust_z_with_its_sign() -> None:
    dialogue, channels = talk()
    raw = components(dialogue, channels, Role.CALLER)
    z = {name: (value(raw[name]) - 0.5) / (1.4826 * 0.1) for name in (*ACTIVITY, *CONSISTENCY)}
    found = activity(dialogue, channels, Role.CALLER, KIND, NORMS)
    assert value(found) == pytest.approx(np.mean([z[name] for name in ACTIVITY]))
    found = consistency(channels, Role.CALLER, KIND, NORMS)
    assert value(found) == pytest.approx(-np.mean([z[name] for name in CONSISTENCY]))
    assert found.evidence_s == pytest.approx(channels[Role.CALLER].speech_s)


def test_a_more_even_voice_is_more_consistent() -> None:
    """Differences of 4 SD of the population, against a spread of 0.25 at 40 s (docs/validation.md)."""
    found = [value(consistency(talk(s, seed=3)[1], Role.CALLER, KIND, NORMS)) for s in (-4.0, 0.0, 4.0)]
    assert found == sorted(found)


def test_the_standard_error_of_the_sum_knows_that_its_parts_move_together() -> None:
    """Two figures that are one figure: their mean is as uncertain as each, not by a root of two less."""
    dialogue, channels = talk()
    raw = components(dialogue, channels, Role.CALLER)
    per_s = value(raw["voiced_segments_per_s"])
    alone = (raw["speaking_share"].se or 0) / (1.4826 * 0.1 * value(raw["speaking_share"]))
    other = (raw["voiced_segments_per_s"].se or 0) / (1.4826 * 0.1 * per_s)
    norms = table(MANY, speaking_share=value(raw["speaking_share"]), voiced_segments_per_s=per_s)
    joint = activity(dialogue, channels, Role.CALLER, KIND, norms).se or 0
    assert joint <= (alone + other) / 2 + 1e-9
    assert joint > 0.9 * (alone + other) / 2  # Voiced segments are in proportion to the time spoken in this simulation.


def test_few_calls_behind_the_norms_widen_the_standard_error() -> None:
    dialogue, channels = talk()
    raw = components(dialogue, channels, Role.CALLER)
    medians = {name: value(raw[name]) for name in ACTIVITY}
    exact, rough = (activity(dialogue, channels, Role.CALLER, KIND, table(n, **medians)).se or 0 for n in (MANY, 8))
    assert rough**2 - exact**2 == pytest.approx(np.pi / 2 / 8, rel=1e-3)  # z is 0 here: only the median's own variance is left.


@pytest.mark.parametrize("name", [*ACTIVITY, *CONSISTENCY])
def test_a_missing_norm_is_never_a_zero(name: str) -> None:
    dialogue, channels = talk()
    norms = NormTable({key: norm for key, norm in NORMS.norms.items() if key[3] != name})
    party = measure(dialogue, channels, KIND, norms).parties[Role.CALLER]
    lacking, whole = (party.activity, party.consistency) if name in ACTIVITY else (party.consistency, party.activity)
    assert (lacking.value, lacking.reason) == (None, Reason.NO_NORMS)
    assert whole.value is not None


@pytest.mark.parametrize("kind", [AudioKind("wide", "waveform"), AudioKind("narrow", "transform"), AudioKind("unknown", "waveform")])
def test_norms_of_another_kind_of_audio_do_not_serve(kind: AudioKind) -> None:
    dialogue, channels = talk()
    assert activity(dialogue, channels, Role.CALLER, kind, NORMS).reason is Reason.NO_NORMS


def test_what_could_not_be_measured_says_so_rather_than_that_norms_are_missing() -> None:
    channels = {Role.CALLER: channel(Role.CALLER, []), Role.AGENT: channel(Role.AGENT, [(0.0, 1.0)])}
    assert consistency(channels, Role.CALLER, KIND, NormTable()).reason is Reason.NO_SPEECH
    assert consistency(channels, Role.AGENT, KIND, NORMS).reason is Reason.AGENT_NOT_SCORED
