"""The table from exceptions to status: complete, and said alike in both shapes."""

from __future__ import annotations

import inspect

import grpc
import pytest

from simpatico import errors
from simpatico.errors import DrainingError, RateLimitError, SequenceError, SimpaticoError
from simpatico.server.status import FAULTS, MAX_MESSAGE, call_error, fault_of, remote_error, rpc_status

EVERY_ERROR = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, SimpaticoError)]


def made(kind: type[SimpaticoError]) -> SimpaticoError:
    """Return an error of the kind."""
    more = {"status": "UNKNOWN"} if kind is errors.RemoteError else {}
    return kind("what came, and what would work", field="a.b", **more)


def test_every_error_has_its_own_line() -> None:
    assert set(EVERY_ERROR) == set(FAULTS)
    reasons = [fault_of(made(kind)).reason for kind in EVERY_ERROR]
    assert len(set(reasons)) == len(reasons)


@pytest.mark.parametrize("kind", EVERY_ERROR)
def test_both_shapes_say_the_same(kind: type[SimpaticoError]) -> None:
    error = made(kind)
    if isinstance(error, errors.LimitError):
        error.retry_after_s = 1.25
    code, message, ((key, details),) = rpc_status(error)
    assert key == "grpc-status-details-bin"
    remote = remote_error(code, message, details)
    in_stream = call_error("id", error).error
    assert (remote.status, remote.reason, str(remote), remote.field) == (in_stream.status, in_stream.reason, in_stream.message, "a.b")
    assert in_stream.violations[0].field == "a.b"
    assert remote.retry_after_s == (in_stream.retry_after_s if in_stream.HasField("retry_after_s") else None)
    assert (remote.retry_after_s is not None) == isinstance(error, errors.LimitError | DrainingError)


def test_of_a_defect_nothing_is_told() -> None:
    fault = fault_of(KeyError("secret"))
    assert (fault.code, fault.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "secret" not in fault.message


def test_a_subclass_without_a_line_has_that_of_its_parent() -> None:
    class OddGapError(SequenceError):
        pass

    assert fault_of(OddGapError("x")).reason == "SEQUENCE"


def test_long_messages_fit_into_a_header() -> None:
    _, message, ((_, details),) = rpc_status(RateLimitError("x" * 100_000, field="f"))
    assert len(message) == MAX_MESSAGE
    assert len(details) < 4096


def test_a_status_without_details_is_an_error_too() -> None:
    error = remote_error(grpc.StatusCode.UNAVAILABLE, "gone", None)
    assert (error.status, error.reason, str(error)) == ("UNAVAILABLE", "", "gone")
