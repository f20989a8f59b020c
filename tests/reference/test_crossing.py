"""The estimator of what crossing between extractors costs, on made-up functionals whose answer is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.egemaps_crossing import PENALTIES, Task, balanced, cross, fit_logistic, held_out, loss, within_calls

SPEAKERS = 12
PIECES = 30


def a_task(signal: float = 1.5, seed: int = 0, columns: int = 6, speakers: int = SPEAKERS) -> Task:
    """Half of the speakers of each class; the classes lie ``signal`` SD of a speaker apart in the first column."""
    rng = np.random.default_rng(seed)
    speaker = np.repeat(np.arange(speakers), PIECES)
    label = (speaker % 2).astype(float)
    x = rng.normal(size=(speakers, columns))[speaker] + rng.normal(size=(len(speaker), columns))
    x[:, 0] += signal * label
    at = np.tile(np.arange(PIECES) / PIECES, speakers)
    placement = np.tile(np.arange(PIECES) % 3, speakers)
    names = np.array([f"s{s:02d}" for s in speaker])
    return Task("made up", 8000, label, names, np.full(len(speaker), 5), placement, np.column_stack([at, at + 1 / PIECES]), {"a": x})


@pytest.mark.parametrize(("pieces", "columns"), [(80, 5), (20, 60)])
def test_newtons_method_finds_the_minimum_of_the_penalised_loss(pieces: int, columns: int) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(pieces, columns))
    y = (x[:, 0] + rng.normal(size=pieces) > 0.4).astype(float)
    w = fit_logistic(x, y, 2.0)
    share = np.where(y > 0, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
    p = 1 / (1 + np.exp(-(x @ w[:-1] + w[-1])))
    np.testing.assert_allclose(x.T @ (share * (p - y)) + 2.0 * w[:-1], 0, atol=1e-6)
    assert (share * (p - y)).sum() == pytest.approx(0, abs=1e-6)


@given(st.integers(0, 50), st.sampled_from([6, 12, 30]))
def test_nobody_judges_a_speaker_whom_he_has_heard(seed: int, speakers: int) -> None:
    task = a_task(seed=seed, speakers=speakers)
    for t in held_out(task, 40, seed):
        assert not set(task.speaker[t.train]) & set(task.speaker[t.test])
        assert set(task.label[t.train]) == {0.0, 1.0}
        assert len(set(task.placement[t.train])) == 1


def test_too_few_speakers_are_refused() -> None:
    with pytest.raises(ValueError, match="2 pairs of speakers to hold out leave no training set"):
        list(held_out(a_task(speakers=3), 10))


def test_each_pair_is_held_out_and_each_penalty_has_its_turn() -> None:
    task = a_task()
    pairs = {(tuple(sorted(set(task.speaker[t.test]))), t.penalty) for t in held_out(task, 36 * 3)}
    assert len(pairs) == 36 * len(PENALTIES)


def test_the_halves_of_a_call_do_not_meet() -> None:
    task = a_task()
    seen = 0
    for t in within_calls(task):
        train, test = (task.span[rows] for rows in (t.train, t.test))
        assert not set(map(tuple, train)) & set(map(tuple, test))
        seen += 1
    assert seen == 8 * 3 * len(PENALTIES)


def test_the_same_figures_cost_nothing_and_another_unit_costs_nothing_with_own_norms() -> None:
    task = a_task(signal=6.0)
    trainings = list(held_out(task, 60))
    x = task.features["a"]
    assert [f.value for f in loss(cross(task, (x, x), trainings, own_norms=False))] == [0, 0, 0]
    other = 3 * x + 7
    assert np.allclose([f.value for f in loss(cross(task, (x, other), trainings, own_norms=True))], 0)
    first, _, _ = loss(cross(task, (x, other), trainings, own_norms=False))
    assert first.value > 10


def test_an_extractor_that_measures_nothing_costs_all_that_was_known() -> None:
    task = a_task(signal=6.0)
    nothing = np.random.default_rng(5).normal(size=task.features["a"].shape)
    c = cross(task, (task.features["a"], nothing), list(held_out(task, 144)), own_norms=True)
    assert balanced(c)[0, 0] > 85
    first, _, mean = loss(c)
    assert first.value == pytest.approx(balanced(c)[0, 0] - 50, abs=6)
    assert first.low < first.value < first.high
    assert mean.low < mean.value < mean.high


def test_a_speakers_pieces_count_as_one_speaker() -> None:
    task = a_task()
    x = task.features["a"]
    more = np.concatenate([np.arange(len(x)), np.flatnonzero(task.speaker == "s00"), np.flatnonzero(task.speaker == "s00")])
    fields = {f.name: getattr(task, f.name)[more] for f in dataclasses.fields(task) if f.name not in ("title", "rate_hz", "features")}
    again = dataclasses.replace(task, **fields, features={"a": x[more]})
    # trained on others alone, so the same models; speaker s00 is judged three times as often and counts once
    trainings = [t for t in held_out(task, 36) if "s00" in task.speaker[t.test]]
    wider = [dataclasses.replace(t, test=np.flatnonzero(np.isin(more, t.test))) for t in trainings]
    assert balanced(cross(task, (x, x), trainings, False))[0, 0] == pytest.approx(
        balanced(cross(again, (x[more], x[more]), wider, False))[0, 0], abs=1e-9
    )
