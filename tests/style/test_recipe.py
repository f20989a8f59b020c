"""How norms and reliabilities are fitted: closed forms, known answers, and what must not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recipe.norms import Track, fit_norms, small_sample_factor
from recipe.reliability import combine, half_evidence_s, spearman_brown, split_half

from simpatico.types import Role

UNITS = {"f0_range_st": "st", "interruptions_per_min": "1/min"}


def tracks(callers: list[float], agents: list[float], feature: str = "f0_range_st") -> list[Track]:
    roles = [(Role.CALLER, i, x) for i, x in enumerate(callers)] + [(Role.AGENT, i, x) for i, x in enumerate(agents)]
    return [Track(f"call{i}", role, f"{role.value}{i % 5}", 10.0 + i, {feature: value}) for role, i, value in roles]


@pytest.mark.parametrize("n", [2, 3, 5, 8, 9, 12])
def test_the_corrected_mad_is_unbiased_for_normal_values(n: int) -> None:
    values = np.random.default_rng(n).standard_normal((200_000, n))
    mad = np.median(np.abs(values - np.median(values, axis=1, keepdims=True)), axis=1)
    # Croux & Rousseeuw give three decimals, and n / (n - 0.8) is their approximation: within 1.5 %.
    assert small_sample_factor(n) * 1.4826 * mad.mean() == pytest.approx(1.0, abs=0.015)


def test_norms_recover_the_scale_of_many_tracks() -> None:
    rng = np.random.default_rng(1)
    rows = fit_norms(tracks(list(rng.normal(6, 2, 4000)), list(rng.normal(9, 2, 4000))), UNITS, bandwidth="narrow", codec_family="waveform")
    by_role = {row.role: row for row in rows}
    assert by_role[Role.CALLER].median == pytest.approx(6.0, abs=0.1)
    assert by_role[Role.AGENT].median == pytest.approx(9.0, abs=0.1)
    for row in rows:
        assert 1.4826 * row.mad == pytest.approx(2.0, abs=0.1)
        assert (row.tracks, row.speakers, row.rule) == (4000, 5, "shrunk")


def test_a_scale_that_came_out_small_by_chance_is_shrunk_to_the_pooled_one() -> None:
    close, spread = [5.0, 5.2, 5.4, 5.6, 5.8, 6.0, 6.2, 6.4], [3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]
    rows = {row.role: row for row in fit_norms(tracks(close, spread), UNITS, bandwidth="n", codec_family="w")}
    # Deviations from the roles' own medians, 5.7 and 6.5, sorted: .1 .1 .3 .3 .5 .5 .5 .5 .7 .7 1.5 1.5 2.5 2.5 3.5 3.5, median .6.
    # The correction for eight values is 1.129.
    for role, raw in ((Role.CALLER, 0.4), (Role.AGENT, 2.0)):
        assert rows[role].raw_mad == pytest.approx(raw, abs=1e-9)
        assert rows[role].mad == pytest.approx(1.129 * np.sqrt((raw**2 + 0.6**2) / 2), rel=1e-4)
        assert rows[role].rule == "shrunk"


def test_a_feature_that_never_varies_keeps_a_scale_of_one_event() -> None:
    rows = fit_norms(tracks([0.0] * 8, [0.0] * 8, "interruptions_per_min"), UNITS, bandwidth="n", codec_family="w")
    assert [(row.raw_mad, row.rule) for row in rows] == [(0.0, "floor")] * 2
    assert all(1.4826 * row.mad == pytest.approx(1.0, abs=1e-4) for row in rows)


def test_one_event_among_many_zeros_sets_the_floor_by_its_sd() -> None:
    rows = fit_norms(tracks([0.0] * 7 + [12.0], [0.0] * 8, "interruptions_per_min"), UNITS, bandwidth="n", codec_family="w")
    expected = 0.5 * np.std([0.0] * 15 + [12.0])
    assert [1.4826 * row.mad for row in rows] == pytest.approx([expected] * 2, rel=1e-4)


def test_a_feature_with_one_track_has_no_norm() -> None:
    assert fit_norms(tracks([1.0], []), UNITS, bandwidth="n", codec_family="w") == ()


@given(st.permutations(range(8)))
def test_the_order_of_tracks_does_not_matter(order: list[int]) -> None:
    some = tracks([3.0, 4.5, 5.0, 6.0, 7.5, 8.0, 9.0, 10.0], [])
    assert fit_norms([some[i] for i in order], UNITS, bandwidth="n", codec_family="w") == fit_norms(
        some, UNITS, bandwidth="n", codec_family="w"
    )


def test_spearman_brown_and_its_inverse() -> None:
    assert spearman_brown(0.5, 2.0) == pytest.approx(2 / 3)
    assert spearman_brown(0.6, 1.0) == pytest.approx(0.6)
    # Reliability at the seconds that half_evidence_s names is one half, whatever it started from.
    for reliability in (0.2, 0.5, 0.9):
        seconds = half_evidence_s(reliability, 12.0)
        assert spearman_brown(reliability, seconds / 12.0) == pytest.approx(0.5)


def test_belief_and_measurement_are_averaged() -> None:
    assert combine(None, 16, 0.6) == 0.6
    assert combine(0.0, 16, 0.6) < 0.6 < combine(0.8, 16, 0.6)
    assert combine(0.8, 16, 0.3) < combine(0.8, 60, 0.3)  # more tracks count more
    assert combine(-0.9, 10_000, 0.5) == 0.1
    assert combine(0.99, 10_000, 0.5) == pytest.approx(0.9, abs=1e-3)


def test_split_half_recovers_a_known_reliability() -> None:
    rng = np.random.default_rng(3)
    speaker = rng.normal(0, 1, 3000)

    def half() -> list[Track]:
        return tracks(list(speaker + rng.normal(0, 1, 3000)), [])

    found = split_half(half(), half(), {"f0_range_st": 0.3})["f0_range_st"]
    # Halves correlate at 1 / (1 + 1) = .5, so a whole track is reliable at 2/3. SE of r with 3000 tracks: .014.
    assert found.halves_r == pytest.approx(0.5, abs=0.04)
    assert found.measured == pytest.approx(2 / 3, abs=0.04)
    assert found.used == pytest.approx(2 / 3, abs=0.05)


def test_a_difference_between_roles_is_no_reliability() -> None:
    rng = np.random.default_rng(4)

    def half() -> list[Track]:
        return tracks(list(rng.normal(0, 1, 500)), list(rng.normal(10, 1, 500)))

    found = split_half(half(), half(), {"f0_range_st": 0.3})["f0_range_st"]
    assert found.halves_r == pytest.approx(0.0, abs=0.15)


def test_too_few_tracks_leave_the_belief() -> None:
    some = tracks([1.0, 2.0, 3.0], [])
    found = split_half(some, some, {"f0_range_st": 0.4})["f0_range_st"]
    assert (found.halves_r, found.measured, found.used) == (None, None, 0.4)
