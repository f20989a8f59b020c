"""The only table from exceptions to gRPC status, and the two shapes in which a client sees a fault.

A fault of one call on a shared stream is a ``CallError`` message; a fault of a whole stream or upload is an RPC status with google.rpc
details. Both say the
same: a status, a reason in capitals for programs, a sentence for people, the field at fault, and when to try again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from simpatico import errors as e
from simpatico.v1 import analysis_service_pb2 as pb

__all__ = ["DETAILS_KEY", "DOMAIN", "FAULTS", "Fault", "call_error", "fault_of", "remote_error", "rpc_status"]

DOMAIN = "simpatico"
DETAILS_KEY = "grpc-status-details-bin"
MAX_MESSAGE = 1000
"""Characters of a message; gRPC sends it in a header, and headers are limited to 8 KiB by default."""
DRAIN_RETRY_S = 1.0
"""After a drain another process of the deployment is there at once; a second spreads the reconnections."""

_Code = grpc.StatusCode
_TABLE: Final[dict[type[e.SimpaticoError], tuple[grpc.StatusCode, str]]] = {
    e.SimpaticoError: (_Code.INTERNAL, "INTERNAL"),
    e.AudioError: (_Code.INVALID_ARGUMENT, "AUDIO"),
    e.UnknownCodecError: (_Code.INVALID_ARGUMENT, "UNKNOWN_CODEC"),
    e.AudioFormatError: (_Code.INVALID_ARGUMENT, "AUDIO_FORMAT"),
    e.MalformedAudioError: (_Code.INVALID_ARGUMENT, "MALFORMED_AUDIO"),
    e.SequenceError: (_Code.OUT_OF_RANGE, "SEQUENCE"),
    e.AccessError: (_Code.PERMISSION_DENIED, "ACCESS"),
    e.UnauthenticatedError: (_Code.UNAUTHENTICATED, "UNAUTHENTICATED"),
    e.ForbiddenError: (_Code.PERMISSION_DENIED, "FORBIDDEN"),
    e.RequestError: (_Code.INVALID_ARGUMENT, "REQUEST"),
    e.RoutingError: (_Code.INTERNAL, "ROUTING"),
    e.NoCandidatesError: (_Code.INVALID_ARGUMENT, "NO_CANDIDATES"),
    e.UnknownAgentError: (_Code.NOT_FOUND, "UNKNOWN_AGENT"),
    e.OutcomeError: (_Code.INVALID_ARGUMENT, "OUTCOME"),
    e.ModelStateError: (_Code.INTERNAL, "MODEL_STATE"),
    e.ScheduleError: (_Code.INVALID_ARGUMENT, "SCHEDULE"),
    e.SessionError: (_Code.FAILED_PRECONDITION, "SESSION"),
    e.UnknownCallError: (_Code.FAILED_PRECONDITION, "UNKNOWN_CALL"),
    e.DuplicateCallError: (_Code.ALREADY_EXISTS, "DUPLICATE_CALL"),
    e.IdleTimeoutError: (_Code.DEADLINE_EXCEEDED, "IDLE_TIMEOUT"),
    e.LimitError: (_Code.RESOURCE_EXHAUSTED, "LIMIT"),
    e.MessageTooLargeError: (_Code.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE"),
    e.RateLimitError: (_Code.RESOURCE_EXHAUSTED, "RATE_LIMIT"),
    e.SessionLimitError: (_Code.RESOURCE_EXHAUSTED, "SESSION_LIMIT"),
    e.SlowWatcherError: (_Code.RESOURCE_EXHAUSTED, "SLOW_WATCHER"),
    e.StreamTooLongError: (_Code.RESOURCE_EXHAUSTED, "STREAM_TOO_LONG"),
    e.DrainingError: (_Code.UNAVAILABLE, "DRAINING"),
    e.ConfigError: (_Code.INVALID_ARGUMENT, "OPTION"),
    e.BundleError: (_Code.FAILED_PRECONDITION, "BUNDLE"),
    e.BundleNotFoundError: (_Code.NOT_FOUND, "BUNDLE_NOT_FOUND"),
    e.BundleMismatchError: (_Code.FAILED_PRECONDITION, "BUNDLE_MISMATCH"),
    e.ProfileError: (_Code.FAILED_PRECONDITION, "PROFILE"),
    e.ConsentError: (_Code.FAILED_PRECONDITION, "CONSENT"),
    e.UnknownCallerError: (_Code.NOT_FOUND, "UNKNOWN_CALLER"),
    e.UnknownDecisionError: (_Code.NOT_FOUND, "UNKNOWN_DECISION"),
    e.RequestConflictError: (_Code.ALREADY_EXISTS, "REQUEST_CONFLICT"),
    e.KeyRingError: (_Code.FAILED_PRECONDITION, "KEY_RING"),
    e.AuditError: (_Code.DATA_LOSS, "AUDIT"),
    e.DatabaseAwayError: (_Code.UNAVAILABLE, "DATABASE_AWAY"),
    e.DatabaseVersionError: (_Code.FAILED_PRECONDITION, "DATABASE_VERSION"),
    e.CoreError: (_Code.INTERNAL, "CORE"),
    # These arise where there is no client to tell, or in the client itself.
    e.ListenError: (_Code.INTERNAL, "LISTEN"),
    e.RemoteError: (_Code.UNKNOWN, "REMOTE"),
    e.MissingPackageError: (_Code.INTERNAL, "MISSING_PACKAGE"),
    e.OutputError: (_Code.INTERNAL, "OUTPUT"),
}
FAULTS: Final = frozenset(_TABLE)
"""Exceptions that have a status of their own; a test holds that against the tree in ``simpatico.errors``."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What a client is told. ``field`` and ``retry_after_s`` may be empty and None."""

    code: grpc.StatusCode
    reason: str
    message: str
    field: str
    retry_after_s: float | None


def fault_of(error: BaseException) -> Fault:
    """Return what to tell the client; of a defect of ours no more than that there is one."""
    if not isinstance(error, e.SimpaticoError):
        return Fault(_Code.INTERNAL, "INTERNAL", "the service failed on this request; its log has the cause", "", None)
    code, reason = next(_TABLE[kind] for kind in type(error).__mro__ if kind in _TABLE)
    retry_after_s = error.retry_after_s if isinstance(error, e.LimitError) else None
    if isinstance(error, e.DrainingError):
        retry_after_s = DRAIN_RETRY_S
    return Fault(code, reason, str(error)[:MAX_MESSAGE], error.field, retry_after_s)


def call_error(call_id: str, error: BaseException) -> pb.StreamAnalyzeResponse:
    """Return the message that ends one call and leaves the stream alone."""
    fault = fault_of(error)
    violations = [pb.FieldViolation(field=fault.field, description=fault.message)] if fault.field else []
    message = pb.CallError(
        status=fault.code.name, reason=fault.reason, message=fault.message, violations=violations, retry_after_s=fault.retry_after_s
    )
    return pb.StreamAnalyzeResponse(call_id=call_id, error=message)


def rpc_status(error: BaseException) -> tuple[grpc.StatusCode, str, tuple[tuple[str, bytes], ...]]:
    """Return code, message and trailing metadata that end an RPC."""
    fault = fault_of(error)
    status = status_pb2.Status(code=fault.code.value[0], message=fault.message)
    status.details.add().Pack(error_details_pb2.ErrorInfo(domain=DOMAIN, reason=fault.reason))
    if fault.field:
        violation = error_details_pb2.BadRequest.FieldViolation(field=fault.field, description=fault.message)
        status.details.add().Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    if fault.retry_after_s is not None:
        delay = Duration()
        delay.FromNanoseconds(round(fault.retry_after_s * 1e9))
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    return fault.code, fault.message, ((DETAILS_KEY, status.SerializeToString()),)


def remote_error(code: grpc.StatusCode, message: str, details: bytes | None) -> e.RemoteError:
    """Return the error that a client raises for an RPC that ended with a status; the inverse of `rpc_status`."""
    reason, field, retry_after_s = "", "", None
    status = status_pb2.Status.FromString(details) if details else status_pb2.Status()
    for detail in status.details:
        info, request, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(request) and request.field_violations:
            field = request.field_violations[0].field
        elif detail.Unpack(retry):
            retry_after_s = retry.retry_delay.ToNanoseconds() / 1e9
    return e.RemoteError(message, status=code.name, reason=reason, field=field, retry_after_s=retry_after_s)
