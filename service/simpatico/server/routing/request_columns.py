"""``RankAgentsRequest`` read as columns: a message object for each of a thousand candidates costs more than ranking them.

The request is parsed with its candidates left as bytes (a field of messages and one of bytes are the same on the wire), and those are read
all at once, in C. Only what serialisers write is read so: fields in the order of their numbers, each once, agents whom the roster has.
Whatever else may come is legal too, and read by protobuf; a test compares both ways.

References
----------
Protocol Buffers documentation, "Encoding": protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

from simpatico import core
from simpatico.routing.candidates import Candidates
from simpatico.routing.roster import Picked, Roster
from simpatico.v1 import routing_service_pb2 as pb

__all__ = ["FlatRankAgentsRequest", "candidates_of"]


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

_held: WeakKeyDictionary[Roster, core.CandidateNames] = WeakKeyDictionary()


def candidates_of(listed: Iterable[bytes], roster: Roster) -> Candidates | None:
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
    names = _held.get(roster)
    if names is None:
        names = _held[roster] = core.CandidateNames(agent_id.encode() for agent_id in roster.ids)
    found = names.read(listed)
    if found is None:
        return None
    at, open_calls, idle_s, occupancy, said = found
    if not at.size:
        return None
    return Candidates(Picked(roster, at.astype(np.intp, copy=False)), open_calls, idle_s, occupancy if said else None)
