"""``simpatico routing`` on a log in each database, against the same figures computed from what was logged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from simpatico.profiles import decisions, operations
from simpatico.profiles.spool import Spool
from simpatico.profiles.store import BlockingStore
from simpatico.routing.evaluation import logged_choices
from simpatico.routing.hindsight import Hindsight, Report
from simpatico.routing.lift import block_calls, lift
from simpatico.routing.policy import Policy
from simpatico.routing.ranking import propensities
from simpatico.routing.types import Decision
from simpatico.routing.utility import DEFAULT_WEIGHTS, HandleNorm, Utility, UtilityWeights, fit_handle_norm, utility
from simpatico.server.routing.learning import models_of
from tests.cli.conftest import Command
from tests.cli.season import CALLS, QUEUE, RENEWED, Season, parts, season
from tests.profiles.conftest import Cluster
from tests.profiles.samples import RING


@pytest.fixture(scope="module")
def in_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Season:
    folder = tmp_path_factory.mktemp("season")
    return season(f"sqlite:///{folder}/simpatico.db", folder)


@pytest.fixture(scope="module")
def in_postgresql(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Season:
    return season(cluster.make_another(), tmp_path_factory.mktemp("season"))


@pytest.fixture
def log(request: pytest.FixtureRequest) -> Season:
    """Return a filled database that tests only read: SQLite unless a test is marked with `both`."""
    found: Season = request.getfixturevalue(getattr(request, "param", "in_sqlite"))
    return found


both = pytest.mark.parametrize("log", ["in_sqlite", "in_postgresql"], indirect=True)


@pytest.fixture
def own(in_sqlite: Season, tmp_path: Path) -> Season:
    """Return a copy that a test may change."""
    path = tmp_path / "simpatico.db"
    shutil.copy(in_sqlite.url.removeprefix("sqlite:///"), path)
    url = f"sqlite:///{path}"
    return Season(url, tuple(word.replace(in_sqlite.url, url) for word in in_sqlite.settings), in_sqlite.made)


def read(command: Command, log: Season, *args: object) -> Any:
    """Return what a command prints as JSON."""
    done = command("routing", *args, *log.settings, "--json")
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


def measured(rows: Sequence[Decision], weights: UtilityWeights = DEFAULT_WEIGHTS) -> Callable[[Decision], Utility | None]:
    """Return how these rows are measured, handle times against what is usual among them."""
    norms: dict[str, HandleNorm | None] = {}
    for reason in ("r0", "r1"):
        norms[reason] = fit_handle_norm([d.outcome.handle_s for d in rows if d.request.reason == reason and d.outcome.handle_s is not None])
    return lambda d: utility(d.outcome, norms[d.request.reason], weights)


def experimented(log: Season) -> list[Decision]:
    return [d for d in log.made if d.block is not None]


@both
def test_lift_is_that_of_the_log(log: Season, command: Command) -> None:
    (found,) = read(command, log, "lift", "--experiment", "exp-1")
    expected = lift(block_calls(experimented(log), measured(experimented(log))))
    assert expected.pairs > 6
    assert expected.estimate is not None
    assert found["lift"]["estimate"] == pytest.approx(expected.estimate)
    assert (found["lift"]["low"], found["lift"]["high"]) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert (found["lift"]["pairs"], found["lift"]["calls_on"], found["lift"]["washed_out"]) == (
        expected.pairs,
        expected.calls_on,
        expected.washed_out,
    )
    assert found["lift"]["low"] > 0.0, "the model is better than the distributor's order here"
    assert (found["aa"], found["running"]) == (False, True)


def test_lift_as_a_table_says_what_to_think(log: Season, command: Command) -> None:
    done = command("routing", "lift", *log.settings)
    assert done.code == 0
    assert "exp-2 (A/A)" in done.out
    assert "exp-2: no estimate: 0 pairs of blocks have outcomes on both sides, at least 6 are needed; 6 more take 3 hours" in done.out
    assert "exp-1: it still runs; an interval that is looked at again and again misses more often than it says" in done.out


def test_other_weights_are_another_lift(log: Season, command: Command) -> None:
    only = ("--weight", "resolved=0", "--weight", "csat=1", "--weight", "handle=0")
    (found,) = read(command, log, "lift", "--experiment", "exp-1", *only)
    expected = lift(block_calls(experimented(log), measured(experimented(log), UtilityWeights(0.0, 1.0, 0.0, 0.0))))
    assert found["lift"]["estimate"] == pytest.approx(expected.estimate)


def test_the_policy_that_ran_is_worth_what_it_got(log: Season, command: Command) -> None:
    found = read(command, log, "evaluate")
    ranked = [d for d in log.made if not d.ranking.neutral]
    followed = [d for d in ranked if d.taken == d.ranking.entries[0].agent_id]
    assert found["calls"] == len(followed)
    assert found["followed"] == pytest.approx(len(followed) / len(ranked))
    assert found["left_out"]["neutral"] == CALLS - len(ranked)
    # Decisions followed are not as likely as all: those that were not are a few in eleven, by number and not by agent.
    assert found["mean_weight"] == pytest.approx(1.0, abs=1e-5)
    assert found["effective"] == pytest.approx(len(followed), rel=1e-4)
    worth = measured(log.made)
    mean = sum(u.value for d in followed if (u := worth(d)) is not None) / len(followed)
    for name in ("ips", "snips", "logged"):
        assert found[name]["value"] == pytest.approx(mean, abs=1e-5)
    assert found["policy"]["version"] == Policy().version


@both
def test_a_changed_policy_ranks_with_models_of_then(log: Season, command: Command) -> None:
    """No target may have seen the outcome that it is held against, nor one that came later."""
    found = read(command, log, "evaluate", "--load-weight", 0.5)
    assert found["refused"] is None
    assert found["policy"]["load_weight"] == 0.5
    assert found["effective"] < found["calls"]
    reports: list[Report] = []
    before: dict[str, int] = {}
    for i, d in enumerate(log.made):
        before[d.decision_id] = len(reports) if i % RENEWED == 0 else before[log.made[i - 1].decision_id]
        reports += [Report(len(reports) + k, d.decision_id, said, by) for k, (said, by) in enumerate(parts(i, d), start=1)]
    past = Hindsight(log.made, reports, models_of)
    changed = Policy(load_weight=0.5)

    def target(d: Any) -> Any:
        through = before[d.decision_id]
        assert d.ranking.learned_through == through
        return propensities(d.request, past.model(QUEUE, through), changed, block=d.block)

    choices, _ = logged_choices(log.made, target, measured(log.made))
    weights = [c.target / c.logged for c in choices]
    assert found["mean_weight"] == pytest.approx(sum(weights) / len(weights), rel=1e-6)
    assert found["ips"]["value"] == pytest.approx(sum(w * c.utility for w, c in zip(weights, choices, strict=True)) / len(choices))


def test_too_thin_a_log_is_refused(log: Season, command: Command) -> None:
    last = log.made[-30]
    found = read(command, log, "evaluate", "--since", _iso(last.at_s), "--exploration", 0)
    assert (found["refused"], found["ips"], found["dr"]) == ("effective_sample_too_small", None, None)
    done = command("routing", "evaluate", "--since", _iso(last.at_s), *log.settings)
    assert done.code == 0
    assert "no estimate: the log is worth fewer than 100 calls of this policy" in done.out


def _iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat()


@both
def test_every_decision_is_made_again(log: Season, command: Command) -> None:
    found = read(command, log, "replay")
    neutral = sum(d.ranking.neutral for d in log.made)
    assert 0 < neutral < CALLS
    expected = {"decisions": CALLS, "same": CALLS - neutral, "neutral": neutral, "compared": 0}
    assert {name: count for name, count in found["counts"].items() if count or name == "compared"} == expected
    assert [one["decision_id"] for one in found["decisions"]] == [d.decision_id for d in log.made]
    assert max(one["propensity_error"] or 0.0 for one in found["decisions"]) <= 1e-6


def test_replay_says_what_a_changed_policy_would_have_done(log: Season, command: Command) -> None:
    unchanged = read(command, log, "replay", "--without-profile")
    assert (unchanged["counts"]["compared"] > 0, unchanged["counts"]["order_differs"]) == (True, 0), "nobody here has a profile"
    changed = read(command, log, "replay", "--without-style", "--exploration", 0)
    counts = changed["counts"]
    assert counts["compared"] == counts["same"]
    assert 0 < counts["first_differs"] <= counts["order_differs"] < counts["compared"]
    differing = [one for one in changed["decisions"] if one["moved"] and one["first_again"] != one["first_changed"]]
    assert len(differing) == counts["first_differs"]
    table = command("routing", "replay", "--without-style", "--exploration", 0, "--show", 3, *log.settings)
    assert (
        f"under the changed policy {counts['first_differs']} of {counts['compared']} rankings would have another first agent" in table.out
    )
    assert f"3 of {counts['order_differs']} that differ" in table.out


def test_other_weights_teach_another_model(log: Season, command: Command) -> None:
    found = read(command, log, "replay", "--weight", "csat=0.0", "--weight", "resolved=0.9", "--weight", "handle=0.1")
    # Without resolution and rating nothing is learned: everything would have been neutral.
    assert found["counts"]["compared"] == found["counts"]["same"]
    assert found["counts"]["order_differs"] > 0


def test_after_an_erasure_it_says_what_cannot_be_made_again(own: Season, command: Command, tmp_path: Path) -> None:
    with BlockingStore(own.url, RING) as store:
        spool = Spool(tmp_path / "spool.db")
        store.run(operations.erase_caller(store.store, spool, "privacy", "customer-1"))
        spool.close()
    found = read(command, own, "replay", "--load-weight", 0.3)
    counts = found["counts"]
    assert counts["decisions"] == CALLS * 4 // 5
    assert counts["same"] == 0
    assert counts["learned_from_rows_that_are_gone"] == counts["compared"] == counts["decisions"] - counts["neutral"]
    assert "cannot be made again as they were" in command("routing", "replay", *own.settings).out
    assert read(command, own, "evaluate", "--load-weight", 0.8)["refused"] is None


def test_a_ranking_that_was_changed_behind_our_back_is_seen(own: Season, command: Command) -> None:
    # The one that chance decided most: with another seed it comes out otherwise.
    last = min((d for d in own.made if not d.ranking.neutral), key=lambda d: max(e.propensity for e in d.ranking.entries))
    with BlockingStore(own.url, RING) as store:
        change = text("UPDATE decisions SET ranking = replace(ranking, :before, :after) WHERE decision_id = :id")
        said = {"before": '"seed":', "after": '"seed":9', "id": last.decision_id}
        store.write("x", lambda work: work.connection.execute(change, said))
    found = read(command, own, "replay")
    assert [one["decision_id"] for one in found["decisions"] if one["again"] == "different"] == [last.decision_id]
    assert "1 of 1 that differ" in command("routing", "replay", *own.settings).out


def test_what_an_older_build_or_an_assignment_logged_is_left_out(own: Season, command: Command) -> None:
    ranked = [d for d in own.made if not d.ranking.neutral]
    with BlockingStore(own.url, RING) as store:

        def change(work: Any) -> None:
            for d, (before, after) in ((ranked[0], ('"learned":[', '"learnt":[')), (ranked[1], ('"assigned":false', '"assigned":true'))):
                statement = "UPDATE decisions SET ranking = replace(ranking, :before, :after) WHERE decision_id = :id"
                done = work.connection.execute(text(statement), {"before": before, "after": after, "id": d.decision_id})
                assert done.rowcount == 1

        store.write("x", change)
        assert store.read(decisions.load, ranked[1].decision_id).ranking.assigned
    found = read(command, own, "evaluate")
    assert (found["left_out"]["model_not_noted"], found["left_out"]["assigned_with_other_calls"]) == (1, 1)
    counts = read(command, own, "replay")["counts"]
    assert (counts["model_not_noted"], counts["assigned_with_other_calls"], counts["different"]) == (1, 1, 0)


def test_a_queue_must_be_told_where_there_are_several(own: Season, command: Command) -> None:
    with BlockingStore(own.url, RING) as store:
        moved = f"UPDATE decisions SET queue = 'support' WHERE decision_id = '{own.made[0].decision_id}'"
        store.write("x", lambda work: work.connection.execute(text(moved)))
    done = command("routing", "replay", *own.settings)
    assert (done.code, done.err) == (2, "simpatico: which queue? Choose with --queue; decisions are held of: sales, support\n")
    assert read(command, own, "replay", "--queue", "support")["counts"]["decisions"] == 1
    done = command("routing", "evaluate", "--queue", "sale", *own.settings)
    assert (done.code, done.err) == (2, "simpatico: no decision of queue 'sale' is held; decisions are held of: sales, support\n")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("lift", "--experiment", "exp-9"), "there is no experiment 'exp-9'; there are: exp-1, exp-2"),
        (("lift", "--weight", "csat"), "--weight 'csat' is not NAME=X; csat=0.2 would work"),
        (("lift", "--weight", "cost=1"), "--weight 'cost=1': there is no 'cost'; there are resolved, csat, handle, bought"),
        (("lift", "--weight", "handle=5"), "handle time weighs 85% of the utility"),
        (("lift", "--confidence", "95"), "--confidence: 95 is no confidence of an interval; above 0.5 and below 1 works"),
        (("evaluate", "--load-weight", "-1"), "load_weight of a policy must be from 0 to 10, got -1.0"),
        (
            ("replay", "--since", "2026-11-02", "--until", "2026-11-01"),
            "--since 2026-11-02 is not before --until 2026-11-01: no decision is from then",
        ),
        (("replay", "--since", "yesterday"), "--since 'yesterday' is no day or time; 2026-11-22 or 2026-11-22T14:00+01:00 would work"),
    ],
)
def test_what_cannot_be_asked(log: Season, command: Command, args: tuple[str, ...], message: str) -> None:
    done = command("routing", *args, *log.settings)
    assert done.code == 2
    assert done.err.startswith(f"simpatico: {message}")
    assert done.err.count("\n") == 1
