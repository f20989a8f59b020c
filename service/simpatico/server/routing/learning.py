"""What decisions and their outcomes teach: outcome models by queue, and whether callers decide or browse. On a thread and a connection of
its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from simpatico.profiles import callers, decisions, lessons
from simpatico.profiles.habits import Habits
from simpatico.profiles.keys import KeyRing
from simpatico.profiles.lessons import Lesson
from simpatico.profiles.store import BlockingStore, Work
from simpatico.routing.belief import combine
from simpatico.routing.intent import Intent, IntentCall, IntentModel, fit_intent, read_intent
from simpatico.routing.observations import DEFAULT_AXES, Observations
from simpatico.routing.posterior import Posterior
from simpatico.routing.types import Decision, Observation, RankRequest
from simpatico.routing.utility import DEFAULT_WEIGHTS, HandleNorm, UtilityWeights, fit_handle_norm, utility
from simpatico.routing.variance import fit

__all__ = ["Learned", "Learner", "models_of"]

LOOKED_AT_AGAIN = 100
"""Reports before the last one seen: more than are being written at any moment."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What outcomes have taught: outcome models and intent models by queue, and how often a caller had called about a reason and bought,
    by (queue, caller's id, reason)."""

    models: Mapping[str, Posterior] = field(default_factory=dict)
    intents: Mapping[str, IntentModel] = field(default_factory=dict)
    own: Mapping[tuple[str, str, str], tuple[int, int]] = field(default_factory=dict)
    everyone: Habits = field(default_factory=Habits)

    def intent(self, request: RankRequest, caller_id: str | None) -> Intent:
        """Say whether the caller seems to want to decide or to browse; of a stranger by the reason alone."""
        calls, bought = self.own.get((request.queue, caller_id or "", request.reason), (0, 0))
        return read_intent(self.intents.get(request.queue), IntentCall(request.reason, calls, bought))


class Learner:
    """Learns for one process: everything once, then what is new. For one thread at a time, never the event loop's.

    Of each decision whose call somebody took, what models learn from is held in memory, so that a new report costs reading the lessons
    that it is about, and making the models anew from memory: they are the same as if everything were read again, and can be made again from
    the log. What was erased, detached or purged is dropped when `forget` is asked for.

    Parameters
    ----------
    url, ring
        Of the database.
    """

    def __init__(self, url: str, ring: KeyRing) -> None:
        self._url, self._ring = url, ring
        self._lessons: dict[str, Lesson] | None = None
        self._through = 0
        self._everyone = Habits()

    def learn(self, *, forget: bool = False) -> Learned | None:
        """Return what is known now; None when nothing has changed.

        Parameters
        ----------
        forget
            Look for rows that are gone, and read the deployment's habits anew.

        Raises
        ------
        DatabaseAwayError
            The database cannot be reached.
        """
        with BlockingStore(self._url, self._ring, upgrade=False) as store:
            changed = store.read(self._refresh, forget)
            if forget:
                self._everyone = store.read(callers.everyone)
        if not changed and not forget:
            return None
        held = sorted((self._lessons or {}).values(), key=lambda lesson: (lesson.decision.at_s, lesson.decision.decision_id))
        intents, own = _intents(held)
        return Learned(models_of([lesson.decision for lesson in held], self._through), intents, own, self._everyone)

    def _refresh(self, work: Work, forget: bool) -> bool:
        newest = decisions.newest_report(work)
        if self._lessons is None:
            self._lessons = {}
        elif newest == self._through and not forget:
            return False
        if newest != self._through:
            # Reports may be committed in another order than that of their numbers, so the latest are looked at again.
            for lesson in lessons.read(work, after=self._through - LOOKED_AT_AGAIN, through=newest):
                self._lessons[lesson.decision.decision_id] = lesson
        changed = newest != self._through
        self._through = newest
        if forget:
            gone = self._lessons.keys() - decisions.held(work)
            for decision_id in gone:
                del self._lessons[decision_id]
            changed = changed or bool(gone)
        return changed


def _intents(lessons: Iterable[Lesson]) -> tuple[dict[str, IntentModel], dict[tuple[str, str, str], tuple[int, int]]]:
    """Return the intent model of each queue with a reported ``bought``, and the callers' own records. Live signals are not in decisions, so
    they have no say here."""
    labelled: dict[str, list[IntentCall]] = defaultdict(list)
    own: dict[tuple[str, str, str], tuple[int, int]] = {}
    for lesson in lessons:
        request, bought = lesson.decision.request, lesson.decision.outcome.bought
        if bought is not None:
            key = (request.queue, lesson.caller_id, request.reason)
            calls, before = own.get(key, (0, 0))
            labelled[request.queue].append(IntentCall(request.reason, calls, before, bought=bought))
            own[key] = (calls + 1, before + bought)
    return {queue: fit_intent(calls) for queue, calls in labelled.items()}, own


def models_of(rows: Iterable[Decision], through: int = 0, weights: UtilityWeights = DEFAULT_WEIGHTS) -> dict[str, Posterior]:
    """Return the model of each queue; a queue without outcomes has none.

    Parameters
    ----------
    rows
        Decisions with what is known of their outcomes.
    through
        Number of the last report among these.
    weights
        What counts.
    """
    finished: dict[str, list[Decision]] = defaultdict(list)
    for decision in rows:
        if decision.taken is not None:
            finished[decision.request.queue].append(decision)
    models = {}
    for queue, held in finished.items():
        norms = _norms(held)
        seen = [row for decision in held if (row := _observation(decision, norms, weights)) is not None]
        posterior = fit(Observations.rebuilt(seen)) if seen else None
        if posterior is not None:
            models[queue] = replace(posterior, through=through)
    return models


def _norms(held: Iterable[Decision]) -> dict[str, HandleNorm | None]:
    """Usual handle times by reason."""
    times: dict[str, list[float]] = defaultdict(list)
    for decision in held:
        if decision.outcome.handle_s is not None:
            times[decision.request.reason].append(decision.outcome.handle_s)
    return {reason: fit_handle_norm(values) for reason, values in times.items()}


def _observation(decision: Decision, norms: Mapping[str, HandleNorm | None], weights: UtilityWeights) -> Observation | None:
    request = decision.request
    worth = utility(decision.outcome, norms.get(request.reason), weights)
    if worth is None or decision.taken is None:
        return None
    belief = combine(request.live, request.profile, DEFAULT_AXES)
    return Observation(decision.taken, request.reason, belief, worth.value, worth.weight)
