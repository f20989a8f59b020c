"""Records of a notebook as bytes and back.

A record is a mark, the bytes of its caller's id (uint16) and of its decision (uint32), a CRC-32 of both (uint32), little-endian, and then
the two (`decision_rows` has the decision's).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from simpatico.profiles.decision_rows import Prepared, from_bytes, to_bytes
from simpatico.routing.types import Decision

__all__ = ["pack_note", "read_notes"]

_FRAME = struct.Struct("<4sHII")
_MARK = b"DEC1"


def pack_note(caller_id: str, prepared: Prepared) -> list[bytes]:
    """Return the record of a decision, in pieces to be written one after another."""
    pieces = [caller_id.encode(), *to_bytes(prepared)]
    check = 0
    for piece in pieces:
        check = zlib.crc32(piece, check)
    who = len(pieces[0])
    return [_FRAME.pack(_MARK, who, sum(map(len, pieces)) - who, check), *pieces]


def read_notes(data: bytes) -> Iterator[tuple[str, Decision]]:
    """Yield the decisions of a file, each with the id of its caller, up to the first record that is not whole.

    Raises
    ------
    ValueError
        A record is not whole though more follows, or is not one of ours: what comes after it cannot be read.
    """
    start = 0
    while len(data) - start >= _FRAME.size:
        mark, who, size, check = _FRAME.unpack_from(data, start)
        body = data[start + _FRAME.size : start + _FRAME.size + who + size]
        if mark == _MARK and len(body) < who + size:
            return  # the process was killed while it wrote
        if mark != _MARK or zlib.crc32(body) != check:
            raise ValueError(f"no record at byte {start} of {len(data)}")
        yield body[:who].decode(), from_bytes(body[who:])
        start += _FRAME.size + who + size
