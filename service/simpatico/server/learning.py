"""Outcome models by queue, learned anew from the decisions and outcomes that are held, on a thread and a connection of their own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from simpatico.profiles import decisions
from simpatico.profiles.keys import KeyRing
from simpatico.profiles.store import BlockingStore, Work
from simpatico.routing.belief import combine
from simpatico.routing.observations import DEFAULT_AXES, Observations
from simpatico.routing.posterior import Posterior
from simpatico.routing.types import Decision, Observation
from simpatico.routing.utility import DEFAULT_WEIGHTS, HandleNorm, UtilityWeights, fit_handle_norm, utility
from simpatico.routing.variance import fit

__all__ = ["learn", "models_of"]


def learn(url: str, ring: KeyRing) -> dict[str, Posterior]:
    """Read everything that is held, and return the model of each queue. Takes seconds for many decisions: never on the event loop.

    Raises
    ------
    DatabaseAwayError
        The database cannot be reached.
    """

    def query(work: Work) -> dict[str, Posterior]:
        through = decisions.newest_report(work)
        return models_of(decisions.read(work, through=through), through)

    with BlockingStore(url, ring, upgrade=False) as store:
        return store.read(query)


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
