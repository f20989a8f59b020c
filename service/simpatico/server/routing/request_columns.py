"""``RankAgentsRequest`` read as columns: a message object for each of a thousand candidates costs more than ranking them.

The request is parsed with its candidates left as bytes (a field of messages and one of bytes are the same on the wire), and those are read
all at once. Only what serialisers write is read so: fields in the order of their numbers, each once, agents whom the roster has. Whatever
else may come is legal too, and read by protobuf; a test compares both ways.

References
----------
Protocol Buffers documentation, "Encoding": protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from numpy.typing import NDArray

from simpatico.routing.candidates import Candidates
from simpatico.routing.roster import Picked, Roster
from simpatico.server.routing.ranking_bytes import name_bytes
from simpatico.v1 import routing_service_pb2 as pb

__all__ = ["FlatRankAgentsRequest", "candidates_of"]

_FIELDS = pb.Candidate.DESCRIPTOR.fields_by_name
_OPEN_CALLS, _IDLE_S, _OCCUPANCY = (_FIELDS[name].number << 3 | wire for name, wire in (("open_calls", 0), ("idle_s", 1), ("occupancy", 1)))
_LONGEST_TAIL = 2 + 9 + 9
"""Bytes behind the id: open calls of up to 127, and two figures."""
_EIGHT = np.arange(8)

Bytes = NDArray[np.uint8]


def _flat() -> type[Message]:
    """The message class of the request with its candidates left as bytes."""
    file = descriptor_pb2.FileDescriptorProto(name="simpatico/flat.proto", package="simpatico.flat", syntax="proto3")
    for kind in (pb.RankAgentsRequest, pb.CallToRoute):
        kind.DESCRIPTOR.CopyToProto(file.message_type.add())
    request, call = file.message_type
    for field in request.field:
        if field.name == "call":
            field.type_name = ".simpatico.flat.CallToRoute"
    for field in call.field:
        if field.name == "candidates":
            field.type = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES
            field.ClearField("type_name")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("simpatico.flat.RankAgentsRequest"))


FlatRankAgentsRequest: Any = _flat()
"""``RankAgentsRequest`` whose ``call.candidates`` are bytes. Has all its other fields."""

_held: WeakKeyDictionary[Roster, dict[bytes, int]] = WeakKeyDictionary()


def candidates_of(listed: Sequence[bytes], roster: Roster) -> Candidates | None:
    """Return the candidates, or None when they must be read by protobuf.

    Parameters
    ----------
    listed
        Serialised ``Candidate`` messages.
    roster
        Agents who are known.

    Raises
    ------
    RequestError
        A field is out of range.
    """
    places = _held.get(roster)
    if places is None:
        places = _held[roster] = {name_bytes(agent_id): place for place, agent_id in enumerate(roster.ids)}
    lengths = np.fromiter(map(len, listed), np.intp, len(listed))
    if not lengths.size or lengths.min() < 2:
        return None
    data = np.frombuffer(b"".join(listed) + bytes(_LONGEST_TAIL), np.uint8)
    ends = np.cumsum(lengths)
    starts = ends - lengths
    tails = starts + 2 + data[starts + 1]  # ids of up to 127 bytes, whose length takes one
    if (tails > ends).any() or (data[starts + 1] > 0x7F).any():
        return None
    found = [places.get(name) for name in _names(listed, tails - starts, ends - tails)]
    if None in found:
        return None
    columns = _tails(data, tails, ends)
    return None if columns is None else Candidates(Picked(roster, np.array(found, np.intp)), *columns)


def _names(listed: Sequence[bytes], heads: NDArray[np.intp], tails: NDArray[np.intp]) -> list[bytes]:
    """What names each agent: ``heads`` bytes of each, which leave ``tails``."""
    tail = int(tails[0])
    if tail and (tails == tail).all():
        return [one[:-tail] for one in listed]
    return [one[:size] for one, size in zip(listed, heads.tolist(), strict=True)]


def _tails(data: Bytes, at: NDArray[np.intp], ends: NDArray[np.intp]) -> tuple[Any, ...] | None:
    """What follows the ids, as the columns of `Candidates`; None when it is not what serialisers write."""
    said_open = (data[at] == _OPEN_CALLS) & (at < ends)
    open_calls = np.where(said_open, data[at + 1], 0).astype(np.int64)
    at = at + 2 * said_open
    said_idle = (data[at] == _IDLE_S) & (at < ends)
    idle_s = np.where(said_idle, _doubles(data, at), 0.0)
    at = at + 9 * said_idle
    said = (data[at] == _OCCUPANCY) & (at < ends)
    occupancy = np.where(said, _doubles(data, at), np.nan) if said.any() else None
    at = at + 9 * said
    if (at != ends).any() or (open_calls > 0x7F).any():
        return None
    return open_calls, idle_s, occupancy, said


def _doubles(data: Bytes, at: NDArray[np.intp]) -> NDArray[np.float64]:
    """The eight bytes behind each of these."""
    last = data.size - 9
    taken: Bytes = data[np.minimum(at, last)[:, None] + 1 + _EIGHT]
    return taken.view("<f8")[:, 0]
