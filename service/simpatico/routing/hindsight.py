"""A log seen with the models as of then: what each ranking had learned is rebuilt from the reports that had come by that time.

A ranking notes the number of the last report that its model had seen (``Ranking.learned_through``). The model is a function of the
decisions with what reports up to that number say of them, so it can be made again, as long as the rows are there. Two uses:

- *Replay*: is every ranking what its inputs, seed, model and policy give? And which would another policy have made otherwise?
- *Evaluation* of a changed policy must rank with models that had not yet seen the outcomes that it is held against.

What cannot be made again, and is said: rankings whose model had learned from rows that are gone (erased, detached, purged), as the number
of calls that it had learned from shows; rankings of a policy that is not known; assignments of several calls at once. A report that was
committed after one with a higher number (PostgreSQL, two reports at once) may have been missed by a model that is made again with it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from simpatico.routing.evaluation import replay
from simpatico.routing.policy import Policy
from simpatico.routing.posterior import Posterior
from simpatico.routing.ranking import rank
from simpatico.routing.types import Decision, Outcome, Ranking

__all__ = ["Again", "Fit", "Hindsight", "Replayed", "Report", "replay_log"]

HELD = 16
"""Models held at once: several processes learn at different times, so their rankings come interleaved."""
Fit = Callable[[Iterable[Decision], int], Mapping[str, Posterior]]
"""From decisions with outcomes, and the number of the last report among them, to the model of each queue."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report of an outcome as it came: ``seq`` counts up; ``taken`` None when it did not say who took the call."""

    seq: int
    decision_id: str
    outcome: Outcome
    taken: str | None


class Hindsight:
    """The models of the past.

    Parameters
    ----------
    decisions
        All that are held, in order; of each only what models learn from is kept here, not the eligible agents.
    reports
        All that are held, in order of their numbers.
    fit
        How the service learns.
    """

    def __init__(self, decisions: Iterable[Decision], reports: Iterable[Report], fit: Fit) -> None:
        self._lessons = {d.decision_id: _lesson(d) for d in decisions}
        self._reports = tuple(reports)
        self._fit = fit
        self._held: OrderedDict[int, Mapping[str, Posterior]] = OrderedDict()

    def model(self, queue: str, through: int) -> Posterior | None:
        """Return the model of a queue that had seen the reports up to this number; None without any outcome."""
        if through not in self._held:
            self._held[through] = self._fit(self._as_of(through), through)
            if len(self._held) > HELD:
                self._held.popitem(last=False)
        self._held.move_to_end(through)
        return self._held[through].get(queue)

    def _as_of(self, through: int) -> list[Decision]:
        known: dict[str, tuple[Outcome, str | None]] = {}
        for report in self._reports:
            if report.seq <= through:
                outcome, taken = known.get(report.decision_id, (Outcome(), None))
                known[report.decision_id] = outcome.updated(report.outcome), report.taken or taken
        # In the order of the decisions, as the service reads them: sums then round alike.
        return [
            replace(d, outcome=known[decision_id][0], taken=known[decision_id][1])
            for decision_id, d in self._lessons.items()
            if decision_id in known
        ]


def _lesson(d: Decision) -> Decision:
    bare = Ranking((), frozenset(), d.ranking.policy_version, d.ranking.seed)
    return replace(d, request=replace(d.request, candidates=()), ranking=bare, outcome=Outcome(), taken=None)


class Again(StrEnum):
    """What came of making a decision again. The strings are part of the JSON contract."""

    SAME = "same"
    """The logged order and propensities came out."""
    NEUTRAL = "neutral"
    """It was the distributor's own order, as it should be."""
    ROWS_GONE = "learned_from_rows_that_are_gone"
    """Its model had learned from calls that are no longer held."""
    MODEL_UNKNOWN = "model_not_noted"
    """It does not say what its model had learned: it is of an older build."""
    POLICY_UNKNOWN = "policy_not_known"
    """Its policy is not among those given."""
    ASSIGNED = "assigned_with_other_calls"
    """It was made together with decisions of other calls."""
    DIFFERENT = "different"
    """Something else came out, and none of the above explains it."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A decision made again.

    Attributes
    ----------
    decision
        As logged.
    again
        Under its own policy.
    propensity_error
        Largest difference of a propensity between logged and made again; None where it was not made again.
    first, first_changed
        The first agent under its own policy, and under the changed one; None where there is no changed one, or either was not made.
    moved
        Agents whose place changes under the changed policy; None likewise.
    """

    decision: Decision
    again: Again
    propensity_error: float | None = None
    first: str | None = None
    first_changed: str | None = None
    moved: int | None = None


def replay_log(
    decisions: Iterable[Decision],
    past: Hindsight,
    policies: Mapping[str, Policy],
    changed: tuple[Policy, Hindsight] | None = None,
) -> Iterator[Replayed]:
    """Make every decision of a log again, and perhaps under a changed policy with the same draws.

    Parameters
    ----------
    decisions
        In order.
    past
        The models of then.
    policies
        By version.
    changed
        Another policy, and the models that it would have ranked with. Where the model of then cannot be made again exactly, both policies
        rank with what can be learned from the rows that are left.
    """
    for d in decisions:
        policy = policies.get(d.ranking.policy_version)
        if d.ranking.neutral:
            same = [e.agent_id for e in d.ranking.entries] == [c.agent.agent_id for c in d.request.candidates]
            yield Replayed(d, Again.NEUTRAL if same else Again.DIFFERENT)
        elif d.ranking.assigned:
            yield Replayed(d, Again.ASSIGNED)
        elif d.ranking.learned_through == 0:
            yield Replayed(d, Again.MODEL_UNKNOWN)
        elif policy is None:
            yield Replayed(d, Again.POLICY_UNKNOWN)
        else:
            yield _made_again(d, past, policy, changed)


def _made_again(d: Decision, past: Hindsight, policy: Policy, changed: tuple[Policy, Hindsight] | None) -> Replayed:
    through = d.ranking.learned_through
    model = past.model(d.request.queue, through)
    found = replay(d, model, policy)
    calls = 0 if model is None else model.calls
    again = Again.SAME if found.same else Again.DIFFERENT
    if calls != d.ranking.learned_calls:
        again = Again.ROWS_GONE
    if changed is None:
        return Replayed(d, again, found.propensity_error)
    before = _order(d, model, policy)
    other, models = changed
    after = _order(d, models.model(d.request.queue, through), other)
    moved = sum(a != b for a, b in zip(before, after, strict=True))
    return Replayed(d, again, found.propensity_error, before[0], after[0], moved)


def _order(d: Decision, model: Posterior | None, policy: Policy) -> list[str]:
    return [e.agent_id for e in rank(d.request, model, policy, seed=d.ranking.seed, block=d.block).entries]
