"""Requests read as columns are what protobuf reads, and whatever is not plain goes to protobuf."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.errors import RequestError
from simpatico.routing.candidates import Agent, Candidates
from simpatico.routing.roster import Picked, Roster
from simpatico.server.routing.convert import candidates_from_proto
from simpatico.server.routing.request_columns import FlatRankAgentsRequest, candidates_of
from simpatico.v1 import routing_service_pb2 as pb

IDS = ("a", "b" * 100, "c" * 127, "d" * 128, "\u00e9" * 60, "e-5")
ROSTER = Roster(Agent(name, frozenset({"sales"} if i % 2 else ()), capacity=1 + i) for i, name in enumerate(IDS))
AGENTS = {agent.agent_id: agent for agent in ROSTER.agents}
CANDIDATE = st.builds(
    pb.Candidate,
    agent_id=st.sampled_from(IDS),
    open_calls=st.integers(0, 300),
    idle_s=st.floats(0.0, 1e6),
    occupancy=st.none() | st.floats(0.0, 1.0),
)


def listed(candidates: list[pb.Candidate]) -> list[bytes]:
    call = pb.CallToRoute(call_id="x", queue="q", candidates=candidates)
    flat = FlatRankAgentsRequest.FromString(pb.RankAgentsRequest(call=call, answer_within_s=0.5).SerializeToString())
    assert (flat.call.call_id, flat.call.queue, flat.answer_within_s) == ("x", "q", 0.5)
    return list(flat.call.candidates)


@given(st.lists(CANDIDATE, min_size=1, max_size=6, unique_by=lambda c: c.agent_id))
def test_columns_are_what_protobuf_reads(candidates: list[pb.Candidate]) -> None:
    plain = candidates_from_proto(pb.CallToRoute(candidates=candidates), AGENTS)
    columns = candidates_of(listed(candidates), ROSTER)
    if columns is None:
        assert any(len(c.agent_id.encode()) > 127 or c.open_calls > 127 for c in candidates)
        return
    assert isinstance(columns.agents, Picked)
    assert columns == plain
    assert (columns.ids, columns.capacity.tolist()) == (plain.ids, plain.capacity.tolist())
    assert columns.lacking(frozenset({"sales"}), frozenset()).tolist() == plain.lacking(frozenset({"sales"}), frozenset()).tolist()


def test_a_thousand_plain_ones_are_read_as_columns() -> None:
    roster = Roster(Agent(f"agent-{i}") for i in range(1000))
    rng = np.random.default_rng(1)
    order = rng.permutation(1000).tolist()
    wanted = [pb.Candidate(agent_id=f"agent-{i}", idle_s=rng.exponential(60.0), occupancy=rng.random()) for i in order]
    columns = candidates_of(listed(wanted), roster)
    assert columns is not None
    assert columns.ids == tuple(f"agent-{i}" for i in order)
    assert columns.idle_s.tolist() == [c.idle_s for c in wanted]


@pytest.mark.parametrize(
    "candidate",
    [
        b"",
        b"\x0a",
        b"\x0a\x05a",  # cut short
        b"\x0a\x01z",  # nobody declared them
        b"\x0a\x01a\x0a\x01b",  # a field twice: the last counts
        b"\x10\x02\x0a\x01a",  # another order
        b"\x0a\x01a\x28\x01",  # a field of a newer client
        b"\x0a\x01a\x10\x80\x00",  # a number longer than need be
        b"\x0a\x01a\x19\x00\x00",  # cut short
        b"\x0a\x81\x00a",
        b"\x0a\x01a\x21" + struct.pack("<d", math.nan),  # refused there, in words
    ],
)
def test_what_is_not_plain_is_left_to_protobuf(candidate: bytes) -> None:
    assert candidates_of([candidate], ROSTER) is None
    assert candidates_of([b"\x0a\x01b", candidate, b"\x0a\x01a"], ROSTER) is None


def test_nobody_is_left_to_protobuf() -> None:
    assert candidates_of([], ROSTER) is None


@pytest.mark.parametrize(("field", "value"), [("idle_s", -1.0), ("idle_s", math.nan), ("occupancy", 1.5)])
def test_figures_out_of_range_are_refused_with_the_same_words(field: str, value: float) -> None:
    candidates = [pb.Candidate(agent_id="a"), pb.Candidate(agent_id="e-5", **{field: value})]  # type: ignore[arg-type]
    with pytest.raises(RequestError, match=field) as plain:
        candidates_from_proto(pb.CallToRoute(candidates=candidates), AGENTS)
    with pytest.raises(RequestError, match=field) as columns:
        candidates_of(listed(candidates), ROSTER)
    assert str(columns.value) == str(plain.value)


def test_one_listed_twice_is_named() -> None:
    columns = candidates_of(listed([pb.Candidate(agent_id=name) for name in ("a", "e-5", "a")]), ROSTER)
    assert columns is not None
    assert columns.twice == "a"
    assert Candidates.of(tuple(columns)[:2]).twice is None
