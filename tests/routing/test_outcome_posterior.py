"""The outcome model against dense algebra, and recovery of what queues were made with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simpatico.errors import ModelStateError
from simpatico.routing.observations import Observations, design
from simpatico.routing.posterior import MAX_REASONS, Posterior, Spreads, solve
from simpatico.routing.standing import standing
from simpatico.routing.types import Observation
from simpatico.routing.variance import fit
from tests.routing.worlds import Truth, belief, learned, queue

SPREADS = Spreads(noise=0.2, agent=0.07, cell=0.05, reason=0.1, style=(0.06, 0.09))


def solved(truth: Truth, spreads: Spreads | None = SPREADS) -> Posterior:
    made = solve(learned(truth), spreads) if spreads else fit(learned(truth))
    assert made is not None
    return made


def dense(truth: Truth, agents: int, reasons: int, phi: np.ndarray, reason: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean [agents] and covariance [agents, agents] of expected utility by one big least-squares problem."""
    width = 3 + reasons + 3 * agents + agents * reasons

    def row(a: int, r: int, p: np.ndarray) -> np.ndarray:
        x = np.zeros(width)
        x[:3] = p
        x[3 + r] = 1.0
        x[3 + reasons + 3 * a : 6 + reasons + 3 * a] = p
        x[3 + reasons + 3 * agents + a * reasons + r] = 1.0
        return x

    x = np.array([row(int(o.agent_id[1:]), int(o.reason[1:]), design(o.belief, ("assertiveness", "responsiveness"))) for o in truth.rows])
    y = np.array([o.utility for o in truth.rows])
    w = np.array([o.weight for o in truth.rows]) / SPREADS.noise**2
    sd = np.concatenate([[0.3, 0.15, 0.15], [0.1] * reasons, np.tile([0.07, 0.06, 0.09], agents), [0.05] * (agents * reasons)])
    centre = np.zeros(width)
    centre[0] = 0.6
    covariance = np.linalg.inv((x.T * w) @ x + np.diag(sd**-2.0))
    mean = covariance @ ((x.T * w) @ y + centre / sd**2)
    asked = np.array([row(a, reason, phi) for a in range(agents)])
    return asked @ mean, asked @ covariance @ asked.T


def test_three_eliminations_equal_one_dense_solve() -> None:
    truth = queue(0, agents=5, calls=70, reasons=3)
    rng = np.random.default_rng(0)
    truth = replace(truth, rows=tuple(replace(o, weight=float(rng.uniform(0.1, 1.0))) for o in truth.rows))
    phi = np.array((1.0, 0.5, -0.7))
    mean, covariance = dense(truth, 5, 3, phi, 1)
    model = solved(truth)
    got = model.predict(model.rows([f"a{i}" for i in range(5)]), phi, "r1")
    np.testing.assert_allclose(got.mean, mean, atol=1e-12)
    np.testing.assert_allclose(got.sd, np.sqrt(np.diag(covariance)), atol=1e-12)
    np.testing.assert_allclose(got.baseline + got.level + got.slopes @ phi[1:] + got.cell, got.mean, atol=1e-12)
    # What moves all agents alike is left out: independent draws differ as the joint posterior does.
    differ = np.diag(covariance)[:, None] + np.diag(covariance) - 2 * covariance
    drawn = got.contrast_sd[:, None] ** 2 + got.contrast_sd**2
    off = ~np.eye(5, dtype=bool)
    np.testing.assert_allclose(drawn[off], differ[off], rtol=0.05)
    assert (got.contrast_sd < 0.9 * got.sd).all()


def test_the_order_of_the_rows_does_not_matter() -> None:
    truth = queue(1)
    one, other = solved(truth, None), solved(replace(truth, rows=truth.rows[::-1]), None)
    np.testing.assert_allclose(one.agent_mean, other.agent_mean, atol=1e-8)
    assert one.agents == other.agents


def test_an_agent_of_whom_nothing_is_known_is_average_and_uncertain() -> None:
    model = solved(queue(2))
    got = model.predict(model.rows(["a0", "new"]), np.array((1.0, 0.0, 0.0)), "r0")
    assert got.mean[1] == pytest.approx(got.baseline)
    assert (got.calls[1], got.level[1], got.sd[1] > got.sd[0]) == (0.0, 0.0, True)


def test_a_reason_never_seen_counts_as_average() -> None:
    model = solved(queue(3))
    phi = np.array((1.0, 0.0, 0.0))
    got = model.predict(model.rows(["a0"]), phi, "never heard of")
    assert got.cell[0] == 0.0
    assert got.baseline == pytest.approx(model.queue_mean[0])


def test_few_calls_are_shrunk_and_many_are_believed() -> None:
    rows = [Observation("old", "", belief(0, 0), 0.9)] * 400 + [Observation("new", "", belief(0, 0), 0.9)] * 2
    rows += [Observation(f"a{i}", "", belief(0, 0), 0.5) for i in range(10) for _ in range(100)]
    model = solve(Observations.rebuilt(rows), SPREADS)
    assert model is not None
    got = model.predict(model.rows(["old", "new"]), np.array((1.0, 0.0, 0.0)), "")
    assert got.level[0] > 3 * got.level[1] > 0.0


def test_rare_reasons_are_pooled() -> None:
    rows = [Observation("a", f"r{i:03}", belief(0, 0), 0.5) for i in range(2 * MAX_REASONS) for _ in range(1 + (i < 40))]
    model = solve(Observations.rebuilt(rows), SPREADS)
    assert model is not None
    assert model.queue_mean.size == 3 + MAX_REASONS
    assert model.reasons["r063"] == model.reasons["r050"] != model.reasons["r001"]


@pytest.mark.parametrize("style", [(0.08, 0.08), (0.08, 0.0), (0.0, 0.0)])
def test_spreads_are_recovered(style: tuple[float, float]) -> None:
    found = [solved(queue(seed, agents=30, calls=3_000, style=style, noise=0.1), None).spreads for seed in range(6)]
    for k, truth in enumerate(style):
        mean = float(np.mean([s.style[k] for s in found]))
        if truth:
            assert mean == pytest.approx(truth, rel=0.2)  # the SD of 30 draws has a standard error of 13 %, of six such means 5 %
        else:
            assert mean < 0.02  # from a start of 0.05
    assert float(np.mean([s.noise for s in found])) == pytest.approx(0.1, rel=0.05)
    assert float(np.mean([s.agent for s in found])) == pytest.approx(0.06, rel=0.25)


def test_intervals_cover_the_truth() -> None:
    inside, total = 0, 0
    for seed in range(12):
        truth = queue(seed, agents=20, calls=800, noise=0.1)
        model = solved(truth, None)
        rows = model.rows([f"a{i}" for i in range(20)])
        sd = np.sqrt(np.einsum("app->ap", model.agent_cov[rows]))
        inside += int((np.abs(model.agent_mean[rows] - truth.agents) < 1.96 * sd).sum())
        total += truth.agents.size
    # 95 % of 720, less a little for the levels, whose queue mean is estimated too: standard error 0.8 %
    assert 0.90 < inside / total < 0.98


def test_what_is_held_of_an_agent_covers_the_truth() -> None:
    inside, total = 0, 0
    for seed in range(12):
        truth = queue(seed, agents=20, calls=800, noise=0.1)
        model = solved(truth, None)
        for a in range(20):
            held = standing("q", model, f"a{a}")
            assert held is not None
            found = [(held.level, held.level_sd), *((slope.mean, slope.sd) for slope in held.slopes)]
            inside += sum(abs(mean - true) < 1.96 * sd for (mean, sd), true in zip(found, truth.agents[a], strict=True))
            total += len(found)
        assert held.calls == pytest.approx(sum(row.agent_id == "a19" for row in truth.rows))
        assert standing("q", model, "nobody") is None
    # 95 % of 720, and more for the levels: their standard deviation knows that the queue's mean is estimated too; standard error 0.8 %
    assert 0.92 < inside / total < 0.98


def test_nothing_learned_is_no_model() -> None:
    assert solve(Observations()) is None
    assert fit(Observations()) is None


def test_spreads_fit_the_axes_and_are_above_0() -> None:
    with pytest.raises(ModelStateError, match="2 axes need as many style spreads"):
        solve(learned(queue(0, calls=5)), Spreads(style=(0.05,)))
    with pytest.raises(ModelStateError, match=r"above 0, got 0\.0"):
        Spreads(noise=0.0)


def test_other_axes_work_alike() -> None:
    rows = [Observation("a", "", belief(1, 0), 0.9), Observation("b", "", belief(-1, 0), 0.1)] * 50
    model = fit(Observations.rebuilt(rows, ("responsiveness", "assertiveness", "warmth")))
    assert model is not None
    assert model.agent_mean.shape == (3, 4)


@pytest.mark.parametrize("slope", [1.0, 2.0])
def test_sums_that_no_calls_can_have_are_an_error(slope: float) -> None:
    document = learned(queue(0, agents=2, calls=60, reasons=1)).to_document()
    sums = document["cells"][0][2]
    sums[:9] = [0.0] * 9
    sums[4] = -slope * (0.35 / 0.05) ** 2  # cancels the prior's precision of a slope, or turns its sign
    with pytest.raises(ModelStateError, match="rebuild them from the outcome rows"):
        solve(Observations.from_document(document), Spreads())


def test_forgetting_what_was_never_learned_is_found_out() -> None:
    kept = learned(queue(0, agents=2, calls=60, reasons=1))
    for _ in range(80):
        kept.forget(Observation("a0", "r0", belief(3.0, 3.0), 0.5, 0.5))
    for _ in range(80):
        kept.learn(Observation("a0", "r0", belief(0.0, 0.0), 0.5, 0.5))
    with pytest.raises(ModelStateError, match="rebuild them from the outcome rows"):
        fit(kept)
