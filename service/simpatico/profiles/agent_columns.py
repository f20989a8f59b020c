"""The agents of a decision as bytes and back: columns as they lie in memory, as a thousand agents in JSON take longer than their ranking.

Layout, little-endian, nothing in between: a mark; how many were eligible and how many ranked (uint32); which columns there are (uint8);
bytes of the kinds and of the names (uint32); the kinds as JSON, each skills, languages and capacity; the names in UTF-8, one after another;
then of each who was eligible, in neutral order, bytes of the name uint16, kind uint16, open calls uint16, idle seconds float64 and, where
anybody's is known, occupancy float64 (NaN where not); then of each who was ranked, best first, the place among the eligible uint16,
propensity float64 and, where scored, expected utility, its SD and load penalty float64.

A row that is read needs nothing else: agents are in it as they were declared then.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import orjson
from numpy.typing import DTypeLike, NDArray

from simpatico.routing.candidates import Candidates
from simpatico.routing.ranked import Entries
from simpatico.routing.roster import Picked, Roster
from simpatico.routing.types import Agent, Factor, RankedAgent

__all__ = ["agent_names", "pack_agents", "unpack_agents"]

_HEAD = struct.Struct("<4sIIBII")
_MARK = b"AGT1"
_OCCUPANCY, _SCORES = 1, 2
_FIGURES = ("expected_utility", "sd", "load_penalty")

Float = NDArray[np.float64]


class _Names:
    """Names and kinds of agents in the form in which they are written."""

    def __init__(self, agents: Sequence[Agent]) -> None:
        kinds: dict[tuple[frozenset[str], frozenset[str], int], int] = {}
        of = [kinds.setdefault((a.skills, a.languages, a.capacity), len(kinds)) for a in agents]
        self.kinds = [orjson.dumps([sorted(skills), sorted(languages), capacity]) for skills, languages, capacity in kinds]
        self.kind = np.array(of, np.intp)
        self.names = [agent.agent_id.encode() for agent in agents]
        self.lengths = np.fromiter(map(len, self.names), "<u2", len(self.names))
        self._even: NDArray[np.void] | None = None  # names of one length are picked like numbers, in a fraction of the time
        if self.names and (self.lengths == self.lengths[0]).all():
            self._even = np.frombuffer(b"".join(self.names), np.dtype((np.void, int(self.lengths[0]))))

    def written(self, at: NDArray[np.intp]) -> tuple[bytes, bytes, bytes, bytes]:
        """Kinds, names, lengths and numbers of kinds, of those at these places."""
        kind = self.kind[at]
        used = np.flatnonzero(np.bincount(kind, minlength=1))
        number = np.zeros(len(self.kinds), "<u2")
        number[used] = np.arange(used.size)
        kinds = b"[" + b",".join([self.kinds[i] for i in used.tolist()]) + b"]"
        names = b"".join(map(self.names.__getitem__, at.tolist())) if self._even is None else self._even[at].tobytes()
        return kinds, names, self.lengths[at].tobytes(), number[kind].tobytes()


_held: WeakKeyDictionary[Roster, _Names] = WeakKeyDictionary()


def _names(agents: Sequence[Agent]) -> tuple[_Names, NDArray[np.intp]]:
    if not isinstance(agents, Picked):
        return _Names(agents), np.arange(len(agents))
    held = _held.get(agents.roster)
    if held is None:
        held = _held[agents.roster] = _Names(agents.roster.agents)
    return held, agents.at


def _places(who: Candidates, entries: Sequence[RankedAgent]) -> NDArray[np.uint16]:
    """Where each who is ranked stands among the eligible."""
    ranked: Sequence[Any] = entries.who if isinstance(entries, Entries) else [entry.agent_id for entry in entries]
    if isinstance(ranked, Picked) and isinstance(who.agents, Picked) and ranked.roster is who.agents.roster:
        place = np.zeros(len(ranked.roster), "<u2")
        place[who.agents.at] = np.arange(len(who))
        found: NDArray[np.uint16] = place[ranked.at]
        return found
    place_of = {agent_id: place for place, agent_id in enumerate(who.ids)}
    ids = ranked.ids if isinstance(ranked, Picked) else ranked
    return np.fromiter(map(place_of.__getitem__, ids), "<u2", len(ids))


def _figures(entries: Sequence[RankedAgent]) -> list[Float]:
    """Propensity and, where anybody was scored, the three others; NaN of whom was not."""
    if isinstance(entries, Entries):
        held = [getattr(entries, name) for name in _FIGURES]
        return [entries.propensity] if any(column is None for column in held) else [entries.propensity, *held]
    rows = [[e.propensity, *(np.nan if (x := getattr(e, name)) is None else x for name in _FIGURES)] for e in entries]
    columns = list(np.array(rows, np.float64).reshape(-1, 1 + len(_FIGURES)).T)
    return columns[:1] if all(e.expected_utility is None and e.sd is None and not e.load_penalty for e in entries) else columns


def pack_agents(who: Candidates, entries: Sequence[RankedAgent]) -> bytes:
    """Return the eligible agents with their load, and the ranked ones with their figures, as bytes.

    Parameters
    ----------
    who
        In neutral order.
    entries
        Best first, each of them eligible. Their reasons are not in it.
    """
    held, at = _names(who.agents)
    kinds, names, lengths, numbers = held.written(at)
    figures = _figures(entries)
    present = (0 if who.occupancy is None else _OCCUPANCY) | (_SCORES if len(figures) > 1 else 0)
    columns = (
        who.open_calls.astype("<u2"),
        who.idle_s.astype("<f8", copy=False),
        *(() if who.occupancy is None else (who.occupancy.astype("<f8", copy=False),)),
        _places(who, entries),
        *(column.astype("<f8", copy=False) for column in figures),
    )
    head = _HEAD.pack(_MARK, len(who), len(entries), present, len(kinds), len(names))
    return b"".join((head, kinds, names, lengths, numbers, *(column.tobytes() for column in columns)))


class _Reader:
    """Takes what was packed from its beginning on.

    Raises
    ------
    ValueError
        It was packed otherwise.
    """

    def __init__(self, data: bytes) -> None:
        if len(data) < _HEAD.size:
            raise ValueError(f"agents of a decision take at least {_HEAD.size} bytes, got {len(data)}")
        mark, self.eligible, self.ranked, self.present, kinds, names = _HEAD.unpack_from(data)
        if mark != _MARK:
            raise ValueError(f"agents of a decision begin with {_MARK!r}, got {mark!r}: another build wrote them")
        self._data, self._place = data, _HEAD.size
        self.kinds = orjson.loads(self._bytes(kinds))
        text = self._bytes(names)
        ends = np.cumsum(self.take("<u2", self.eligible), dtype=np.intp).tolist()
        self.names = [text[start:end].decode() for start, end in zip([0, *ends[:-1]], ends, strict=True)] if ends else []

    def _bytes(self, count: int) -> bytes:
        self._place += count
        return self._data[self._place - count : self._place]

    def take(self, kind: DTypeLike, count: int) -> NDArray[Any]:
        """The next column, a copy."""
        found = np.frombuffer(self._data, kind, count, self._place).copy()
        self._place += found.nbytes
        return found


def agent_names(data: bytes) -> list[str]:
    """Return the ids of the eligible, in neutral order. Raises as `unpack_agents`."""
    return _Reader(data).names


def unpack_agents(data: bytes, factors: tuple[tuple[Factor, ...], ...] = ()) -> tuple[Candidates, Sequence[RankedAgent]]:
    """Return what `pack_agents` packed, with these reasons of the first agents.

    Raises
    ------
    ValueError
        These are other bytes.
    """
    reader = _Reader(data)
    take = reader.take
    kinds = [(frozenset(skills), frozenset(languages), capacity) for skills, languages, capacity in reader.kinds]
    names, n, m = reader.names, reader.eligible, reader.ranked
    agents = [Agent(name, *kinds[number]) for name, number in zip(names, take("<u2", n).tolist(), strict=True)]
    open_calls, idle_s = take("<u2", n).astype(np.int64), take("<f8", n)
    who = Candidates(agents, open_calls, idle_s, take("<f8", n) if reader.present & _OCCUPANCY else None)
    ranked = [names[place] for place in take("<u2", m).tolist()]
    propensity = take("<f8", m)
    if not reader.present & _SCORES:
        return who, Entries(ranked, propensity, factors=factors)
    mean, sd, penalty = (take("<f8", m) for _ in _FIGURES)
    if not np.isnan(mean + sd + penalty).any():
        return who, Entries(ranked, propensity, mean, sd, penalty, factors)
    rows = zip(ranked, propensity.tolist(), _known(mean), _known(sd), _known(penalty), strict=True)
    return who, tuple(
        RankedAgent(name, chance, utility, spread, less or 0.0, factors[place] if place < len(factors) else ())
        for place, (name, chance, utility, spread, less) in enumerate(rows)
    )


def _known(column: Float) -> list[float | None]:
    return [None if value != value else value for value in column.tolist()]  # noqa: PLR0124  # NaN
