"""Types to protobuf and back: exact, in order, over the wire."""

from __future__ import annotations

import dataclasses
import struct
import typing
from dataclasses import replace

import pytest
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import HealthCheck, given, settings

from simpatico import types as t
from simpatico.errors import RemoteError
from simpatico.reports import to_json
from simpatico.server.analysis.convert import analysis_from_proto, analysis_to_proto
from simpatico.v1 import analysis_pb2 as pb
from tests.server import analyses
from tests.server.fakes import analysis_of

PLAIN = analysis_of("call", t.AudioFormat(8000, 2, "mulaw"), 0, samples=8000, checksum=7, final=True, utterances=2)


def bits(analysis: t.CallAnalysis) -> list[object]:
    """Return all leaves in order, floats as their bytes, so that 0.0 and -0.0 differ and mappings have an order."""

    def walk(value: object) -> typing.Iterator[object]:
        if dataclasses.is_dataclass(value):
            for item in dataclasses.fields(value):
                yield from walk(getattr(value, item.name))
        elif isinstance(value, dict):
            for key, item in value.items():
                yield key
                yield from walk(item)
        elif isinstance(value, tuple):
            yield len(value)
            for item in value:
                yield from walk(item)
        else:
            yield struct.pack("<d", value) if isinstance(value, float) else value

    return list(walk(analysis))


def keyed_as_in_service(analysis: t.CallAnalysis) -> t.CallAnalysis:
    """Return the analysis; in a real one the key of a quality is its role."""
    return replace(analysis, quality={q.role: q for q in analysis.quality.values()})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(analyses.analyses)
def test_every_analysis_survives_the_wire_bit_for_bit(analysis: t.CallAnalysis) -> None:
    message = pb.CallAnalysis.FromString(analysis_to_proto(analysis).SerializeToString())
    assert bits(analysis_from_proto(message)) == bits(keyed_as_in_service(analysis))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(analyses.analyses)
def test_without_lists_only_lists_are_missing(analysis: t.CallAnalysis) -> None:
    short = analysis_from_proto(analysis_to_proto(analysis, lists=False))
    empty = replace(analysis, dialogue=replace(analysis.dialogue, utterances=(), turns=(), transfers=()))
    assert bits(short) == bits(keyed_as_in_service(empty))


def test_the_document_of_what_arrived_is_the_document_of_what_was_sent() -> None:
    assert to_json(analysis_from_proto(analysis_to_proto(PLAIN))) == to_json(PLAIN)


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda m: setattr(m.quality[0], "role", pb.ROLE_UNSPECIFIED), "0"),
        (lambda m: setattr(m.dialogue.utterances[0], "kind", 9), "9"),
        (lambda m: setattr(m.quality[0].snr_db, "reason", "too_loud"), "too_loud"),
        (lambda m: m.quality[0].ClearField("snr_db"), "either a value or a reason"),
        (lambda m: setattr(m.quality[0].snr_db, "value", 1.0), "either a value or a reason"),
    ],
)
def test_what_is_not_known_is_refused(spoil: typing.Callable[[pb.CallAnalysis], None], named: str) -> None:
    message = analysis_to_proto(PLAIN)
    spoil(message)
    with pytest.raises(RemoteError, match=f"does not know .*{named}"):
        analysis_from_proto(message)


def test_the_proto_mirrors_the_types_and_is_double_throughout() -> None:
    """Every field of every dataclass of the result has a field of the same name; no float, only double."""
    aside = {"PartyTurns": {"role"}, "PartySignals": {"role"}}
    for descriptor in pb.DESCRIPTOR.message_types_by_name.values():
        for field in descriptor.fields:
            assert field.type != FieldDescriptor.TYPE_FLOAT, field.full_name
        kind = getattr(t, descriptor.name, None)
        if kind is None:
            assert descriptor.name in {"Span", "Contribution", "LabelProbability"}
            continue
        fields = {f.name for f in dataclasses.fields(kind)}
        renamed = {"span" if name == "span_s" else name for name in fields}
        assert renamed == {f.name for f in descriptor.fields} - aside.get(descriptor.name, set()), descriptor.name


def test_every_reason_is_documented_in_the_proto() -> None:
    from pathlib import Path

    text = (Path(__file__).resolve().parents[2] / "proto/simpatico/v1/analysis.proto").read_text("utf-8")
    assert [reason for reason in t.Reason if reason.value not in text] == []
