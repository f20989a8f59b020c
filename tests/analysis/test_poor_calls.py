"""Calls that hold little or nothing: a normal answer that says how little is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from simpatico.analysis import AnalysisOptions, CallAnalyzer
from simpatico.errors import AudioFormatError, ConfigError, MalformedAudioError, UnknownCallError
from simpatico.reports import to_document
from simpatico.types import AudioFormat, CallAnalysis, Reason, Role

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from simpatico.style import Bundle
    from tests.conftest import SampleCall


def analyze(samples: NDArray[np.float32], bundle: Bundle, *, caller: int | None = 0, rate_hz: int = 8000) -> CallAnalysis:
    analyzer = CallAnalyzer("call", AudioFormat(rate_hz, samples.shape[1], "l16"), caller, bundle)
    analyzer.feed(samples)
    return analyzer.finish()


def assert_nothing_known(analysis: CallAnalysis, reason: Reason) -> None:
    assert analysis.dialogue.utterances == ()
    assert analysis.dialogue.span_s is None
    assert analysis.style.label == "undetermined"
    assert analysis.style.reason is Reason.NO_SPEECH
    assert analysis.style.evidence_s == 0.0
    for axis in analysis.style.axes:
        assert (axis.mean, axis.sd) == (0.0, 1.0)
    assert analysis.signals.pair.short_exchange_rate.reason is reason
    for party in analysis.signals.parties.values():
        assert party.activity.value is None
        assert party.influence.weight.value is None


@pytest.mark.parametrize("samples", [0, 1, 79, 8000, 8000 * 20])
def test_digital_silence_of_any_length_is_no_speech(bundle: Bundle, samples: int) -> None:
    analysis = analyze(np.zeros((samples, 2), np.float32), bundle)
    assert_nothing_known(analysis, Reason.NO_SPEECH)
    assert analysis.call.duration_s == samples / 8000
    for quality in analysis.quality.values():
        assert quality.snr_db.reason is Reason.NO_SPEECH


@pytest.mark.parametrize(("caller", "role"), [(0, Role.CALLER), (None, Role.AGENT)])
def test_one_channel_makes_the_pairs_figures_not_applicable(
    sample_calls: list[SampleCall], bundle: Bundle, caller: int | None, role: Role
) -> None:
    analysis = analyze(np.ascontiguousarray(sample_calls[0].samples[:, :1]), bundle, caller=caller)
    taking, signals = analysis.dialogue.taking, analysis.signals
    assert set(analysis.quality) == set(signals.parties) == {role}
    assert analysis.dialogue.utterances
    needs_two = [
        taking.fto_median_s,
        taking.fto_overlap_share,
        taking.overlap_s,
        taking.parties[role].talk_share,
        taking.parties[role].backchannels_per_min,
        taking.parties[role].interruptions_per_min,
        signals.pair.short_exchange_rate,
        signals.parties[role].influence.weight,
        signals.parties[role].influence.p_value,
        *(e.synchrony for e in signals.pair.entrainment),
    ]
    assert {m.reason for m in needs_two} == {Reason.ONE_CHANNEL}
    assert all(m.value is None for m in needs_two)
    assert taking.parties[role].articulation_rate_hz.value is not None
    if role is Role.AGENT:
        assert analysis.style.label == "undetermined"
        assert all(axis.sd == 1.0 for axis in analysis.style.axes)


def test_three_seconds_of_speech_are_called_little(sample_calls: list[SampleCall], bundle: Bundle) -> None:
    whole = analyze(sample_calls[0].samples, bundle)
    first = next(u for u in whole.dialogue.utterances if u.role is Role.CALLER)
    start = int(first.start_s * 8000)
    short = analyze(np.ascontiguousarray(sample_calls[0].samples[start : start + 3 * 8000]), bundle)
    assert 0.0 < short.style.evidence_s <= 3.0
    assert short.style.label == "undetermined"
    for brief, full in zip(short.style.axes, whole.style.axes, strict=True):
        assert full.sd < brief.sd <= 1.0


def test_wide_band_audio_runs_at_16_khz_and_odd_rates_are_resampled(sample_calls: list[SampleCall], bundle: Bundle) -> None:
    for rate_hz, expected_hz in [(8000, 8000), (11025, 8000), (16000, 16000), (48000, 16000)]:
        analysis = analyze(np.zeros((rate_hz, 2), np.float32), bundle, rate_hz=rate_hz)
        assert analysis.call.analysis_rate_hz == expected_hz
        assert to_document(analysis)["call"]["sample_rate_hz"] == rate_hz


@pytest.mark.parametrize(
    ("rate_hz", "channels", "caller", "match"),
    [
        (0, 2, 0, "0 Hz"),
        (10**9, 2, 0, r"1e\+09 Hz"),
        (8000, 17, 0, "17 channels"),
        (8000, 2, 2, "caller channel 2"),
        (8000, 2, None, "no caller channel"),
    ],
)
def test_formats_out_of_range_are_refused(bundle: Bundle, rate_hz: int, channels: int, caller: int | None, match: str) -> None:
    with pytest.raises(AudioFormatError, match=match):
        CallAnalyzer("call", AudioFormat(rate_hz, channels, "l16"), caller, bundle)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e9])
def test_a_bad_sample_is_refused_and_the_call_goes_on(bundle: Bundle, bad: float) -> None:
    good = np.random.default_rng(1).normal(0, 0.01, (4000, 2)).astype(np.float32)
    analyzer = CallAnalyzer("call", AudioFormat(8000, 2, "f32"), 0, bundle)
    analyzer.feed(good)
    broken = good.copy()
    broken[7, 1] = bad
    with pytest.raises(MalformedAudioError, match="sample 4007 of channel 1"):
        analyzer.feed(broken)
    analyzer.feed(good)
    assert analyzer.finish().call.duration_s == 1.0


@pytest.mark.parametrize("samples", [np.zeros(100, np.float32), np.zeros((100, 1), np.float32), np.zeros((100, 2))])
def test_a_wrong_shape_or_type_is_named(bundle: Bundle, samples: NDArray[np.float32]) -> None:
    analyzer = CallAnalyzer("call", AudioFormat(8000, 2, "f32"), 0, bundle)
    with pytest.raises(MalformedAudioError, match=r"float32 of shape \[n, 2\], got"):
        analyzer.feed(samples)


def test_nothing_can_follow_the_end(bundle: Bundle) -> None:
    analyzer = CallAnalyzer("call", AudioFormat(8000, 2, "f32"), 0, bundle)
    analyzer.finish()
    with pytest.raises(UnknownCallError, match="'call' has ended"):
        analyzer.feed(np.zeros((1, 2), np.float32))
    with pytest.raises(UnknownCallError, match="'call' has ended already"):
        analyzer.finish()


@pytest.mark.parametrize(("kwargs", "match"), [({"interim_period_s": 0.0}, "use 0.1 or more"), ({"surrogates": 3}, "use 20 or more")])
def test_options_out_of_range_are_refused(kwargs: dict[str, float], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        AnalysisOptions(**kwargs)  # type: ignore[arg-type]
