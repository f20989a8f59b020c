"""What routing takes and gives: frozen dataclasses that refuse what cannot be true.

Nothing here knows a database, a clock or protobuf. Times (``at_s``) are seconds since 1970-01-01 UTC, passed in by whoever has a clock.
Ids are the deployment's own strings. A number that came from outside is checked where it enters, here, so that no layer behind needs to
look again: every dataclass raises :class:`~simpatico.errors.RequestError` (an outcome: :class:`~simpatico.errors.OutcomeError`) with the
field's name.

Agents are described by declared skills and by outcomes. Nothing here can hold an agent's personality, and nothing may be added that could.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from simpatico.errors import OutcomeError, RequestError
from simpatico.routing.candidates import Agent, Candidate, Candidates
from simpatico.routing.checks import MAX_ID_LENGTH, checked_name, checked_number, checked_tags

__all__ = [
    "MAX_CANDIDATES",
    "MAX_ID_LENGTH",
    "MAX_SEED",
    "Agent",
    "Arm",
    "AxisBelief",
    "BlockArm",
    "Candidate",
    "Decision",
    "Factor",
    "FactorKind",
    "NeutralReason",
    "Observation",
    "Outcome",
    "RankRequest",
    "RankedAgent",
    "Ranking",
    "Source",
    "StyleBelief",
]

MAX_CANDIDATES = 5_000
"""Agents in one request. Five times the largest team that the latency figures are measured with; it bounds the work of one request."""
MAX_SEED = 2**63 - 1
"""Seeds fit a signed 64-bit column."""


class Source(StrEnum):
    """Where knowledge of the caller's style came from."""

    LIVE = "live"
    PROFILE = "profile"
    PRIOR = "prior"


@dataclass(frozen=True, slots=True)
class AxisBelief:
    """One style axis as N(mean, sd**2), in SD of the norm population; ``sd`` is above 0, and 1 when nothing is known."""

    name: str
    mean: float
    sd: float

    def __post_init__(self) -> None:
        checked_name(self.name, "axis.name")
        checked_number(self.mean, "axis.mean", -10.0, 10.0)
        checked_number(self.sd, "axis.sd", 1e-6, 10.0)


@dataclass(frozen=True, slots=True)
class StyleBelief:
    """What is believed of the caller's style: independent normals by axis, and which sources are in them.

    ``sources`` is empty only for the population's prior. See :mod:`simpatico.routing.belief` for how beliefs are made and joined.
    """

    axes: tuple[AxisBelief, ...]
    sources: frozenset[Source] = frozenset()

    def __post_init__(self) -> None:
        names = [axis.name for axis in self.axes]
        if len(set(names)) != len(names):
            raise RequestError(f"a belief has each axis once, got {names!r}", field="belief.axes")

    def axis(self, name: str) -> AxisBelief | None:
        """The axis of that name, or None."""
        return next((axis for axis in self.axes if axis.name == name), None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call went, as far as the deployment reports it. Everything may be missing; a later report adds to or replaces an earlier one.

    Attributes
    ----------
    resolved
        Whether the caller's matter was settled.
    csat_5
        Customer satisfaction, 1 (worst) to 5 (best), fractions allowed.
    handle_s
        Seconds of the agent's time, talk and after-call work.
    transferred
        Whether the agent passed the call on.
    repeat_contact
        Whether the caller came back about the same matter (within the deployment's window, usually seven days).
    bought
        Whether the caller decided (bought, signed, cancelled nothing): the label of :mod:`simpatico.routing.intent`.
    """

    resolved: bool | None = None
    csat_5: float | None = None
    handle_s: float | None = None
    transferred: bool | None = None
    repeat_contact: bool | None = None
    bought: bool | None = None

    def __post_init__(self) -> None:
        for name in ("resolved", "transferred", "repeat_contact", "bought"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, bool):
                raise OutcomeError(f"{name} must be true, false or absent, got {value!r}", field=name)
        if self.csat_5 is not None:
            checked_number(self.csat_5, "csat_5", 1.0, 5.0, OutcomeError)
        if self.handle_s is not None:
            checked_number(self.handle_s, "handle_s", 0.0, 86_400.0, OutcomeError)

    def updated(self, later: Outcome) -> Outcome:
        """This outcome with every field that a later report states; what it leaves out stays."""
        names = ("resolved", "csat_5", "handle_s", "transferred", "repeat_contact", "bought")
        return Outcome(**{name: getattr(self, name) if (new := getattr(later, name)) is None else new for name in names})


@dataclass(frozen=True, slots=True)
class Observation:
    """One call that the outcome model learns from.

    Attributes
    ----------
    agent_id
        Who took the call (not who was recommended).
    reason
        Call reason, or "" when it is not known.
    belief
        The caller's style as believed when the call was routed (the decision's), never as measured with this agent on the line: an agent
        also shapes how a caller speaks.
    utility
        0 to 1, from :func:`simpatico.routing.utility.utility`.
    weight
        0 to 1, above 0: how much of the outcome was reported; the observation counts as so much of a call.
    """

    agent_id: str
    reason: str
    belief: StyleBelief
    utility: float
    weight: float = 1.0

    def __post_init__(self) -> None:
        checked_name(self.agent_id, "agent_id", OutcomeError)
        if self.reason:
            checked_name(self.reason, "reason", OutcomeError)
        checked_number(self.utility, "utility", 0.0, 1.0, OutcomeError)
        checked_number(self.weight, "weight", 1e-3, 1.0, OutcomeError)


@dataclass(frozen=True, slots=True)
class RankRequest:
    """Who should take this call?

    Attributes
    ----------
    queue
        Outcomes are learned per queue.
    candidates
        Whom the ACD calls eligible, in its own (neutral) order, best first. Each agent once. May not be empty.
    reason
        Call reason, or "" when it is not known.
    live
        Style from this call alone (posterior under the population's prior), or None when nothing was heard.
    profile
        Style expected from the caller's earlier calls, or None for a stranger or without consent.
    skills, languages
        What the call needs; agents who lack any of it are ranked after all who have it.
    objected
        The caller objects to being profiled: the answer is the neutral order.
    """

    queue: str
    candidates: Sequence[Candidate]
    reason: str = ""
    live: StyleBelief | None = None
    profile: StyleBelief | None = None
    skills: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    objected: bool = False

    def __post_init__(self) -> None:
        checked_name(self.queue, "queue")
        if self.reason:
            checked_name(self.reason, "reason")
        checked_tags(self.skills, "skills")
        checked_tags(self.languages, "languages")
        if len(self.candidates) > MAX_CANDIDATES:
            raise RequestError(f"{len(self.candidates)} agents are eligible; at most {MAX_CANDIDATES} can be ranked", field="candidates")
        object.__setattr__(self, "candidates", Candidates.of(self.candidates))
        if (twice := self.eligible.twice) is not None:
            raise RequestError(f"agent {twice!r} is listed twice among the eligible; list each once", field="candidates")

    @property
    def eligible(self) -> Candidates:
        """The candidates, as columns."""
        assert isinstance(self.candidates, Candidates)
        return self.candidates


class NeutralReason(StrEnum):
    """Why the answer is the ACD's own order. The strings are part of the JSON and gRPC contract."""

    OBJECTED = "caller_objected"
    EXPERIMENT_OFF = "experiment_off_block"
    NO_OUTCOMES = "no_outcomes_yet"
    NOT_FINITE = "model_not_finite"
    DEADLINE = "deadline_passed"
    OVERLOADED = "overloaded"
    STORE_UNAVAILABLE = "store_unavailable"
    SWITCHED_OFF = "switched_off"


class FactorKind(StrEnum):
    """What moved an agent up or down. The strings are part of the JSON and gRPC contract."""

    AGENT = "agent_outcomes"
    REASON = "agent_outcomes_for_reason"
    STYLE = "agent_outcomes_by_style"
    LOAD = "load"
    EXPLORATION = "exploration"


@dataclass(frozen=True, slots=True)
class Factor:
    """One reason for an agent's place.

    Attributes
    ----------
    kind, axis
        What it is; ``axis`` names the style axis of a STYLE factor and is "" otherwise.
    contribution
        In units of utility, against an average agent of the queue. All factors of an agent sum to its score minus that average's.
    evidence
        Calls with a known outcome that it rests on (weighted, so not always whole); 0 for LOAD and EXPLORATION.
    value
        What of the request it met: the believed mean of the axis, the load; None where there is none.
    """

    kind: FactorKind
    contribution: float
    evidence: float = 0.0
    axis: str = ""
    value: float | None = None


@dataclass(frozen=True, slots=True)
class RankedAgent:
    """An agent in the answer.

    Attributes
    ----------
    expected_utility, sd
        Posterior mean and sd of the expected utility of giving them this call, None when the answer is neutral. Not clipped to 0 to 1.
    propensity
        Probability, given all inputs but the seed, that this agent is ranked first. Over all agents they sum to 1.
    load_penalty
        Utility taken off for load, 0 or more.
    factors
        Why, largest effect first; empty when the answer is neutral.
    """

    agent_id: str
    propensity: float
    expected_utility: float | None = None
    sd: float | None = None
    load_penalty: float = 0.0
    factors: tuple[Factor, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranking:
    """The answer: best first.

    Attributes
    ----------
    entries
        Every candidate once.
    basis
        What the ranking used of the caller: live, profile, or prior alone; empty when the answer is neutral.
    policy_version, seed
        As in `Policy`, and of the draws.
    neutral_reason
        None exactly when the model ranked.
    learned_through, learned_calls
        What the model had learned when it ranked: the number of the last report among those it saw, and how many calls' outcomes; 0 when
        the answer is neutral or the model came from elsewhere. With both, a log can be replayed with the model as of then.
    assigned
        The agent was chosen together with those of other calls. Propensities are then shares of redraws, with an error, and nothing may be
        divided by them: no other policy can be evaluated on such a decision.
    """

    entries: Sequence[RankedAgent]
    basis: frozenset[Source]
    policy_version: str
    seed: int
    neutral_reason: NeutralReason | None = None
    learned_through: int = 0
    learned_calls: int = 0
    assigned: bool = False

    @property
    def neutral(self) -> bool:
        """Whether this is the ACD's own order."""
        return self.neutral_reason is not None


class Arm(StrEnum):
    """What an experiment does in a block. In an A/A experiment both arms are routed alike (by the ACD's order)."""

    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class BlockArm:
    """Where in a switchback experiment a call falls.

    ``block`` counts from the experiment's start, ``washout`` marks the first part of a block, which is routed by its arm but left out of
    the estimate. ``rank`` says whether the model ranks (False in OFF blocks and everywhere in A/A).
    """

    experiment_id: str
    block: int
    arm: Arm
    washout: bool
    rank: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision's row in the log: enough to evaluate another policy on it, and to rebuild the outcome model.

    ``request.candidates`` is the whole eligible set in neutral order; ``ranking.entries`` has the propensity of each. ``taken`` is the
    agent who took the call as the ACD reports it, None until it does; ``outcome`` is what is known so far.
    """

    decision_id: str
    call_id: str
    at_s: float
    request: RankRequest
    ranking: Ranking
    block: BlockArm | None = None
    taken: str | None = None
    outcome: Outcome = field(default_factory=Outcome)

    def __post_init__(self) -> None:
        checked_name(self.decision_id, "decision_id")
        checked_name(self.call_id, "call_id")
        checked_number(self.at_s, "at_s", 0.0, 1e11)
        if self.taken is not None:
            checked_name(self.taken, "taken")
