"""What ``simpatico routing`` computes from the log, and how it says so; `simpatico.routing` does the mathematics."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import typer

from simpatico.cli.memory import print_table, when
from simpatico.errors import RequestError
from simpatico.profiles import decisions, experiments
from simpatico.profiles.store import Work
from simpatico.routing.evaluation import MIN_EFFECTIVE, MIN_FOLLOWED, Estimate, Evaluation, EvaluationRefused, evaluate, logged_choices
from simpatico.routing.hindsight import Again, Hindsight, Replayed, replay_log
from simpatico.routing.lift import MIN_PAIRS, Lift, block_calls, lift
from simpatico.routing.policy import DEFAULT_POLICY, Policy
from simpatico.routing.ranking import propensities
from simpatico.routing.types import Decision
from simpatico.routing.utility import DEFAULT_WEIGHTS, HandleNorm, Utility, UtilityWeights, fit_handle_norm, utility
from simpatico.server.routing.learning import models_of

__all__ = [
    "OneLift",
    "Span",
    "evaluation",
    "evaluation_document",
    "lift_document",
    "lifts",
    "print_evaluation",
    "print_lifts",
    "print_replays",
    "replay_document",
    "replayed",
]

POLICIES = {DEFAULT_POLICY.version: DEFAULT_POLICY}
"""Policies that rank, by version."""
Measure = Callable[[Decision], Utility | None]


@dataclass(frozen=True, slots=True)
class Span:
    """Decisions of a queue from ``since_s`` to before ``before_s`` (None: no end)."""

    queue: str
    since_s: float
    before_s: float | None


@dataclass(frozen=True, slots=True)
class OneLift:
    """The lift of one experiment."""

    experiment_id: str
    queue: str
    aa: bool
    block_s: float
    running: bool
    lift: Lift


def measure(rows: Iterable[Decision], weights: UtilityWeights) -> Measure:
    """Return how a decision's call is measured: handle times against what is usual for queue and reason among these rows."""
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in rows:
        if row.outcome.handle_s is not None:
            times[row.request.queue, row.request.reason].append(row.outcome.handle_s)
    norms: dict[tuple[str, str], HandleNorm | None] = {key: fit_handle_norm(values) for key, values in times.items()}
    return lambda row: utility(row.outcome, norms.get((row.request.queue, row.request.reason)), weights)


def lifts(work: Work, wanted: str | None, weights: UtilityWeights, confidence: float) -> list[OneLift]:
    """Return the lift of each experiment, or of one.

    Raises
    ------
    RequestError
        There is none of that id.
    """
    held = experiments.list_experiments(work)
    if wanted is not None and wanted not in {e.experiment_id for e in held}:
        names = ", ".join(e.experiment_id for e in held[-10:]) or "none"
        raise RequestError(f"there is no experiment {wanted[:40]!r}; there are: {names}", field="experiment")
    found = []
    for experiment in held:
        if wanted is None or experiment.experiment_id == wanted:
            schedule = experiments.schedule_of(experiment)
            worth = measure(decisions.read(work, experiment_id=experiment.experiment_id), weights)
            calls = block_calls(decisions.read(work, experiment_id=experiment.experiment_id), worth)
            result = lift(calls, confidence=confidence)
            running = experiment.ended_at_s is None and work.now_s < schedule.end_s
            found.append(OneLift(experiment.experiment_id, experiment.queue, schedule.aa, schedule.block_s, running, result))
    return found


def lift_document(one: OneLift) -> dict[str, Any]:
    """Return a lift as JSON values."""
    return asdict(one)


def print_lifts(found: Sequence[OneLift], confidence: float) -> None:
    """Print a table, and what to think of each row."""
    columns = ("experiment", "queue", "lift", f"{confidence:.0%} interval", "p", "ON", "OFF", "pairs", "calls ON/OFF", "no outcome ON/OFF")
    rows = []
    for one in found:
        x = one.lift
        interval = "-" if x.low is None or x.high is None else f"{x.low:+.4f} to {x.high:+.4f}"
        name = f"{one.experiment_id}{' (A/A)' if one.aa else ''}"
        counts = (x.pairs, f"{x.calls_on}/{x.calls_off}", f"{x.missing_on}/{x.missing_off}")
        figures = (_signed(x.estimate), interval, _plain(x.p_value, 3), _plain(x.mean_on), _plain(x.mean_off))
        rows.append((name, one.queue, *figures, *counts))
    print_table("Lift, in utility (0 to 1)", columns, rows)
    for one in found:
        for line in _remarks(one):
            typer.echo(f"{one.experiment_id}: {line}")


def _remarks(one: OneLift) -> list[str]:
    x, said = one.lift, []
    if x.refused is not None:
        more = MIN_PAIRS - x.pairs
        said.append(
            f"no estimate: {x.pairs} pairs of blocks have outcomes on both sides, at least {MIN_PAIRS} are needed; {more} more take "
            f"{more * 2 * one.block_s / 3600:.0f} hours"
        )
    elif one.aa:
        off = x.low is not None and x.high is not None and not x.low <= 0.0 <= x.high
        said.append(
            "A/A: both arms are routed alike, and yet the interval leaves out 0: look for a fault in the pipeline before believing any lift"
            if off
            else "A/A: both arms are routed alike, and the interval has 0 in it, as it should"
        )
    if x.attrition_differs:
        said.append("the arms differ in how many outcomes were reported: the lift may be an artefact of who reports")
    if one.running:
        said.append("it still runs; an interval that is looked at again and again misses more often than it says")
    return said


def _past(work: Work, queue: str, weights: UtilityWeights) -> Hindsight:
    """Return the models of the past; they learn from all that is held, whatever span is asked about."""
    return Hindsight(
        decisions.read(work, queue=queue),
        decisions.reports(work, queue=queue),
        lambda rows, through: models_of(rows, through, weights),
    )


def _rows(work: Work, span: Span) -> Iterable[Decision]:
    return decisions.read(work, queue=span.queue, since_s=span.since_s, before_s=span.before_s)


def evaluation(work: Work, span: Span, changed: Policy, weights: UtilityWeights, confidence: float) -> tuple[Evaluation, dict[str, int]]:
    """Return what a changed policy would have been worth, ranking with models as of then, and how many decisions were left out and why."""
    past = _past(work, span.queue, weights)
    counts: Counter[str] = Counter()

    def usable() -> Iterable[Decision]:
        for row in _rows(work, span):
            if row.ranking.neutral:
                counts["neutral"] += 1
            elif row.ranking.assigned:
                counts["assigned_with_other_calls"] += 1
            elif row.ranking.learned_through == 0:
                counts["model_not_noted"] += 1
            else:
                counts["no_taker_reported"] += row.taken is None
                yield row

    def target(row: Decision) -> Any:
        return propensities(row.request, past.model(span.queue, row.ranking.learned_through), changed, block=row.block)

    worth = measure(_rows(work, span), weights)
    choices, followed = logged_choices(usable(), target, worth)
    return evaluate(choices, followed=followed, confidence=confidence), dict(counts)


_REFUSALS = {
    EvaluationRefused.NOTHING_LOGGED: "no decision that the model ranked, and whose first agent took the call, has an outcome",
    EvaluationRefused.SMALL_SAMPLE: f"the log is worth fewer than {MIN_EFFECTIVE:.0f} calls of this policy: it differs too much from the "
    "one that ran, or too little was logged",
    EvaluationRefused.NOT_FOLLOWED: f"the distributor followed fewer than {MIN_FOLLOWED:.0%} of the rankings: those followed may be too "
    "special a choice",
}


def evaluation_document(found: Evaluation, changed: Policy, weights: UtilityWeights, left_out: dict[str, int]) -> dict[str, Any]:
    """Return an evaluation as JSON values."""
    return {"policy": asdict(changed), "weights": asdict(weights), **asdict(found), "left_out": left_out}


def print_evaluation(found: Evaluation, confidence: float, left_out: dict[str, int]) -> None:
    """Print the estimates, what they rest on, and what was left out."""
    estimates = (("the policy that ran", found.logged), ("IPS", found.ips), ("SNIPS", found.snips), ("doubly robust", found.dr))
    if found.refused is None:
        rows = [(name, *_estimate(value)) for name, value in estimates if value is not None]
        print_table(
            "Mean utility (0 to 1) of the changed policy on the same calls", ("estimator", "value", f"{confidence:.0%} interval"), rows
        )
    else:
        typer.echo(f"no estimate: {_REFUSALS[found.refused]}")
    typer.echo(
        f"{found.calls} calls, worth {found.effective:.0f} of the changed policy; mean weight {found.mean_weight:.2f} (1 when all is "
        f"right), the largest carries {found.largest_share:.1%}; {found.followed:.0%} of the rankings were followed"
    )
    _print_left_out(left_out)


def _print_left_out(left_out: dict[str, int]) -> None:
    for why, count in sorted(left_out.items()):
        if count:
            typer.echo(f"left out: {count} {why.replace('_', ' ')}")


def _estimate(value: Estimate) -> tuple[str, str]:
    return f"{value.value:.4f}", f"{value.low:.4f} to {value.high:.4f}"


def replayed(work: Work, span: Span, changed: Policy, weights: UtilityWeights) -> list[Replayed]:
    """Return every decision of the span made again; under the changed policy, too, where it is one."""
    past = _past(work, span.queue, DEFAULT_WEIGHTS)
    other = None
    if changed != DEFAULT_POLICY or weights != DEFAULT_WEIGHTS:
        other = changed, past if weights == DEFAULT_WEIGHTS else _past(work, span.queue, weights)
    return [_slim(one) for one in replay_log(_rows(work, span), past, POLICIES, other)]


def _slim(one: Replayed) -> Replayed:
    """Leave out the eligible agents: a log has thousands of decisions with hundreds of them each."""
    d = one.decision
    bare = replace(d, request=replace(d.request, candidates=()), ranking=replace(d.ranking, entries=d.ranking.entries[:1]))
    return replace(one, decision=bare)


def replay_document(found: Sequence[Replayed]) -> dict[str, Any]:
    """Return a replay as JSON values: counts, and every decision."""
    return {"counts": _counts(found), "decisions": [_replayed_document(one) for one in found]}


def _replayed_document(one: Replayed) -> dict[str, Any]:
    return {
        "decision_id": one.decision.decision_id,
        "at_s": one.decision.at_s,
        "policy_version": one.decision.ranking.policy_version,
        "again": one.again,
        "propensity_error": one.propensity_error,
        "first_logged": one.decision.ranking.entries[0].agent_id,
        "first_again": one.first,
        "first_changed": one.first_changed,
        "moved": one.moved,
    }


def _counts(found: Sequence[Replayed]) -> dict[str, int]:
    counts = Counter(one.again.value for one in found)
    both = [one for one in found if one.moved is not None]
    return {
        "decisions": len(found),
        **{again.value: counts[again] for again in Again},
        "compared": len(both),
        "first_differs": sum(one.first != one.first_changed for one in both),
        "order_differs": sum(bool(one.moved) for one in both),
    }


def print_replays(found: Sequence[Replayed], show: int) -> None:
    """Print what came of making decisions again, and those that differ."""
    counts = _counts(found)
    print_table("Decisions made again", ("what came of it", "decisions"), [(a.value.replace("_", " "), counts[a.value]) for a in Again])
    if counts["compared"]:
        typer.echo(
            f"under the changed policy {counts['first_differs']} of {counts['compared']} rankings would have another first agent, "
            f"{counts['order_differs']} another order"
        )
    if counts[Again.ROWS_GONE]:
        typer.echo("rankings whose model had learned from rows that are gone (erased, detached, purged) cannot be made again as they were;")
        typer.echo("what is said of the changed policy compares both policies on the rows that are left")
    notable = [one for one in found if one.again is Again.DIFFERENT] + [one for one in found if one.moved]
    if notable and show:
        rows = [_replayed_row(one) for one in notable[:show]]
        columns = ("decision", "at", "made again", "first, logged", "first, changed policy", "places moved")
        print_table(f"{len(rows)} of {len(notable)} that differ", columns, rows)


def _replayed_row(one: Replayed) -> tuple[object, ...]:
    logged = one.decision
    moved = "-" if one.moved is None else one.moved
    again = one.again.value.replace("_", " ")
    return (logged.decision_id, when(logged.at_s), again, logged.ranking.entries[0].agent_id, one.first_changed or "-", moved)


def _plain(value: float | None, digits: int = 4) -> str:
    return "-" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.4f}"
