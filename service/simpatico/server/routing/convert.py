"""Protobuf messages of RoutingService <-> routing's types; the only place where this is done, and where reasons get their words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from simpatico.errors import NoCandidatesError, RequestError
from simpatico.profiles.records import CallerProfile, Consent, checked_text
from simpatico.routing.candidates import Candidates
from simpatico.routing.explanation import Counterfactual
from simpatico.routing.intent import Intent, IntentUnknown, Lean
from simpatico.routing.ranked import Entries
from simpatico.routing.standing import Standing
from simpatico.routing.types import Agent, Factor, FactorKind, Outcome, Ranking, RankRequest, StyleBelief
from simpatico.server.analysis.session import check_call_id
from simpatico.server.routing.ranking_bytes import agents_bytes
from simpatico.v1 import routing_service_pb2 as pb

if TYPE_CHECKING:
    from simpatico.server.routing.assigning import AssignedAll

__all__ = [
    "agent_from_proto",
    "agent_to_proto",
    "assigned_to_proto",
    "candidates_from_proto",
    "check_answer_within",
    "held_to_proto",
    "informed",
    "intent_to_proto",
    "outcome_from_proto",
    "rank_request",
    "ranking_to_proto",
    "words",
]

_OUTCOME = ("resolved", "csat_5", "handle_s", "transferred", "repeat_contact", "bought")


def agent_from_proto(agent: pb.Agent) -> Agent:
    """Return the agent. Raises RequestError for what cannot be declared."""
    return Agent(agent.agent_id, frozenset(agent.skills), frozenset(agent.languages), agent.capacity or 1)


def agent_to_proto(agent: Agent) -> pb.Agent:
    """Return the message."""
    return pb.Agent(agent_id=agent.agent_id, skills=sorted(agent.skills), languages=sorted(agent.languages), capacity=agent.capacity)


def held_to_proto(held: Mapping[str, Any], learned: Iterable[Standing]) -> pb.GetAgentResponse:
    """Return what `profiles.agents.held_on` gave, and what the models hold."""
    agent = pb.Agent(agent_id=held["agent_id"], skills=held["skills"], languages=held["languages"], capacity=held["capacity"])
    comments = [pb.AgentComment(author=c["author"], text=c["text"], at_s=c["at_s"]) for c in held["comments"]]
    return pb.GetAgentResponse(
        agent=agent,
        calls_taken=held["calls_taken"],
        calls_with_outcome=held["calls_with_outcome"],
        comments=comments,
        resolved_share=held["resolved_share"],
        csat_5_mean=held["csat_5_mean"],
        handle_s_mean=held["handle_s_mean"],
        learned=[_learned(one) for one in learned],
    )


def _learned(one: Standing) -> pb.LearnedOfAgent:
    slopes = [pb.LearnedSlope(axis=slope.axis, mean=slope.mean, sd=slope.sd) for slope in one.slopes]
    return pb.LearnedOfAgent(queue=one.queue, calls=one.calls, level=one.level, level_sd=one.level_sd, slopes=slopes)


def outcome_from_proto(outcome: pb.Outcome) -> Outcome:
    """Return the outcome. Raises OutcomeError for figures out of range."""
    return Outcome(**{name: getattr(outcome, name) for name in _OUTCOME if outcome.HasField(name)})  # type: ignore[arg-type]


def rank_request(call: pb.CallToRoute, candidates: Candidates) -> RankRequest:
    """Return what routing is asked, of a caller about whom nothing is known yet.

    Raises
    ------
    RequestError
        A field is out of range.
    """
    check_call_id(call.call_id, "call.call_id")
    checked_text(call.queue, "queue")
    checked_text(call.reason, "reason", empty=True)
    if not -720 <= call.utc_offset_min <= 840:
        raise RequestError(f"utc_offset_min must be -720 to 840, got {call.utc_offset_min}", field="utc_offset_min")
    return RankRequest(call.queue, candidates, call.reason, skills=frozenset(call.skills), languages=frozenset(call.languages))


def candidates_from_proto(call: pb.CallToRoute, agents: Mapping[str, Agent]) -> Candidates:
    """Return who is eligible.

    Parameters
    ----------
    call
        As it came.
    agents
        Declared ones by id; one who is not among them is taken as having no skills and room for one call.

    Raises
    ------
    RequestError
        A field is out of range.
    NoCandidatesError
        Nobody is eligible.
    """
    listed = list(call.candidates)
    if not listed:
        raise NoCandidatesError("nobody is eligible: a ranking needs at least one agent; ask again when one is free", field="candidates")
    occupancy = np.array([candidate.occupancy for candidate in listed])
    said = occupancy != 0.0
    for i in np.flatnonzero(~said).tolist():  # 0 is also what an absent field reads as
        said[i] = listed[i].HasField("occupancy")
    return Candidates(
        [agents.get(candidate.agent_id) or Agent(candidate.agent_id) for candidate in listed],
        np.array([candidate.open_calls for candidate in listed]),
        np.array([candidate.idle_s for candidate in listed]),
        np.where(said, occupancy, np.nan) if said.any() else None,
        said,
    )


def informed(request: RankRequest, agents: Mapping[str, Agent], live: StyleBelief | None, profile: CallerProfile) -> RankRequest:
    """Return the same request with what is known of the caller, and of agents who were not known here; who objects is asked nothing."""
    objected = profile.consent is Consent.OBJECTED
    candidates = request.eligible.declared([agents[name] for name in request.eligible.ids]) if agents else request.candidates
    return replace(request, candidates=candidates, live=None if objected else live, profile=profile.belief, objected=objected)


def ranking_to_proto(
    decision_id: str, ranking: Ranking, others: Sequence[Counterfactual], *, kept: bool, intent: pb.Intent | None = None
) -> bytes:
    """Return the answer, serialised."""
    response = pb.RankAgentsResponse(
        decision_id=decision_id,
        neutral=ranking.neutral,
        neutral_reason=ranking.neutral_reason or "",
        basis=sorted(ranking.basis),
        policy_version=ranking.policy_version,
        seed=ranking.seed,
        counterfactuals=[
            pb.Counterfactual(
                without=other.without, agent_ids=other.agent_ids, first_changes=other.first_changes, utility_change=other.utility_change
            )
            for other in others
        ],
        kept=kept,
        intent=intent,
    )
    assert isinstance(ranking.entries, Entries)
    factors = [[_factor(factor).SerializeToString() for factor in one] for one in ranking.entries.factors]
    return response.SerializeToString() + agents_bytes(ranking.entries, factors)


def assigned_to_proto(answer: AssignedAll) -> pb.AssignCallersResponse:
    """Return the answer."""
    assignments = [
        pb.Assignment(
            call_id=given.assigned.call_id,
            agent_id=given.assigned.agent_id,
            neutral_reason=given.assigned.neutral_reason or "",
            expected_utility=given.assigned.expected_utility,
            sd=given.assigned.sd,
            propensity=given.assigned.propensity,
            propensity_se=given.assigned.propensity_se,
            decision_id=given.decision_id,
            kept=given.kept,
            basis=sorted(given.assigned.ranking.basis) if given.assigned.ranking is not None else (),
        )
        for given in answer.given
    ]
    return pb.AssignCallersResponse(assignments=assignments, policy_version=answer.policy_version, seed=answer.seed)


def intent_to_proto(intent: Intent | None) -> pb.Intent:
    """Return the message; None is an intent that nobody has asked after: unknown."""
    if intent is None:
        return pb.Intent(lean=Lean.UNKNOWN, why=IntentUnknown.FEW_LABELS)
    return pb.Intent(lean=intent.lean, probability=intent.probability, why=intent.why or "")


def _factor(factor: Factor) -> pb.Factor:
    return pb.Factor(
        kind=factor.kind,
        axis=factor.axis,
        contribution=factor.contribution,
        evidence_calls=factor.evidence,
        value=factor.value,
        words=words(factor),
    )


def words(factor: Factor) -> str:
    """Return a reason in English: what speaks for or against the agent, and how much it rests on."""
    side = "for" if factor.contribution > 0 else "against"
    calls = f"{factor.evidence:.0f} calls with a known outcome"
    value = 0.0 if factor.value is None else factor.value
    texts = {
        FactorKind.AGENT: f"outcomes of all their calls speak {side} them ({calls})",
        FactorKind.REASON: f"outcomes of their calls about this speak {side} them ({calls})",
        FactorKind.STYLE: f"outcomes with callers of like {factor.axis} ({value:+.1f} SD) speak {side} them ({calls})",
        FactorKind.LOAD: f"their load ({value:.2f}) speaks {side} them",
        FactorKind.EXPLORATION: "placed higher by chance, to learn more"
        if factor.contribution > 0
        else "placed lower by chance, to learn more",
    }
    return texts[factor.kind]


def check_answer_within(seconds: float, default_s: float) -> float:
    """Return the time that an answer may take. Raises RequestError unless it is 0 (the default) to 60 seconds."""
    if not 0.0 <= seconds <= 60.0:
        raise RequestError(f"answer_within_s must be 0 (the deployment's choice) to 60, got {seconds!r}", field="answer_within_s")
    return seconds or default_s
