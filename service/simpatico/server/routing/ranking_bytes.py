"""The bytes of ``RankAgentsResponse``, written from columns.

A message object for each of a thousand agents costs more than ranking them. Serialised messages may be joined: the answer without its
agents, followed by fields of agents, is the answer ("Last One Wins": repeated fields of joined messages are appended). So the agents are
written here by the wire format itself, and all the rest by protobuf. A test compares both ways.

What stands before an agent's figures depends on who it is alone, so it is held for each agent of a roster, as rows of equal length with
nothing at their left ends. Rows of an answer are then picked, figures put beside them, and the left ends cut off.

References
----------
Protocol Buffers documentation, "Encoding": protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from simpatico.routing.ranked import Entries
from simpatico.routing.roster import Picked, Roster
from simpatico.v1 import routing_service_pb2 as pb

__all__ = ["agents_bytes"]

_FIELDS = pb.RankedAgent.DESCRIPTOR.fields_by_name
_LENGTH, _DOUBLE = 2, 1
"""Wire types: of what has a length in front, and of eight bytes, little-endian."""


def _tag(number: int, kind: int) -> bytes:
    return bytes((number << 3 | kind,))


_AGENT = _tag(pb.RankAgentsResponse.DESCRIPTOR.fields_by_name["agents"].number, _LENGTH)
_ID, _FACTOR = _tag(_FIELDS["agent_id"].number, _LENGTH), _tag(_FIELDS["factors"].number, _LENGTH)
_CHANCE, _UTILITY, _SD, _PENALTY = (
    _tag(_FIELDS[name].number, _DOUBLE)[0] for name in ("propensity", "expected_utility", "sd", "load_penalty")
)

Bytes = NDArray[np.uint8]


def agents_bytes(entries: Entries, factors: Sequence[Sequence[bytes]] = ()) -> bytes:
    """Return the field ``agents`` of an answer.

    Parameters
    ----------
    entries
        Best first.
    factors
        Serialised ``Factor`` messages of the first agents.
    """
    figures = _figures(entries)
    explained, width = min(len(factors), len(entries)), figures.shape[1]
    parts: list[bytes] = []
    who = Picked(entries.who.roster, entries.who.at[:explained]).ids if isinstance(entries.who, Picked) else entries.who[:explained]
    for i, agent_id in enumerate(who):
        name = _name_bytes(agent_id)
        reasons = b"".join(_FACTOR + _varint(len(factor)) + factor for factor in factors[i])
        parts += (_AGENT, _varint(len(name) + width + len(reasons)), name, figures[i].tobytes(), reasons)
    parts.append(_rest(entries, explained, figures))
    return b"".join(parts)


def _name_bytes(agent_id: str) -> bytes:
    """Return the field of an agent's id."""
    text = agent_id.encode()
    return _ID + _varint(len(text)) + text


def _figures(entries: Entries) -> Bytes:
    """The figures of each agent, with their tags, uint8 [n, 9 for each figure]."""
    columns = [(_CHANCE, entries.propensity)]
    if entries.expected_utility is not None and entries.sd is not None and entries.load_penalty is not None:
        columns += [(_UTILITY, entries.expected_utility), (_SD, entries.sd), (_PENALTY, entries.load_penalty)]
    rows = np.empty((len(entries), len(columns), 9), np.uint8)
    for i, (tag, values) in enumerate(columns):
        rows[:, i, 0] = tag
        rows[:, i, 1:] = np.ascontiguousarray(values, "<f8").view(np.uint8).reshape(-1, 8)
    return rows.reshape(len(entries), -1)


def _rest(entries: Entries, first: int, figures: Bytes) -> bytes:
    """All agents from ``first`` on, who have no reasons with them."""
    width = figures.shape[1]
    if isinstance(entries.who, Picked):
        heads, at = _of_roster(entries.who.roster, width), entries.who.at[first:]
    else:
        heads, at = _Heads(entries.who[first:], width), np.arange(len(entries) - first)
    if not at.size:
        return b""
    rows = np.concatenate((heads.rows[at], figures[first:]), axis=1)
    empty = heads.rows.shape[1] - heads.lengths[at]
    least = int(empty.min())
    rows, empty = rows[:, least:], empty - least
    return rows.tobytes() if not empty.any() else rows[np.arange(rows.shape[1]) >= empty[:, None]].tobytes()


class _Heads:
    """All that stands before the figures of each agent, in rows that end where the figures begin."""

    def __init__(self, ids: Sequence[str], width: int) -> None:
        found = [_AGENT + _varint(len(name) + width) + name for name in map(_name_bytes, ids)]
        self.lengths = np.array([len(head) for head in found], np.intp)
        longest = int(self.lengths.max(initial=0))
        self.rows = np.zeros((len(found), longest), np.uint8)
        self.rows[np.arange(longest) >= longest - self.lengths[:, None]] = np.frombuffer(b"".join(found), np.uint8)


_held: WeakKeyDictionary[Roster, dict[int, _Heads]] = WeakKeyDictionary()


def _of_roster(roster: Roster, width: int) -> _Heads:
    of_width = _held.setdefault(roster, {})
    if width not in of_width:
        of_width[width] = _Heads(roster.ids, width)
    return of_width[width]


@lru_cache(1 << 12)
def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
