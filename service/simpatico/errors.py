"""The exceptions of Simpatico.

Every error that a user can cause says what value was received and what would work. The tree::

    SimpaticoError
    ├── AudioError                  bytes or a file that is not the audio it claims to be
    │   ├── UnknownCodecError       an encoding or container that we do not read
    │   ├── AudioFormatError        sample rate, channel count or channel index out of range
    │   ├── MalformedAudioError     truncated or corrupt data, odd byte counts, NaN or infinite samples
    │   └── SequenceError           a gap or overlap in ``first_sample``
    ├── SessionError                the order of a call's messages is wrong
    │   ├── UnknownCallError        audio or control before start, or after end
    │   ├── DuplicateCallError      a second start for one ``call_id``
    │   └── IdleTimeoutError        nothing came for longer than the deployment waits
    ├── AccessError                 a client may not do what it asks
    │   ├── UnauthenticatedError    who asks is not known
    │   └── ForbiddenError          who asks is known, and may not
    ├── RequestError                a field of a request is missing or out of range
    ├── RoutingError                routing was asked for what cannot be
    │   ├── NoCandidatesError       nobody is eligible
    │   ├── UnknownAgentError       an agent whom nobody declared, or who was not eligible
    │   ├── OutcomeError            an outcome out of range
    │   ├── ModelStateError         a stored outcome model that cannot be used
    │   └── ScheduleError           an experiment that cannot be run as described
    ├── LimitError                  a limit of the deployment was reached
    │   ├── MessageTooLargeError
    │   ├── RateLimitError          audio arrives faster than the deployment allows
    │   ├── SessionLimitError       too many calls at once
    │   ├── SlowWatcherError        who watches an agent does not read
    │   └── StreamTooLongError
    ├── BundleError                 a model bundle that cannot be used
    │   ├── BundleNotFoundError
    │   └── BundleMismatchError     its feature schema differs from what this build measures
    ├── ProfileError                the memory of callers, agents and outcomes refuses
    │   ├── ConsentError            the caller has not agreed to what was asked
    │   ├── UnknownCallerError      nothing is held of that caller
    │   ├── UnknownDecisionError    no decision of that id is held
    │   ├── RequestConflictError    a request id came again with other content
    │   ├── KeyRingError            the deployment's secrets cannot be used
    │   ├── AuditError              the audit log is not what was written
    │   ├── DatabaseAwayError       the database cannot be reached; trying again may help
    │   └── DatabaseVersionError    the database's tables are not those of this build
    ├── DrainingError               the service is stopping and takes no new calls
    ├── ListenError                 the service cannot listen where it was told to
    ├── RemoteError                 the service refused or went away, as its client sees it
    ├── ConfigError                 a setting that is unknown or out of range
    ├── MissingPackageError         an optional package that this needs is not installed
    ├── OutputError                 results cannot be written where they should go
    └── CoreError                   the C core refused a call (a defect of ours, not of the input)
"""

from __future__ import annotations

__all__ = [
    "AccessError",
    "AudioError",
    "AudioFormatError",
    "AuditError",
    "BundleError",
    "BundleMismatchError",
    "BundleNotFoundError",
    "ConfigError",
    "ConsentError",
    "CoreError",
    "DatabaseAwayError",
    "DatabaseVersionError",
    "DrainingError",
    "DuplicateCallError",
    "ForbiddenError",
    "IdleTimeoutError",
    "KeyRingError",
    "LimitError",
    "ListenError",
    "MalformedAudioError",
    "MessageTooLargeError",
    "MissingPackageError",
    "ModelStateError",
    "NoCandidatesError",
    "OutcomeError",
    "OutputError",
    "ProfileError",
    "RateLimitError",
    "RemoteError",
    "RequestConflictError",
    "RequestError",
    "RoutingError",
    "ScheduleError",
    "SequenceError",
    "SessionError",
    "SessionLimitError",
    "SimpaticoError",
    "StreamTooLongError",
    "UnauthenticatedError",
    "UnknownAgentError",
    "UnknownCallError",
    "UnknownCallerError",
    "UnknownCodecError",
    "UnknownDecisionError",
]


class SimpaticoError(Exception):
    """Root of all errors raised on purpose.

    Parameters
    ----------
    message
        One sentence for a person: the value received, and what would work.
    field
        Dotted name of the request field, option or setting at fault, or "" when none is.
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class AudioError(SimpaticoError):
    """The audio is not what it claims to be."""


class UnknownCodecError(AudioError):
    """An encoding or container that is not supported."""


class AudioFormatError(AudioError):
    """Sample rate, channel count or channel index out of range."""


class MalformedAudioError(AudioError):
    """Truncated or corrupt data."""


class SequenceError(AudioError):
    """A chunk does not start where the one before it ended."""


class SessionError(SimpaticoError):
    """The order of a call's messages is wrong."""


class UnknownCallError(SessionError):
    """A message for a call that was not started or has ended."""


class DuplicateCallError(SessionError):
    """A second start for one call."""


class IdleTimeoutError(SessionError):
    """Nothing came for longer than the deployment waits."""


class AccessError(SimpaticoError):
    """A client may not do what it asks."""


class UnauthenticatedError(AccessError):
    """Who asks is not known. Messages never repeat a token."""


class ForbiddenError(AccessError):
    """Who asks is known, and none of their roles covers it."""


class RequestError(SimpaticoError):
    """A field of a request is missing or out of range."""


class RoutingError(SimpaticoError):
    """Routing was asked for what cannot be."""


class NoCandidatesError(RoutingError):
    """Nobody is eligible."""


class UnknownAgentError(RoutingError):
    """An agent whom nobody declared, or who was not among the eligible."""


class OutcomeError(RoutingError):
    """An outcome out of range."""


class ModelStateError(RoutingError):
    """A stored outcome model that cannot be used."""


class ScheduleError(RoutingError):
    """An experiment that cannot be run as described."""


class LimitError(SimpaticoError):
    """A limit of the deployment was reached.

    Parameters
    ----------
    retry_after_s
        Seconds after which the same request may succeed, or None when it never will.
    """

    def __init__(self, message: str, *, field: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, field=field)
        self.retry_after_s = retry_after_s


class MessageTooLargeError(LimitError):
    """A message or recording over the size limit."""


class RateLimitError(LimitError):
    """Audio arrives faster than the deployment allows."""


class SessionLimitError(LimitError):
    """Too many calls are open."""


class SlowWatcherError(LimitError):
    """Who watches an agent's assignments does not read what is sent."""


class StreamTooLongError(LimitError):
    """A call lasts longer than the deployment allows."""


class BundleError(SimpaticoError):
    """A model bundle that cannot be used."""


class BundleNotFoundError(BundleError):
    """No bundle of that name and version."""


class BundleMismatchError(BundleError):
    """The bundle's feature schema differs from what this build measures."""


class ProfileError(SimpaticoError):
    """The memory of callers, agents and outcomes refuses."""


class ConsentError(ProfileError):
    """The caller has not agreed to what was asked, or has objected."""


class UnknownCallerError(ProfileError):
    """Nothing is held of that caller. Messages never repeat the key."""


class UnknownDecisionError(ProfileError):
    """No decision of that id is held."""


class RequestConflictError(ProfileError):
    """A request id came again with other content."""


class KeyRingError(ProfileError):
    """The deployment's secrets cannot be used."""


class AuditError(ProfileError):
    """The audit log is not what was written."""


class DatabaseAwayError(ProfileError):
    """The database cannot be reached; trying again may help."""


class DatabaseVersionError(ProfileError):
    """The database's tables are not those of this build."""


class DrainingError(SimpaticoError):
    """The service is stopping and takes no new calls."""


class ListenError(SimpaticoError):
    """The service cannot listen where it was told to."""


class RemoteError(SimpaticoError):
    """The service refused or went away, as its client sees it.

    Parameters
    ----------
    status
        Name of the gRPC status code, for instance "INVALID_ARGUMENT".
    reason
        The fault in capitals, for instance "SEQUENCE", or "" when the service gave none.
    retry_after_s
        Seconds after which the same request may succeed, or None.
    """

    def __init__(self, message: str, *, status: str, reason: str = "", field: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, field=field)
        self.status = status
        self.reason = reason
        self.retry_after_s = retry_after_s


class ConfigError(SimpaticoError):
    """A setting that is unknown or out of range."""


class MissingPackageError(SimpaticoError):
    """An optional package that this needs is not installed."""


class OutputError(SimpaticoError):
    """Results cannot be written where they should go."""


class CoreError(SimpaticoError):
    """The C core refused a call."""
