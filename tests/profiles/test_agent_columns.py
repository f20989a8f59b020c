"""The agents of a decision as bytes: nothing lost on the way there and back, and other bytes are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.profiles.agent_columns import agent_names, pack_agents, unpack_agents
from simpatico.profiles.decision_rows import from_bytes, prepare, to_bytes
from simpatico.routing.candidates import Candidates
from simpatico.routing.ranked import Entries
from simpatico.routing.roster import Picked, Roster
from simpatico.routing.types import Agent, Candidate, Factor, FactorKind, RankedAgent
from tests.profiles.samples import a_decision

declared = st.lists(
    st.builds(
        Agent,
        st.text("aé😀\n\0", min_size=1, max_size=4).filter(str.strip),
        st.frozensets(st.sampled_from(["cards", "loans"])),
        st.frozensets(st.sampled_from(["en", "fi"])),
        st.integers(1, 1000),
    ),
    min_size=1, max_size=8, unique_by=lambda agent: agent.agent_id,
)  # fmt: skip
REASONS = ((Factor(FactorKind.LOAD, -0.1, 0.0, "", 0.5),),)


def columns(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a load for each."""
    return rng.integers(0, 1000, n), 1e8 * rng.random(n), np.where(rng.random(n) < 0.5, rng.random(n), np.nan)


@given(declared, st.randoms(use_true_random=False), st.booleans(), st.booleans(), st.booleans())
def test_what_was_packed_comes_back_to_the_last_bit(agents, random, picked, scored, busy) -> None:  # type: ignore[no-untyped-def]
    """Agents of a roster and others; those who are ranked may be picked from the same one, or be named."""
    rng = np.random.default_rng(random.getrandbits(32))
    n = random.randint(1, len(agents))
    at, order = rng.permutation(len(agents))[:n], rng.permutation(n)
    who: Picked | list[Agent] = Picked(Roster(agents), at) if picked else [agents[i] for i in at]
    open_calls, idle_s, occupancy = columns(rng, n)
    candidates = Candidates(who, open_calls, idle_s, occupancy if busy else None)
    ids = who.take(order) if isinstance(who, Picked) and random.random() < 0.5 else [candidates.ids[i] for i in order]
    figures = rng.normal(size=(3, n)) if scored else [None] * 3
    entries = Entries(ids, rng.random(n), *figures, REASONS if scored else ())
    data = pack_agents(candidates, entries)
    back, ranked = unpack_agents(data, REASONS if scored else ())
    assert back == candidates
    assert ranked == entries
    assert agent_names(data) == list(candidates.ids)


def test_agents_of_a_roster_take_only_their_own_kinds_along() -> None:
    roster = Roster([Agent(f"a{i}", frozenset({f"skill-{i}"})) for i in range(50)])
    who = Candidates(Picked(roster, np.array([7, 3])), np.zeros(2, np.int64), np.zeros(2))
    data = pack_agents(who, Entries.neutral(Picked(roster, np.array([7, 3]))))
    assert data.count(b"skill-") == 2
    assert unpack_agents(data)[0] == who


def test_scores_of_some_only() -> None:
    """As an assignment may have them: who was not scored has none afterwards, either."""
    who = Candidates.of([Candidate(Agent("a")), Candidate(Agent("b"))])
    entries = (RankedAgent("b", 0.75, 0.5, 0.1, 0.25, REASONS[0]), RankedAgent("a", 0.25))
    assert unpack_agents(pack_agents(who, entries), REASONS)[1] == entries


@pytest.mark.parametrize("wrong", [b"", b"AGT1", b"AGT0" + bytes(40)])
def test_other_bytes_are_refused(wrong: bytes) -> None:
    with pytest.raises(ValueError, match=r"take at least 21 bytes, got|begin with b'AGT1', got b'AGT0': another build"):
        unpack_agents(wrong)


@given(st.data())
def test_a_decision_that_was_cut_off_is_refused(data: st.DataObject) -> None:
    whole = b"".join(to_bytes(prepare(a_decision())))
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match="no decision, or one of another build"):
        from_bytes(whole[:cut])
