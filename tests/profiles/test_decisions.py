"""Decisions and outcomes: nothing lost between the dataclasses and the rows; reports that are late, partial, repeated, wrong."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from simpatico.errors import OutcomeError, RequestConflictError, RequestError, UnknownAgentError, UnknownDecisionError
from simpatico.profiles import agents, audit, callers, counters, decisions, experiments, privacy
from simpatico.profiles.decision_codec import KEPT_FACTORS, pack_ranking, pack_request, unpack_ranking, unpack_request
from simpatico.profiles.decisions import Recorded
from simpatico.profiles.schema import Canonical, canonical_json
from simpatico.profiles.store import BlockingStore
from simpatico.routing.ranked import Entries
from simpatico.routing.types import Agent, Decision, NeutralReason, Outcome, RankedAgent, Ranking, RankRequest
from tests.profiles.samples import CALLER, NOW_S, Clock, a_decision


@pytest.fixture
def caller_id(store: BlockingStore) -> str:
    """Return the id of a caller who agreed."""
    found = store.write("router", callers.grant, CALLER).caller_id
    assert found is not None
    return found


def test_a_decision_comes_back_as_it_was(store: BlockingStore, caller_id: str) -> None:
    made = a_decision(block=3)
    assert store.write("router", decisions.log, caller_id, [made]) == 1
    assert store.read(decisions.load, made.decision_id) == made


def test_a_neutral_decision_comes_back_as_it_was(store: BlockingStore, caller_id: str) -> None:
    request = RankRequest("sales", a_decision().request.candidates, live=a_decision().request.profile, objected=True)
    ranking = Ranking((RankedAgent("agent-0", 1.0),), frozenset(), "thompson-1", 7, NeutralReason.DEADLINE)
    made = replace(a_decision(), request=request, ranking=ranking)
    store.write("router", decisions.log, caller_id, [made])
    assert store.read(decisions.load, made.decision_id) == made


def test_of_many_agents_only_the_first_have_reasons() -> None:
    made = a_decision(agents=10)
    back = unpack_ranking("thompson-1", None, pack_ranking(made.ranking))
    assert back.entries[:KEPT_FACTORS] == made.ranking.entries[:KEPT_FACTORS]
    assert [replace(e, factors=()) for e in made.ranking.entries[KEPT_FACTORS:]] == list(back.entries[KEPT_FACTORS:])
    assert unpack_request("sales", pack_request(made.request)) == made.request


def test_logging_twice_is_once(store: BlockingStore, caller_id: str) -> None:
    made = a_decision()
    assert store.write("router", decisions.log, caller_id, [made, made]) == 1
    assert store.write("router", decisions.log, caller_id, [made]) == 0
    assert store.read(audit.head).seq == 2


def test_the_log_of_a_decision_binds_its_content(store: BlockingStore, caller_id: str) -> None:
    made = a_decision()
    store.write("router", decisions.log, caller_id, [made, replace(a_decision(), call_id="call-2")])
    entries = [sealed.entry for sealed in store.read(lambda work: list(audit.entries(work)))][1:]
    assert [e.action for e in entries] == ["decision.made"] * 2
    assert entries[0].detail["digest"] != entries[1].detail["digest"]
    assert entries[0].detail["caller"] == store.read(callers.lookup, CALLER).audit_ref
    assert entries[0].subject == store.read(decisions.audit_subjects, made.decision_id)[0]
    assert "call-1" not in str(entries)
    assert made.decision_id not in str(entries)


def test_a_decision_of_someone_erased_meanwhile_is_not_kept(store: BlockingStore) -> None:
    assert store.write("router", decisions.log, "0" * 32, [a_decision()]) == 0
    assert store.read(counters.totals) == {"decisions.not_kept": 1}


def test_a_decision_with_the_wrong_kind_of_id_is_refused(store: BlockingStore, caller_id: str) -> None:
    with pytest.raises(UnknownDecisionError, match="is not one to keep"):
        store.write("router", decisions.log, caller_id, [a_decision(kept=False)])


def test_outcomes_in_parts_and_late(store: BlockingStore, caller_id: str, clock: Clock) -> None:
    made = a_decision()
    store.write("router", decisions.log, caller_id, [made])
    assert store.write("router", decisions.record_outcome, "r1", made.decision_id, Outcome(handle_s=200.0), "agent-1") == Recorded(
        kept=True
    )
    clock.now_s += 40 * 86_400.0
    store.write("router", decisions.record_outcome, "r2", made.decision_id, Outcome(resolved=True, csat_5=3.0))
    store.write("router", decisions.record_outcome, "r3", made.decision_id, Outcome(csat_5=4.0))
    found = store.read(decisions.load, made.decision_id)
    assert found.outcome == Outcome(resolved=True, csat_5=4.0, handle_s=200.0)
    assert found.taken == "agent-1"


def test_a_clock_that_goes_backwards_does_not_reorder_reports(store: BlockingStore, caller_id: str, clock: Clock) -> None:
    made = a_decision()
    store.write("router", decisions.log, caller_id, [made])
    store.write("router", decisions.record_outcome, "r1", made.decision_id, Outcome(csat_5=1.0))
    clock.now_s -= 1e6
    store.write("router", decisions.record_outcome, "r2", made.decision_id, Outcome(csat_5=5.0))
    assert store.read(decisions.load, made.decision_id).outcome.csat_5 == 5.0


def test_a_replayed_request_changes_nothing(store: BlockingStore, caller_id: str) -> None:
    made = a_decision()
    store.write("router", decisions.log, caller_id, [made])
    first = ("r1", made.decision_id, Outcome(csat_5=2.0), "agent-2")
    store.write("router", decisions.record_outcome, *first)
    store.write("router", decisions.record_outcome, "r2", made.decision_id, Outcome(csat_5=5.0), "agent-1")
    assert store.write("router", decisions.record_outcome, *first) == Recorded(kept=True, repeated=True)
    found = store.read(decisions.load, made.decision_id)
    assert (found.outcome.csat_5, found.taken) == (5.0, "agent-1")
    with pytest.raises(RequestConflictError, match="'r1' came before with another outcome"):
        store.write("router", decisions.record_outcome, "r1", made.decision_id, Outcome(csat_5=2.5), "agent-2")
    assert store.read(counters.totals)["outcomes.kept"] == 2


def test_outcomes_that_cannot_be_change_nothing(store: BlockingStore, caller_id: str) -> None:
    made = a_decision()
    store.write("router", decisions.log, caller_id, [made])
    before = store.read(decisions.load, made.decision_id)
    record = decisions.record_outcome
    with pytest.raises(UnknownAgentError, match="'agent-99' was not eligible"):
        store.write("router", record, "r1", made.decision_id, Outcome(resolved=True), "agent-99")
    with pytest.raises(UnknownDecisionError, match="is held"):
        store.write("router", record, "r1", decisions.new_decision_id(kept=True), Outcome(resolved=True))
    with pytest.raises(OutcomeError, match="states nothing"):
        store.write("router", record, "r1", made.decision_id, Outcome())
    with pytest.raises(OutcomeError, match=r"csat_5.*nan"):
        store.write("router", record, "r1", made.decision_id, Outcome(csat_5=float("nan")))
    with pytest.raises(RequestError, match="request_id"):
        store.write("router", record, "x" * (10 << 20), made.decision_id, Outcome(resolved=True))
    with pytest.raises(UnknownDecisionError, match="no decision"):
        store.read(decisions.load, "k" * 33)
    assert store.read(decisions.load, made.decision_id) == before
    assert "outcomes.kept" not in store.read(counters.totals)


def test_an_outcome_of_a_decision_that_is_not_kept_is_counted_only(store: BlockingStore) -> None:
    ident = decisions.new_decision_id(kept=False)
    assert store.write("router", decisions.record_outcome, "r1", ident, Outcome(resolved=True)) == Recorded(kept=False)
    assert store.read(counters.totals) == {"outcomes.not_kept": 1}


def test_reading_many_in_order_of_time(store: BlockingStore, caller_id: str) -> None:
    made = [a_decision(f"call-{i}", at_s=NOW_S + i // 2, agents=1, queue="ab"[i % 2], block=i % 4) for i in range(2 * decisions.BATCH + 10)]
    store.write("router", decisions.log, caller_id, made[::-1])
    store.write("router", decisions.record_outcome, "r", made[7].decision_id, Outcome(bought=True))

    def key(decision: Decision) -> tuple[float, str]:
        return decision.at_s, decision.decision_id

    found = store.read(lambda work: list(decisions.read(work)))
    assert found == sorted([*made[:7], replace(made[7], outcome=Outcome(bought=True)), *made[8:]], key=key)
    half = store.read(lambda work: list(decisions.read(work, queue="a", since_s=NOW_S + 100)))
    assert {d.decision_id for d in half} == {d.decision_id for d in made if d.request.queue == "a" and d.at_s >= NOW_S + 100}
    assert len(store.read(lambda work: list(decisions.read(work, experiment_id="exp-1")))) == len(made)
    assert store.read(lambda work: list(decisions.read(work, experiment_id="none"))) == []


def test_agents_are_declared_changed_and_listed(store: BlockingStore) -> None:
    anna = Agent("anna", frozenset({"cards", "loans"}), frozenset({"en"}), 1)
    assert store.write("admin", agents.upsert, anna) is True
    assert store.write("admin", agents.upsert, replace(anna, capacity=2)) is False
    store.write("admin", agents.upsert, Agent("ben"))
    assert store.read(agents.list_agents) == [replace(anna, capacity=2), Agent("ben")]
    assert store.read(lambda work: agents.list_agents(work, after="anna", limit=5)) == [Agent("ben")]
    store.write("admin", agents.remove, "anna")
    with pytest.raises(UnknownAgentError, match="no agent 'anna' is declared"):
        store.read(agents.load, "anna")


def test_an_agent_sees_what_is_held_and_comments(store: BlockingStore, caller_id: str) -> None:
    store.write("admin", agents.upsert, Agent("agent-1", frozenset({"cards"})))
    made = a_decision()
    store.write("router", decisions.log, caller_id, [made])
    for request_id in ("r1", "r2"):
        store.write("router", decisions.record_outcome, request_id, made.decision_id, Outcome(handle_s=len(request_id) * 9.0), "agent-1")
    store.write("agent", agents.comment, "agent-1", "agent", "That week I covered another desk.")
    held = store.write("agent", agents.held_on, "agent-1")
    assert (held["calls_taken"], held["calls_with_outcome"]) == (1, 1)
    assert [c["text"] for c in held["comments"]] == ["That week I covered another desk."]
    assert (held["resolved_share"], held["csat_5_mean"], held["handle_s_mean"]) == (None, None, 18.0)
    another = a_decision("call-2")
    store.write("router", decisions.log, caller_id, [another])
    store.write("router", decisions.record_outcome, "r3", another.decision_id, Outcome(resolved=True, csat_5=2.0, handle_s=6.0), "agent-1")
    store.write("router", decisions.record_outcome, "r4", made.decision_id, Outcome(resolved=False))
    more = store.write("agent", agents.held_on, "agent-1")
    assert (more["resolved_share"], more["csat_5_mean"], more["handle_s_mean"]) == (0.5, 2.0, 12.0)
    assert set(held) - {"resolved_share", "csat_5_mean", "handle_s_mean"} == {
        "agent_id", "skills", "languages", "capacity", "calls_taken", "calls_with_outcome", "comments",
    }  # fmt: skip
    with pytest.raises(UnknownAgentError):
        store.write("agent", agents.comment, "nobody", "agent", "x")
    with pytest.raises(RequestError, match="author must be 'agent' or 'supervisor', got 'ceo'"):
        store.write("agent", agents.comment, "agent-1", "ceo", "x")  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="text must be text of 1 to 4000 characters, got 4001"):
        store.write("agent", agents.comment, "agent-1", "agent", "x" * 4001)


def test_experiments_one_at_a_time_for_a_queue(store: BlockingStore, clock: Clock) -> None:
    made = store.write("admin", experiments.start, "exp-1", "sales", {"block_s": 3600})
    assert store.read(experiments.running, "sales") == made
    with pytest.raises(RequestConflictError, match="'sales' runs experiment 'exp-1'"):
        store.write("admin", experiments.start, "exp-2", "sales", {})
    store.write("admin", experiments.start, "exp-3", "support", {})
    clock.now_s -= 100.0
    store.write("admin", experiments.end, "exp-1")
    store.write("admin", experiments.end, "exp-1")
    assert store.read(experiments.running, "sales") is None
    ended = next(e for e in store.read(experiments.list_experiments) if e.experiment_id == "exp-1")
    assert ended.ended_at_s == NOW_S
    with pytest.raises(RequestConflictError, match="was run before"):
        store.write("admin", experiments.start, "exp-1", "sales", {})
    with pytest.raises(RequestError, match="no experiment 'exp-9'"):
        store.write("admin", experiments.end, "exp-9")


def test_decisions_as_they_were_known_before_later_reports(store: BlockingStore, caller_id: str, clock: Clock) -> None:
    made = [a_decision(f"call-{i}", at_s=NOW_S + i) for i in range(2)]
    store.write("router", decisions.log, caller_id, made)
    assert store.read(decisions.newest_report) == 0
    store.write("router", decisions.record_outcome, "r1", made[0].decision_id, Outcome(csat_5=2.0), "agent-1")
    first = store.read(decisions.newest_report)
    store.write("router", decisions.record_outcome, "r2", made[1].decision_id, Outcome(csat_5=5.0), "agent-0")
    store.write("router", decisions.record_outcome, "r3", made[0].decision_id, Outcome(csat_5=4.0, resolved=True), "agent-2")
    assert store.read(decisions.newest_report) > first

    def known(through: int | None) -> list[tuple[str | None, Outcome]]:
        return store.read(lambda work: [(row.taken, row.outcome) for row in decisions.read(work, through=through)])

    assert known(0) == [(None, Outcome()), (None, Outcome())]
    assert known(first) == [("agent-1", Outcome(csat_5=2.0)), (None, Outcome())]
    assert known(None) == [("agent-2", Outcome(csat_5=4.0, resolved=True)), ("agent-0", Outcome(csat_5=5.0))]
    assert known(first + 10_000) == known(None)
    assert store.read(lambda work: [row.call_id for row in decisions.read(work, before_s=NOW_S + 1)]) == ["call-0"]


def test_an_assignment_comes_back_as_one(store: BlockingStore, caller_id: str) -> None:
    together, alone = a_decision(agents=2), a_decision()
    store.write("router", decisions.log, caller_id, [together, alone])
    assert store.read(decisions.load, together.decision_id).ranking.assigned
    assert not store.read(decisions.load, alone.decision_id).ranking.assigned


def test_a_ranking_of_before_it_said_what_it_had_learned() -> None:
    packed = {name: value for name, value in pack_ranking(a_decision().ranking).items() if name not in ("learned", "assigned")}
    back = unpack_ranking("thompson-1", None, packed)
    assert (back.learned_through, back.learned_calls, back.assigned) == (0, 0, False)


@pytest.mark.parametrize("name", ["propensity", "expected_utility", "sd", "load_penalty"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_figure_that_json_does_not_have_is_not_written_down(name: str, value: float) -> None:
    made = a_decision()
    entries = tuple(made.ranking.entries)
    broken = (entries[0], replace(entries[1], **{name: value}), *entries[2:])
    figures = ("propensity", "expected_utility", "sd", "load_penalty")
    columns = {figure: np.array([getattr(entry, figure) for entry in broken]) for figure in figures}
    for wrong in (broken, Entries([entry.agent_id for entry in broken], **columns)):
        with pytest.raises(RequestError, match=f"{name} of a ranking must be a finite number to be kept, got {value}"):
            decisions.prepare(replace(made, ranking=replace(made.ranking, entries=wrong)))


def test_who_was_not_eligible_cannot_have_been_ranked() -> None:
    made = a_decision(agents=5)
    stranger = replace(made.ranking.entries[0], agent_id="stranger")
    with pytest.raises(RequestError, match="agent 'stranger' was ranked and was not eligible"):
        decisions.prepare(replace(made, ranking=replace(made.ranking, entries=(stranger,))))


def test_a_reason_that_is_no_number_is_not_written_down() -> None:
    made = a_decision()
    first = made.ranking.entries[0]
    broken = replace(first, factors=(replace(first.factors[0], contribution=math.nan),))
    with pytest.raises(RequestError, match="a reason of a ranking must be a finite number to be kept, got nan"):
        decisions.prepare(replace(made, ranking=replace(made.ranking, entries=(broken, *made.ranking.entries[1:]))))


def test_a_row_that_was_put_together_is_the_row_and_its_text(store: BlockingStore, caller_id: str) -> None:
    made = replace(a_decision(block=1), call_id='x","ranking":0,"request":0')
    prepared = decisions.prepare(made)
    values = {name: json.loads(part) if isinstance(part, Canonical) else part for name, part in prepared.values.items()}
    assert values.pop("agents") == prepared.agents
    assert prepared.text.decode() == canonical_json(values)
    assert store.write("router", decisions.log_batch, [(caller_id, prepared), (caller_id, decisions.prepare(a_decision()))]) == 2
    assert store.read(decisions.load, made.decision_id) == made
    assert store.write("router", decisions.log_batch, [("0" * 32, decisions.prepare(a_decision()))]) == 0


def test_a_batch_is_of_those_who_agree_and_of_what_is_new(store: BlockingStore, caller_id: str) -> None:
    """One entry in the chain for each, in the order of the batch."""
    other = store.write("router", callers.grant, "another").caller_id
    objected = store.write("privacy", privacy.object_to, "a third").caller_id
    made = [a_decision(f"call-{i}") for i in range(5)]
    store.write("router", decisions.log, caller_id, made[:1])
    before = store.read(audit.head).seq
    batch = list(zip((caller_id, other, objected, "0" * 32, caller_id), map(decisions.prepare, made), strict=True))
    assert store.write("router", decisions.log_batch, [*batch, batch[1]]) == 2
    assert store.read(decisions.held) == {made[0].decision_id, made[1].decision_id, made[4].decision_id}
    assert store.read(counters.totals)["decisions.not_kept"] == 2
    entries = [sealed.entry for sealed in store.read(lambda work: list(audit.entries(work, after=before)))]
    assert [e.subject for e in entries] == [store.read(decisions.audit_subjects, made[i].decision_id)[0] for i in (1, 4)]
    assert store.read(lambda work: audit.verify_log(work).ok)
    assert store.write("router", decisions.log_batch, batch) == 0
    assert store.read(audit.head).seq == before + 2, "nothing is said of nothing"
