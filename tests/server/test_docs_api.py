"""The page on the API names everything that the API has."""

from __future__ import annotations

from pathlib import Path

from simpatico.audio import ENCODINGS
from simpatico.server.status import _TABLE
from simpatico.v1 import analysis_service_pb2 as pb

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "api.md").read_text("utf-8")
NOT_SAID = {"LISTEN", "MISSING_PACKAGE", "OUTPUT", "REMOTE"}
"""Errors that no client of the service can see."""


def test_every_method_is_documented() -> None:
    methods = [method.name for service in pb.DESCRIPTOR.services_by_name.values() for method in service.methods]
    assert [name for name in methods if f"`{name}`" not in PAGE] == []


def test_every_answer_and_request_is_documented() -> None:
    for message in (pb.StreamAnalyzeRequest, pb.StreamAnalyzeResponse):
        assert [field.name for field in message.DESCRIPTOR.fields if field.name not in PAGE] == []


def test_every_fault_is_documented_with_its_status() -> None:
    lines = PAGE.splitlines()
    for code, reason in _TABLE.values():
        if reason not in NOT_SAID:
            assert [line for line in lines if line.startswith(f"| {code.name} |") and f"`{reason}`" in line], reason


def test_every_encoding_is_documented() -> None:
    assert [name for name in ENCODINGS if f"`{name}`" not in PAGE] == []
