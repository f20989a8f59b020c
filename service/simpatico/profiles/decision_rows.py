"""A decision as its row in the log, and as the bytes that a notebook and a spool hold of it: put together once, for all three.

A row's ``request`` and ``ranking`` are JSON without agents, some hundreds of bytes; the agents are one column of bytes
(`agent_columns`). Rows of builds before that have none, and the agents in the JSON (`decision_codec`). The bytes of a whole decision are
the length of its text (uint32), the text (the row as canonical JSON, without the column of agents), and that column.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from simpatico.errors import RequestError, UnknownDecisionError
from simpatico.profiles.agent_columns import pack_agents, unpack_agents
from simpatico.profiles.decision_codec import (
    pack_findings,
    pack_ranking,
    pack_request,
    pack_terms,
    unpack_factors,
    unpack_findings,
    unpack_ranking,
    unpack_request,
    unpack_terms,
)
from simpatico.profiles.records import checked_text
from simpatico.profiles.schema import Canonical
from simpatico.routing.ranked import Entries
from simpatico.routing.types import Arm, BlockArm, Decision, RankedAgent

__all__ = ["KEPT", "Prepared", "decision_of", "from_bytes", "is_kept", "plain", "prepare", "to_bytes"]

KEPT = "k"
"""How ids of decisions begin that are kept."""
_LENGTH = struct.Struct("<I")

Values = Mapping[str, Any]


def is_kept(decision_id: str) -> bool:
    """Whether this is the id of a decision that is kept."""
    return decision_id.startswith(KEPT)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A decision, put together for its row: what takes time and no database.

    Attributes
    ----------
    decision_id
        Of the decision.
    values
        Columns of the row, ``agents`` among them, but not whose it is.
    text
        The same without ``agents``, as canonical JSON.
    ranked
        How many agents were ranked.
    profiled
        Whether the caller's profile was used.
    """

    decision_id: str
    values: Values
    text: bytes
    ranked: int
    profiled: bool

    @property
    def agents(self) -> bytes:
        """The column of agents."""
        found: bytes = self.values["agents"]
        return found


def prepare(decision: Decision) -> Prepared:
    """Put a decision's row together.

    Raises
    ------
    RequestError
        When a text in it cannot be stored, a figure is not finite, or somebody was ranked who was not eligible.
    UnknownDecisionError
        When it is not one to keep.
    """
    checked_text(decision.decision_id, "decision_id", longest=33)
    checked_text(decision.call_id, "call_id")
    if not is_kept(decision.decision_id):
        raise UnknownDecisionError(f"decision {decision.decision_id!r} is not one to keep", field="decision_id")
    _check_finite(decision.ranking.entries)
    try:
        agents = pack_agents(decision.request.eligible, decision.ranking.entries)
    except KeyError as error:
        raise RequestError(f"agent {error.args[0]!r} was ranked and was not eligible", field="ranking") from error
    values, packed = _values(decision), {"request": pack_terms(decision.request), "ranking": pack_findings(decision.ranking)}
    text = Canonical.of_figures({**values, **packed}).encode()
    parts = {name: Canonical.of_figures(part) for name, part in packed.items()}
    profiled = decision.request.profile is not None
    return Prepared(decision.decision_id, {**values, **parts, "agents": agents}, text, len(decision.ranking.entries), profiled)


def _values(decision: Decision) -> dict[str, Any]:
    block = decision.block
    return {
        "decision_id": decision.decision_id,
        "call_id": decision.call_id,
        "at_s": float(decision.at_s),
        "queue": checked_text(decision.request.queue, "queue"),
        "policy_version": decision.ranking.policy_version,
        "neutral_reason": decision.ranking.neutral_reason,
        "experiment_id": block.experiment_id if block else None,
        "block": block.block if block else None,
        "arm": block.arm if block else None,
        "washout": block.washout if block else None,
        "ranked": block.rank if block else None,
        "taken": None,
    }


def _check_finite(entries: Sequence[RankedAgent]) -> None:
    """Raise RequestError for a figure that nothing can be computed with; those of a request were looked at when it was made."""
    for name in ("propensity", "expected_utility", "sd", "load_penalty"):
        held = getattr(entries, name) if isinstance(entries, Entries) else [getattr(entry, name) for entry in entries]
        if held is None:
            continue
        values = np.array([0.0 if value is None else value for value in held]) if isinstance(held, list) else held
        finite = np.isfinite(values)
        if not finite.all():
            wrong = float(values[~finite][0])
            raise RequestError(f"{name} of a ranking must be a finite number to be kept, got {wrong!r}", field=name)
    reasons = entries.factors if isinstance(entries, Entries) else [entry.factors for entry in entries]
    for factor in (factor for some in reasons for factor in some):
        if not math.isfinite(factor.contribution):
            raise RequestError(f"a reason of a ranking must be a finite number to be kept, got {factor.contribution!r}", field="factors")


def decision_of(row: Values) -> Decision:
    """Return the decision in a row (or what `Prepared.values` has), as it was made: without outcome."""
    block = None
    if row["experiment_id"] is not None:
        block = BlockArm(row["experiment_id"], row["block"], Arm(row["arm"]), row["washout"], row["ranked"])
    queue, version, reason, packed = row["queue"], row["policy_version"], row["neutral_reason"], row["ranking"]
    if row["agents"] is None:
        request, ranking = unpack_request(queue, row["request"]), unpack_ranking(version, reason, packed)
    else:
        who, entries = unpack_agents(row["agents"], unpack_factors(packed))
        request, ranking = unpack_terms(queue, row["request"], who), unpack_findings(version, reason, packed, entries)
    return Decision(row["decision_id"], row["call_id"], row["at_s"], request, ranking, block, row["taken"])


def plain(row: Values) -> dict[str, Any]:
    """Return a row with its agents as JSON values in ``request`` and ``ranking``, and without the column of bytes: for people."""
    made = {name: value for name, value in row.items() if name != "agents"}
    if row["agents"] is not None:
        held = decision_of(row)
        made |= {"request": pack_request(held.request), "ranking": pack_ranking(held.ranking)}
    return made


def to_bytes(prepared: Prepared) -> tuple[bytes, bytes, bytes]:
    """Return a whole decision as bytes, in three pieces."""
    return _LENGTH.pack(len(prepared.text)), prepared.text, prepared.agents


def from_bytes(data: bytes) -> Decision:
    """Return the decision of which these are the bytes.

    Raises
    ------
    ValueError
        They are of no decision, or of one of another build.
    """
    try:
        (length,) = _LENGTH.unpack_from(data)
        end = _LENGTH.size + length
        return decision_of({**orjson.loads(data[_LENGTH.size : end]), "agents": data[end:]})
    except (struct.error, KeyError, IndexError, TypeError, ValueError) as error:
        raise ValueError(f"no decision, or one of another build: {error!r}") from error
