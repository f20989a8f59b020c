"""Protobuf messages of RoutingService <-> routing's types; the only place where this is done, and where reasons get their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simpatico.errors import NoCandidatesError, RequestError
from simpatico.profiles.records import CallerProfile, Consent
from simpatico.routing.explanation import Counterfactual
from simpatico.routing.types import Agent, Candidate, Factor, FactorKind, Outcome, RankedAgent, Ranking, RankRequest, StyleBelief
from simpatico.server.session import check_call_id
from simpatico.v1 import routing_service_pb2 as pb

__all__ = ["agent_from_proto", "agent_to_proto", "held_to_proto", "outcome_from_proto", "rank_request", "ranking_to_proto", "words"]

_OUTCOME = ("resolved", "csat_5", "handle_s", "transferred", "repeat_contact", "bought")


def agent_from_proto(agent: pb.Agent) -> Agent:
    """Return the agent. Raises RequestError for what cannot be declared."""
    return Agent(agent.agent_id, frozenset(agent.skills), frozenset(agent.languages), agent.capacity or 1)


def agent_to_proto(agent: Agent) -> pb.Agent:
    """Return the message."""
    return pb.Agent(agent_id=agent.agent_id, skills=sorted(agent.skills), languages=sorted(agent.languages), capacity=agent.capacity)


def held_to_proto(held: Mapping[str, Any]) -> pb.GetAgentResponse:
    """Return what `profiles.agents.held_on` gave."""
    agent = pb.Agent(agent_id=held["agent_id"], skills=held["skills"], languages=held["languages"], capacity=held["capacity"])
    comments = [pb.AgentComment(author=c["author"], text=c["text"], at_s=c["at_s"]) for c in held["comments"]]
    return pb.GetAgentResponse(
        agent=agent, calls_taken=held["calls_taken"], calls_with_outcome=held["calls_with_outcome"], comments=comments
    )


def outcome_from_proto(outcome: pb.Outcome) -> Outcome:
    """Return the outcome. Raises OutcomeError for figures out of range."""
    return Outcome(**{name: getattr(outcome, name) for name in _OUTCOME if outcome.HasField(name)})  # type: ignore[arg-type]


def rank_request(call: pb.CallToRoute, agents: Mapping[str, Agent], live: StyleBelief | None, profile: CallerProfile) -> RankRequest:
    """Return what routing is asked.

    Parameters
    ----------
    call
        As it came.
    agents
        Declared ones by id; one who is not among them is taken as having no skills and room for one call.
    live, profile
        What is known of the caller.

    Raises
    ------
    RequestError
        A field is out of range.
    """
    check_call_id(call.call_id, "call.call_id")
    if not call.candidates:
        raise NoCandidatesError("nobody is eligible: a ranking needs at least one agent; ask again when one is free", field="candidates")
    objected = profile.consent is Consent.OBJECTED
    return RankRequest(
        queue=call.queue,
        candidates=tuple(_candidate(candidate, agents) for candidate in call.candidates),
        reason=call.reason,
        live=None if objected else live,
        profile=profile.belief,
        skills=frozenset(call.skills),
        languages=frozenset(call.languages),
        objected=objected,
    )


def _candidate(candidate: pb.Candidate, agents: Mapping[str, Agent]) -> Candidate:
    occupancy = candidate.occupancy if candidate.HasField("occupancy") else None
    agent = agents.get(candidate.agent_id) or Agent(candidate.agent_id)
    return Candidate(agent, candidate.open_calls, candidate.idle_s, occupancy)


def ranking_to_proto(decision_id: str, ranking: Ranking, others: Sequence[Counterfactual], *, kept: bool) -> pb.RankAgentsResponse:
    """Return the answer."""
    return pb.RankAgentsResponse(
        decision_id=decision_id,
        agents=[_ranked(entry) for entry in ranking.entries],
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
    )


def _ranked(entry: RankedAgent) -> pb.RankedAgent:
    return pb.RankedAgent(
        agent_id=entry.agent_id,
        propensity=entry.propensity,
        expected_utility=entry.expected_utility,
        sd=entry.sd,
        load_penalty=entry.load_penalty,
        factors=[_factor(factor) for factor in entry.factors],
    )


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
