"""What the memory says of callers -> protobuf messages; the only place where this is done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from simpatico.profiles.operations import Erasure
from simpatico.profiles.page import render
from simpatico.profiles.records import CallerProfile, Consent
from simpatico.v1 import caller_service_pb2 as pb

__all__ = ["consent_to_proto", "export_to_proto", "profile_to_proto", "receipt_to_proto"]

_CONSENT = {
    Consent.UNKNOWN: pb.CONSENT_UNKNOWN,
    Consent.GRANTED: pb.CONSENT_GRANTED,
    Consent.OBJECTED: pb.CONSENT_OBJECTED,
}


def consent_to_proto(consent: Consent) -> pb.Consent.ValueType:
    """Return the enum's value."""
    return _CONSENT[consent]


def profile_to_proto(profile: CallerProfile) -> pb.GetCallerResponse:
    """Return what is known of a caller."""
    axes = [pb.ProfileAxis(name=name, mean=axis.mean, sd=axis.sd, calls=axis.calls) for name, axis in sorted(profile.axes.items())]
    return pb.GetCallerResponse(
        consent=consent_to_proto(profile.consent),
        notice_id=profile.notice_id or "",
        calls=profile.calls,
        model=profile.model,
        axes=axes,
        reasons=dict(profile.habits.reasons),
    )


def export_to_proto(held: Mapping[str, Any]) -> pb.ExportCallerResponse:
    """Return an export as a document and as a page."""
    return pb.ExportCallerResponse(json=json.dumps(held, ensure_ascii=False, allow_nan=False), html=render(held))


def receipt_to_proto(erasure: Erasure) -> pb.Receipt:
    """Return the proof of an erasure: nothing in it leads to the caller."""
    receipt = erasure.receipt
    return pb.Receipt(
        receipt_id=receipt.receipt_id,
        at_s=receipt.at_s,
        rows=dict(receipt.rows),
        audit_entry=receipt.entry,
        spooled=erasure.spooled,
        scrubbed=erasure.scrubbed,
    )
