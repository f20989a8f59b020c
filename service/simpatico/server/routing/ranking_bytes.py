"""The bytes of ``RankAgentsResponse``, written from columns.

A message object for each of a thousand agents costs more than ranking them. Serialised messages may be joined: the answer without its
agents, followed by fields of agents, is the answer ("Last One Wins": repeated fields of joined messages are appended). So the agents are
written here by the wire format itself, and all the rest by protobuf. A test compares both ways.

References
----------
Protocol Buffers documentation, "Encoding": protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simpatico.routing.ranked import Entries
from simpatico.v1 import routing_service_pb2 as pb

__all__ = ["agents_bytes"]

_FIELDS = pb.RankedAgent.DESCRIPTOR.fields_by_name
_LENGTH, _DOUBLE = 2, 1
"""Wire types: of what has a length in front, and of eight bytes, little-endian."""
MAX_NAMES = 1 << 16
"""Agents whose names are held as bytes."""


def _tag(number: int, kind: int) -> bytes:
    return bytes((number << 3 | kind,))


_AGENT = _tag(pb.RankAgentsResponse.DESCRIPTOR.fields_by_name["agents"].number, _LENGTH)
_ID, _FACTOR = _tag(_FIELDS["agent_id"].number, _LENGTH), _tag(_FIELDS["factors"].number, _LENGTH)
_CHANCE, _UTILITY, _SD, _PENALTY = (
    _tag(_FIELDS[name].number, _DOUBLE)[0] for name in ("propensity", "expected_utility", "sd", "load_penalty")
)


def agents_bytes(entries: Entries, factors: Sequence[Sequence[bytes]] = ()) -> bytes:
    """Return the field ``agents`` of an answer.

    Parameters
    ----------
    entries
        Best first.
    factors
        Serialised ``Factor`` messages of the first agents.
    """
    columns: list[tuple[int, NDArray[np.float64]]] = [(_CHANCE, entries.propensity)]
    if entries.expected_utility is not None and entries.sd is not None and entries.load_penalty is not None:
        columns += [(_UTILITY, entries.expected_utility), (_SD, entries.sd), (_PENALTY, entries.load_penalty)]
    fields = [(name + str(i), kind) for i in range(len(columns)) for name, kind in (("t", "u1"), ("v", "<f8"))]
    rows = np.zeros(len(entries), np.dtype(fields))
    for i, (tag, values) in enumerate(columns):
        rows[f"t{i}"], rows[f"v{i}"] = tag, values
    width, figures = rows.dtype.itemsize, rows.tobytes()
    explained = min(len(factors), len(entries))
    parts: list[bytes] = []
    for i, agent_id in enumerate(entries.ids[:explained]):
        name = _name(agent_id)
        reasons = b"".join(_FACTOR + _varint(len(one)) + one for one in factors[i])
        parts += (_AGENT, _varint(len(name) + width + len(reasons)), name, figures[i * width : (i + 1) * width], reasons)
    for i, agent_id in enumerate(entries.ids[explained:], explained):
        parts.append(_head(agent_id, width))
        parts.append(figures[i * width : (i + 1) * width])
    return b"".join(parts)


@lru_cache(2 * MAX_NAMES)
def _head(agent_id: str, width: int) -> bytes:
    """All that stands before the figures of an agent without reasons."""
    name = _name(agent_id)
    return _AGENT + _varint(len(name) + width) + name


@lru_cache(MAX_NAMES)
def _name(agent_id: str) -> bytes:
    text = agent_id.encode()
    return _ID + _varint(len(text)) + text


@lru_cache(1 << 12)
def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
