"""What is kept of a call <-> JSON values, as its row and a spool hold them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from simpatico.profiles.fusion import AxisEvidence
from simpatico.profiles.habits import CallTime
from simpatico.profiles.records import CallRecord

__all__ = ["pack_record", "unpack_record"]


def pack_record(record: CallRecord) -> dict[str, Any]:
    """Return the record by columns of its table. JSON has no infinity: a shared variance of inf is None."""
    style = {
        name: [e.shift, e.information, e.shared_variance if math.isfinite(e.shared_variance) else None] for name, e in record.style.items()
    }
    return {
        "call_id": record.call_id,
        "started_at_s": float(record.started_at_s),
        "weekday": record.time.weekday,
        "hour": record.time.hour,
        "reason": record.reason,
        "notice_id": record.notice_id,
        "duration_s": float(record.duration_s),
        "speech_s": float(record.speech_s),
        "model": record.model,
        "style": style,
        "figures": dict(record.figures),
    }


def unpack_record(packed: Mapping[str, Any]) -> CallRecord:
    """Return what `pack_record` packed. Raises RequestError when a value is out of its range."""
    return CallRecord(
        call_id=packed["call_id"],
        started_at_s=packed["started_at_s"],
        time=CallTime(packed["weekday"], packed["hour"]),
        reason=packed["reason"],
        duration_s=packed["duration_s"],
        speech_s=packed["speech_s"],
        model=packed["model"],
        style={
            name: AxisEvidence(shift, information, math.inf if shared is None else shared)
            for name, (shift, information, shared) in packed["style"].items()
        },
        figures=packed["figures"],
        notice_id=packed["notice_id"],
    )
