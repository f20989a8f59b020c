"""Formants of the NumPy reference: known resonances, in noise and without; slots, bandwidths and places in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from tests.reference.egemaps import formants, windows

RATES = (8000, 16000)
POLES_HZ = ((600, 80), (1400, 100), (2500, 150), (3500, 200), (4500, 250))
MIDDLE = slice(60, 140)


def voice(rate_hz: int, f0_hz: float, noise_db: float = -np.inf, f1_hz: float = 600.0) -> windows.Float:
    """Two seconds of impulses through a tilt of 6 dB per octave and resonances, with white noise at a level relative to them."""
    x = np.zeros(2 * rate_hz)
    x[np.round(np.arange(0, len(x) - 1, rate_hz / f0_hz)).astype(int)] = 1
    x = lfilter([1], [1, -0.7], x)
    for hz, width in ((f1_hz, 80), *POLES_HZ[1 : 4 if rate_hz == 8000 else 5]):
        r = np.exp(-np.pi * width / rate_hz)
        x = lfilter([1], [1, -2 * r * np.cos(2 * np.pi * hz / rate_hz), r * r], x)
    noise = np.random.default_rng(3).standard_normal(len(x)) * np.sqrt(np.mean(x**2)) * 10 ** (noise_db / 20)
    return np.asarray(0.1 * (x + noise) / np.abs(x).max())


def measured(rate_hz: int, f0_hz: float, noise_db: float = -np.inf) -> tuple[windows.Float, windows.Float]:
    x = windows.long_magnitudes(voice(rate_hz, f0_hz, noise_db), rate_hz)
    f, b = formants.formants(x, np.full(len(x), f0_hz), rate_hz)
    return f[MIDDLE], b[MIDDLE]


@pytest.mark.parametrize("f0_hz", [90.0, 150.0, 200.0])
@pytest.mark.parametrize("rate_hz", RATES)
def test_known_resonances(rate_hz: int, f0_hz: float) -> None:
    """Within the pull of the harmonics beside them."""
    f, b = measured(rate_hz, f0_hz)
    assert np.abs(np.median(f, axis=0) - [600, 1400, 2500]).max() < 50
    assert np.median(b, axis=0) == pytest.approx([80, 100, 150], abs=100)


@pytest.mark.parametrize("rate_hz", RATES)
def test_noise_moves_them_little(rate_hz: int) -> None:
    """Ten dB below the voice as a whole, which leaves F3 far under the noise's level in its band."""
    f, _ = measured(rate_hz, 120.0, -10.0)
    assert np.median(f[f[:, 0] > 0, 0]) == pytest.approx(600, rel=0.05)
    assert np.median(f[f[:, 1] > 0, 1]) == pytest.approx(1400, rel=0.05)


def weight_of(power: windows.Float, f0_hz: windows.Float) -> windows.Float:
    return formants.voice_weight(formants.voice_share(power, f0_hz), power.shape[1])


def test_noise_alone_keeps_the_least_share_and_a_voice_alone_all() -> None:
    bins = np.arange(257)
    noise, harmonics = np.ones((3, 257)), np.tile(1.0 * (bins % 8 == 0), (3, 1))
    f0 = np.full(3, 8 * windows.LONG_BIN_HZ)
    least = formants.SHARE_FLOOR**formants.SHARE_EXPONENT
    assert weight_of(noise, f0)[:, 4:-4] == pytest.approx(least)
    assert weight_of(harmonics, f0) == pytest.approx(1)


def test_what_is_known_of_the_share_fades() -> None:
    """After a frame of voice a frame of noise keeps the part of it that is remembered."""
    bins = np.arange(257)
    power = np.stack([1.0 * (bins % 8 == 0), np.ones(257)])
    weight = weight_of(power, np.full(2, 8 * windows.LONG_BIN_HZ))
    known = formants.SHARE_MEMORY * 1.0
    assert weight[1, 4:-4] == pytest.approx((known / (known + 8)) ** formants.SHARE_EXPONENT)


@pytest.mark.parametrize(
    ("f", "b", "at"),
    [
        ([], [], [0, 0, 0]),
        ([500, 1500, 2600], [60, 90, 150], [500, 1500, 2600]),
        ([500, 2600], [60, 150], [500, 0, 2600]),
        ([1500], [100], [0, 1500, 0]),
        ([300, 2200, 2900, 3700], [60, 90, 150, 300], [300, 2200, 2900]),
        ([500, 1000, 1500, 2600], [60, 450, 90, 150], [500, 1500, 2600]),
        ([500, 1500, 3600], [60, 90, 100], [500, 1500, 0]),
    ],
)
def test_slots(f: list[float], b: list[float], at: list[float]) -> None:
    found, width = formants.slots(np.array(f, dtype=float), np.array(b, dtype=float))
    assert found.tolist() == at
    assert width.tolist() == [b[f.index(x)] if x else 0 for x in at]


@given(st.lists(st.tuples(st.floats(60, 5400), st.floats(1, 2000)), max_size=5, unique_by=lambda root: root[0]))
def test_slots_hold_what_they_may(roots: list[tuple[float, float]]) -> None:
    f, b = (np.array(sorted(roots))[:, k] if roots else np.zeros(0) for k in (0, 1))
    found, width = formants.slots(f, b)
    there = found[found > 0]
    assert (np.diff(there) > 0).all()
    for slot in range(3):
        if found[slot] > 0:
            assert formants.RANGE_HZ[slot][0] < found[slot] < formants.RANGE_HZ[slot][1]
            assert formants.NARROWEST_HZ <= width[slot] < formants.WIDEST_HZ[slot]
        else:
            assert width[slot] == 0


def test_bandwidths_start_from_the_neutral_ones() -> None:
    """One frame moves F2's by an eleventh of its logarithm, the others' by a 31st; many leave only itself; without stays without."""
    wide = np.full((5000, 3), 300.0)
    wide[3, 1] = 0
    got = formants.steadied(wide)
    assert got[0] == pytest.approx([w ** (p / (p + 1)) * 300 ** (1 / (p + 1)) for w, p in zip((70, 100, 160), (30, 10, 30), strict=True)])
    assert got[-1] == pytest.approx(300, rel=0.01)
    assert got[3, 1] == 0
    assert got[4, 1] == pytest.approx((100**10 * 300**4) ** (1 / 14))


def test_f3_of_voice_alone_is_what_was_found_and_of_noise_what_is_known() -> None:
    """Gain 1 up to the error where all is voice; next to none where nothing is. A frame without stays without."""
    f = np.array([2500.0, 0.0, 3000.0, 3200.0])
    heard, hidden = np.ones((4, 65)), np.full((4, 65), formants.SHARE_FLOOR)
    assert formants.followed(f, heard) == pytest.approx([2500, 0, 3000, 3200], rel=2e-3)
    assert formants.followed(f, hidden) == pytest.approx([2600, 0, 2600, 2600], rel=2e-3)


def test_f3_weighs_what_is_known_and_what_is_found_by_their_errors() -> None:
    """With an error as large as what is unknown of a neutral tract, half of the way in logarithm; then by what is left and the step."""
    place = int(3000 / 62.5 + 0.5)
    share = np.ones((2, 65))
    share[:, place] = (formants.THIRD_ERROR / formants.SPREAD[2]) ** 0.5
    got = formants.followed(np.full(2, 3000.0), share)
    half = np.sqrt(2600 * 3000)
    assert got[0] == pytest.approx(half)
    unknown = 0.18**2 / 2 + 0.1**2
    assert np.log(got[1] / half) / np.log(3000 / half) == pytest.approx(unknown / (unknown + 0.18**2))


@given(st.lists(st.tuples(st.floats(1501, 3499), st.floats(0.03, 1)), min_size=1, max_size=20))
def test_f3_stays_among_what_was_found_and_the_neutral_place(rows: list[tuple[float, float]]) -> None:
    f, share = np.array(rows).T
    got = formants.followed(f, np.tile(share[:, None], (1, 65)))
    assert got.min() >= min(f.min(), 2600) * (1 - 1e-9)
    assert got.max() <= max(f.max(), 2600) * (1 + 1e-9)


def test_places_are_held_within_a_stretch() -> None:
    f0 = np.array([100.0, 100, 100, 0, 100])
    f = np.zeros((5, 3))
    f[1] = 550, 1450, 0
    assert formants.held(f, f0).tolist() == [[500, 1500, 2600], [550, 1450, 2600], [550, 1450, 2600], [0, 0, 0], [500, 1500, 2600]]


def test_stretches_do_not_know_of_each_other() -> None:
    x = windows.long_magnitudes(voice(8000, 120.0, -5.0), 8000)
    f0 = np.full(len(x), 120.0)
    f0[:60] = f0[100:110] = 0
    whole, alone = formants.formants(x, f0, 8000), formants.formants(x[105:], f0[105:], 8000)
    assert np.array_equal(whole[0][105:], alone[0])
    assert np.array_equal(whole[1][105:], alone[1])


def test_silence_has_none() -> None:
    f, b = formants.formants(np.zeros((4, 257)), np.full(4, 100.0), 8000)
    assert not f.any()
    assert not b.any()
