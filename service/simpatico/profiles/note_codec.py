"""Decisions as bytes of a notebook and back: a head in JSON, then columns as they lie in memory.

Layout of a record: a mark, the lengths of its head and of everything, a CRC-32 of both, the head, the columns. Agents are named by numbers,
which a record of their own (mark ``WHO_``, without columns) gives them before the decision (``NOTE``) that first has them: writing down a
thousand ids, skills and languages for each decision would cost more than the rest. Numbers count up through one file; columns are
little-endian: agents uint32 [n], open calls uint16 [n], idle seconds float64 [n], occupancy float64 [n] if known, ranked agents uint32 [m],
their propensities float64 [m] and, where scored, utility, sd and load penalty.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from simpatico.profiles.decision_codec import pack_block, pack_findings, pack_terms, unpack_block, unpack_findings, unpack_terms
from simpatico.profiles.schema import canonical_json
from simpatico.routing.candidates import Candidates
from simpatico.routing.ranked import Entries
from simpatico.routing.types import Agent, Decision, RankedAgent

__all__ = ["NoteWriter", "read_notes"]

_FRAME = struct.Struct("<4sIII")
_WHO, _NOTE = b"WHO_", b"NOTE"
_FIGURES = ("expected_utility", "sd", "load_penalty")
Float = NDArray[np.float64]


class NoteWriter:
    """Writes records; several files may follow one another, each begun with `introduction`."""

    def __init__(self) -> None:
        self._agents: list[Agent] = []
        self._introduced: list[tuple[int, bytes]] = []
        self._by_identity: dict[int, int] = {}
        self._by_id: dict[str, int] = {}

    @property
    def agents(self) -> int:
        """How many agents have a number."""
        return len(self._agents)

    def introduction(self, known: int = 0) -> bytes:
        """Return the records that give numbers from ``known`` on."""
        return b"".join(record for first, record in self._introduced if first >= known)

    def forget(self, known: int) -> None:
        """Take numbers from ``known`` on back: the records that gave them were not written."""
        if known < len(self._agents):
            self._introduced = [item for item in self._introduced if item[0] < known]
            agents, self._agents, self._by_identity, self._by_id = self._agents[:known], [], {}, {}
            for agent in agents:
                self._add(agent)

    def pack(self, caller_id: str, decision: Decision) -> tuple[bytes, bytes]:
        """Return the record of those among the candidates who have no number yet (nothing when all have one), and that of the decision."""
        who, entries, known = decision.request.eligible, decision.ranking.entries, len(self._agents)
        numbers = self._numbers(who.agents)
        new = [[a.agent_id, sorted(a.skills), sorted(a.languages), a.capacity] for a in self._agents[known:]]
        introduced = _record(_WHO, {"known": known, "agents": new}, ()) if new else b""
        if new:
            self._introduced.append((known, introduced))
        ids = entries.ids if isinstance(entries, Entries) else tuple(entry.agent_id for entry in entries)
        figures = _figures(entries)
        head = {
            "caller_id": caller_id,
            "decision_id": decision.decision_id,
            "call_id": decision.call_id,
            "at_s": decision.at_s,
            "queue": decision.request.queue,
            "policy_version": decision.ranking.policy_version,
            "neutral_reason": decision.ranking.neutral_reason,
            "request": pack_terms(decision.request),
            "ranking": pack_findings(decision.ranking),
            "block": pack_block(decision.block),
            "sizes": [len(who), who.occupancy is not None, len(ids), len(figures)],
        }
        columns = (
            numbers,
            who.open_calls.astype("<u2"),
            who.idle_s.astype("<f8"),
            *(() if who.occupancy is None else (who.occupancy.astype("<f8"),)),
            np.fromiter(map(self._by_id.__getitem__, ids), "<u4", len(ids)),
            *(column.astype("<f8") for column in figures),
        )
        return introduced, _record(_NOTE, head, columns)

    def _numbers(self, agents: Sequence[Agent]) -> NDArray[np.uint32]:
        try:
            return np.fromiter(map(self._by_identity.__getitem__, map(id, agents)), "<u4", len(agents))
        except KeyError:
            return np.fromiter(map(self._number, agents), "<u4", len(agents))

    def _number(self, agent: Agent) -> int:
        """Return an agent's number; one that is declared as the last of its id was keeps that one's."""
        number = self._by_id.get(agent.agent_id)
        if number is None or self._agents[number] != agent:
            return self._add(agent)
        self._by_identity.pop(id(self._agents[number]), None)
        self._agents[number] = agent  # held, so that no other object gets its identity
        self._by_identity[id(agent)] = number
        return number

    def _add(self, agent: Agent) -> int:
        number = len(self._agents)
        self._agents.append(agent)
        self._by_identity[id(agent)] = self._by_id[agent.agent_id] = number
        return number


def _record(mark: bytes, head: object, columns: Iterable[NDArray[Any]]) -> bytes:
    text = canonical_json(head).encode()
    body = b"".join((text, *(column.tobytes() for column in columns)))
    return _FRAME.pack(mark, len(text), len(body), zlib.crc32(body)) + body


def _figures(entries: Sequence[RankedAgent]) -> list[Float]:
    if isinstance(entries, Entries):
        held = [getattr(entries, name) for name in _FIGURES]
        return [entries.propensity] if any(column is None for column in held) else [entries.propensity, *held]
    rows = [[e.propensity, *(np.nan if (x := getattr(e, name)) is None else x for name in _FIGURES)] for e in entries]
    return list(np.array(rows, np.float64).reshape(-1, 1 + len(_FIGURES)).T)


def read_notes(data: bytes) -> Iterator[tuple[str, Decision]]:
    """Yield the decisions of a file, each with the id of its caller, up to the first record that is not whole.

    Raises
    ------
    ValueError
        A record is not whole though more follows, or is not one of ours: what comes after it cannot be read.
    """
    start, agents = 0, dict[int, Agent]()
    while len(data) - start >= _FRAME.size:
        mark, head_bytes, body_bytes, check = _FRAME.unpack_from(data, start)
        body = data[start + _FRAME.size : start + _FRAME.size + body_bytes]
        if mark in (_WHO, _NOTE) and len(body) < body_bytes:
            return  # the process was killed while it wrote
        if mark not in (_WHO, _NOTE) or zlib.crc32(body) != check:
            raise ValueError(f"no record at byte {start} of {len(data)}")
        try:
            head = json.loads(body[:head_bytes])
            if mark == _NOTE:
                yield _unpack(head, body[head_bytes:], agents)
            else:
                agents |= enumerate((Agent(i, frozenset(s), frozenset(ls), n) for i, s, ls, n in head["agents"]), head["known"])
        except (KeyError, IndexError, TypeError) as error:
            raise ValueError(f"a record of another build at byte {start}: {error!r}") from error
        start += _FRAME.size + body_bytes


def _unpack(head: dict[str, Any], columns: bytes, agents: Mapping[int, Agent]) -> tuple[str, Decision]:
    place = 0

    def take(kind: DTypeLike, count: int) -> NDArray[Any]:
        nonlocal place
        found = np.frombuffer(columns, kind, count, place)
        place += found.nbytes
        return found

    eligible, with_occupancy, ranked, figures = head["sizes"]
    who = [agents[number] for number in take("<u4", eligible).tolist()]
    open_calls, idle_s = take("<u2", eligible).astype(np.int64), take("<f8", eligible)
    candidates = Candidates(who, open_calls, idle_s, take("<f8", eligible) if with_occupancy else None)
    names = [agents[number].agent_id for number in take("<u4", ranked).tolist()]
    held = [[None if value != value else value for value in take("<f8", ranked).tolist()] for _ in range(figures)]  # noqa: PLR0124  # NaN
    if figures == 1:
        held += [[None] * ranked, [None] * ranked, [0.0] * ranked]
    request = unpack_terms(head["queue"], head["request"], candidates)
    ranking = unpack_findings(head["policy_version"], head["neutral_reason"], head["ranking"], zip(names, *held, strict=True))
    made = Decision(head["decision_id"], head["call_id"], head["at_s"], request, ranking, unpack_block(head["block"]))
    return head["caller_id"], made
