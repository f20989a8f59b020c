"""Off-policy evaluation against a world whose truth is known, refusals, and replay."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from simpatico.errors import RequestError
from simpatico.routing.evaluation import (
    EvaluationRefused,
    LoggedChoice,
    evaluate,
    logged_choices,
    replay,
    target_of,
)
from simpatico.routing.policy import Policy
from simpatico.routing.ranking import neutral, rank
from simpatico.routing.types import Decision, NeutralReason, Outcome, Source
from simpatico.routing.utility import Utility
from simpatico.routing.variance import fit
from tests.routing.worlds import belief, learned, queue, request

LEVELS = np.array((0.2, 0.5, 0.8))


def log(rng: np.random.Generator, calls: int, *, wrong_q: bool = False, wrong_p: bool = False) -> list[LoggedChoice]:
    """Three agents chosen with known, changing probabilities; the target always takes 10, 20, 70 %."""
    found = []
    target = np.array((0.1, 0.2, 0.7))
    for i in range(calls):
        b = rng.dirichlet((3.0, 3.0, 3.0)) * 0.85 + 0.05
        a = int(rng.choice(3, p=b))
        u = float(np.clip(LEVELS[a] + 0.1 * rng.normal(), 0, 1))
        q = np.array((0.5, 0.5, 0.5)) if wrong_q else LEVELS
        logged = 0.6 if wrong_p else float(b[a])
        found.append(LoggedChoice(logged, float(target[a]), u, float(q[a]), float(target @ q), i // 20))
    return found


TRUE = float(np.array((0.1, 0.2, 0.7)) @ LEVELS)


def test_intervals_cover_the_truth_of_another_policy() -> None:
    rng = np.random.default_rng(0)
    inside = {"ips": 0, "snips": 0, "dr": 0}
    widths = dict.fromkeys(inside, 0.0)
    for _ in range(200):
        got = evaluate(log(rng, 600))
        for name in inside:
            e = getattr(got, name)
            inside[name] += e.low <= TRUE <= e.high
            widths[name] += (e.high - e.low) / 200
    for name, count in inside.items():
        assert 0.89 < count / 200 < 0.99, name  # standard error 1.5 %
    assert widths["dr"] < widths["snips"] < widths["ips"]


def test_doubly_robust_is_right_when_either_part_is() -> None:
    rng = np.random.default_rng(1)
    for wrong in ({"wrong_q": True}, {"wrong_p": True}):
        values = [evaluate(log(rng, 800, **wrong)).dr.value for _ in range(40)]  # type: ignore[union-attr]
        assert float(np.mean(values)) == pytest.approx(TRUE, abs=4 * float(np.std(values)) / math.sqrt(40))
    biased = [evaluate(log(rng, 800, wrong_p=True)).ips.value for _ in range(20)]  # type: ignore[union-attr]
    assert abs(float(np.mean(biased)) - TRUE) > 0.01  # so that the test could fail


def test_the_logged_policy_itself_has_weights_of_one() -> None:
    rows = [replace(c, target=c.logged) for c in log(np.random.default_rng(2), 400)]
    got = evaluate(rows)
    assert got.effective == pytest.approx(400)
    assert got.mean_weight == pytest.approx(1.0)
    assert got.ips == got.logged
    assert got.snips is not None
    assert got.snips.value == pytest.approx(got.ips.value)  # type: ignore[union-attr]


def test_effective_sample_size_by_hand() -> None:
    rows = [LoggedChoice(0.5, 0.5, 0.5, 0.5, 0.5, i) for i in range(300)] + [LoggedChoice(0.01, 1.0, 0.5, 0.5, 0.5, 0)]
    got = evaluate(rows)
    assert got.effective == pytest.approx(400.0**2 / (300 + 100.0**2))
    assert (got.refused, got.ips, got.dr) == (EvaluationRefused.SMALL_SAMPLE, None, None)
    assert got.largest_share == pytest.approx(0.25)


def test_nothing_logged_and_rankings_not_followed() -> None:
    assert evaluate([]).refused is EvaluationRefused.NOTHING_LOGGED
    assert evaluate(log(np.random.default_rng(0), 400), followed=0.49).refused is EvaluationRefused.NOT_FOLLOWED
    never = [replace(c, target=0.0) for c in log(np.random.default_rng(0), 400)]
    assert evaluate(never).refused is EvaluationRefused.SMALL_SAMPLE


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"logged": 0.0}, "logged"),
        ({"logged": math.nan}, "logged"),
        ({"target": 1.1}, "target"),
        ({"utility": math.nan}, "utility"),
        ({"expected": math.inf}, "expected"),
    ],
)
def test_figures_that_cannot_be(change: dict[str, float], name: str) -> None:
    rows = log(np.random.default_rng(0), 10)
    with pytest.raises(RequestError, match=f"{name} of decision 3 is"):
        evaluate([*rows[:3], replace(rows[3], **change), *rows[4:]])
    with pytest.raises(RequestError, match="confidence"):
        evaluate(rows, confidence=1.0)


MODEL = fit(learned(queue(0)))


def decision(i: int, seed: int, **fields: object) -> Decision:
    asked = request(4, live=belief(0.5 * (i % 5) - 1, 0.3, source=Source.LIVE))
    answer = rank(asked, MODEL, seed=seed)
    return Decision(f"d{i}", f"c{i}", 60.0 * i, asked, answer, None, answer.entries[0].agent_id, Outcome(csat_5=4.0), **fields)  # type: ignore[arg-type]


def known(row: Decision) -> Utility | None:
    return None if row.outcome.csat_5 is None else Utility((row.outcome.csat_5 - 1) / 4, 1.0)


def test_a_log_is_read_for_what_can_be_evaluated() -> None:
    rows = [decision(i, seed=i) for i in range(10)]
    other = rows[1].ranking.entries[1].agent_id
    rows[1] = replace(rows[1], taken=other)
    rows[2] = replace(rows[2], taken=None)
    rows[3] = replace(rows[3], ranking=neutral(rows[3].request, NeutralReason.DEADLINE), taken="a0")
    rows[4] = replace(rows[4], outcome=Outcome())
    sure = Policy(exploration=0.0)
    choices, followed = logged_choices(rows, target_of(MODEL, sure), known)
    assert len(choices) == 6
    assert followed == pytest.approx(7 / 8)
    for c in choices:
        assert c.target in {0.0, 1.0}
        assert 0.0 < c.logged <= 1.0
        assert c.utility == 0.75
    same, _ = logged_choices(rows, target_of(MODEL, Policy()), known)
    assert all(c.target == pytest.approx(c.logged) for c in same)
    first = rows[0]
    expected = {e.agent_id: e.expected_utility or 0.0 for e in first.ranking.entries}
    best = max(expected, key=lambda a: expected[a])
    assert choices[0].expected_target == pytest.approx(expected[best])


def test_an_assignment_is_no_evidence_for_another_policy() -> None:
    """Its propensities are shares of redraws."""
    rows = [decision(i, seed=i) for i in range(10)]
    together = [replace(row, ranking=replace(row.ranking, assigned=True)) for row in rows]
    alone, followed = logged_choices(rows, target_of(MODEL, Policy()), known)
    assert logged_choices([*rows, *together], target_of(MODEL, Policy()), known) == (alone, followed)
    assert logged_choices(together, target_of(MODEL, Policy()), known) == ([], 0.0)


def test_a_decision_is_made_again_from_its_log() -> None:
    row = decision(1, seed=99)
    assert replay(row, MODEL, Policy()).same
    assert not replay(row, MODEL, Policy(exploration=0.2)).same
    assert not replay(replace(row, ranking=replace(row.ranking, seed=98)), MODEL, Policy()).same_order
    late = replace(row, ranking=neutral(row.request, NeutralReason.DEADLINE))
    assert replay(late, MODEL, Policy()).same
    gone = replace(row, ranking=replace(row.ranking, entries=row.ranking.entries[1:]))
    assert not replay(gone, MODEL, Policy()).same
