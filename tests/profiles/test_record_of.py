"""From a call's analysis to what is kept of it: the caller's, without the prior, and nothing of the pair or the agent."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from simpatico.analysis import AnalysisOptions, CallAnalyzer
from simpatico.profiles.calls import record_of
from simpatico.profiles.fusion import fuse_calls
from simpatico.profiles.habits import CallTime
from simpatico.style import AxisPrior, Bundle
from simpatico.types import CallAnalysis, Role
from tests.conftest import SampleCall

TIME = CallTime(1, 9)


def listened(call: SampleCall, bundle: Bundle, prior: dict[str, AxisPrior] | None = None) -> tuple[CallAnalysis, dict[str, float]]:
    """Return the analysis of a sample call that starts from a prior, and the error that it shares with other calls."""
    from simpatico.audio import read_call

    read = read_call(call.path)
    options = AnalysisOptions(surrogates=20, prior=prior)
    analyzer = CallAnalyzer("the id", read.format, 0, bundle, options)
    assert set(analyzer.shared_variance.values()) == {math.inf}
    analyzer.feed(read.samples)
    return analyzer.finish(), analyzer.shared_variance


def analysed(call: SampleCall, bundle: Bundle, prior: dict[str, AxisPrior] | None = None) -> CallAnalysis:
    """Return the analysis alone."""
    return listened(call, bundle, prior)[0]


def test_the_prior_is_taken_out_again(sample_calls: list[SampleCall], bundle: Bundle) -> None:
    prior = {axis: AxisPrior(0.8, 0.5) for axis in bundle.axes}
    analysis, shared = listened(sample_calls[0], bundle)
    plain = record_of(analysis, prior={}, shared_variance=shared, started_at_s=1.0, time=TIME)
    other = record_of(analysed(sample_calls[0], bundle, prior), prior=prior, shared_variance=shared, started_at_s=1.0, time=TIME)
    for axis in bundle.axes:
        assert other.style[axis].information == pytest.approx(plain.style[axis].information, abs=1e-9)
        assert other.style[axis].shift == pytest.approx(plain.style[axis].shift, abs=1e-9)
    estimate = {axis.name: axis for axis in analysed(sample_calls[0], bundle).style.axes}
    for axis, evidence in plain.style.items():
        assert evidence.shift / (1.0 + evidence.information) == pytest.approx(estimate[axis].mean, abs=1e-9)
        assert fuse_calls([evidence]).calls == 1
        # The norms' error is a part of the whole error, and a large one: prior-1 has norms of five people.
        assert 0.1 / evidence.information < evidence.shared_variance < 1.0 / evidence.information


def test_what_is_kept_is_the_callers_own(sample_calls: list[SampleCall], bundle: Bundle) -> None:
    analysis = analysed(sample_calls[0], bundle)
    record = record_of(analysis, prior={}, shared_variance={}, started_at_s=5.0, time=TIME, reason="billing", notice_id="n")
    assert (record.call_id, record.reason, record.notice_id, record.model) == ("the id", "billing", "n", f"{bundle.name}/{bundle.version}")
    assert set(record.figures) <= {"activity", "consistency", "articulation_rate_hz"}
    assert record.figures["articulation_rate_hz"] == analysis.dialogue.taking.parties[Role.CALLER].articulation_rate_hz.value
    # Without the norms' share of the error a call is no evidence over calls: nothing is claimed.
    assert fuse_calls([record.style["assertiveness"]]).calls == 0


def test_of_the_agents_channel_alone_nothing_is_kept(sample_calls: list[SampleCall], bundle: Bundle) -> None:
    analysis = analysed(sample_calls[0], bundle)
    signals = replace(analysis.signals, parties={Role.AGENT: analysis.signals.parties[Role.AGENT]})
    taking = replace(analysis.dialogue.taking, parties={Role.AGENT: analysis.dialogue.taking.parties[Role.AGENT]})
    bare = replace(analysis, signals=signals, dialogue=replace(analysis.dialogue, taking=taking))
    assert record_of(bare, prior={}, shared_variance={}, started_at_s=5.0, time=TIME).figures == {}
