"""The page on the API names everything that the API has."""

from __future__ import annotations

from pathlib import Path

from simpatico.audio import ENCODINGS
from simpatico.server.access.methods import MAY_CALL
from simpatico.server.access.principals import AccessRole
from simpatico.server.status import _TABLE
from simpatico.v1 import analysis_service_pb2 as pb
from simpatico.v1 import caller_service_pb2, routing_service_pb2

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "api.md").read_text("utf-8")
NOT_SAID = {"LISTEN", "MISSING_PACKAGE", "OUTPUT", "REMOTE"}
"""Errors that no client of the service can see."""


def test_every_method_is_documented() -> None:
    files = (pb.DESCRIPTOR, caller_service_pb2.DESCRIPTOR, routing_service_pb2.DESCRIPTOR)
    methods = [method.name for file in files for service in file.services_by_name.values() for method in service.methods]
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


def test_who_may_call_what_is_documented_as_it_is() -> None:
    lines = (DOCS / "operations.md").read_text("utf-8").splitlines()
    for method, rule in MAY_CALL.items():
        if method.startswith("/simpatico."):
            (line,) = [line for line in lines if line.startswith(f"| `{method.removeprefix('/simpatico.v1.')}` |")]
            cells = [cell.strip() for cell in line.split("|")[2:-1]]
            assert {role for role, cell in zip(AccessRole, cells, strict=True) if cell == "yes"} == rule, method
