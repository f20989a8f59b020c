"""What a client is told of whether a named caller's call was kept. Apart from what keeps it, which loads the database: a service without
one says it too."""

from __future__ import annotations

from dataclasses import dataclass

from simpatico.profiles.texts import NotKept
from simpatico.v1 import analysis_service_pb2 as pb

__all__ = ["NO_DATABASE", "Keeping"]


@dataclass(frozen=True, slots=True)
class Keeping:
    """Whether a named caller's call was kept, None while that is not known, and why not."""

    kept: bool | None
    reason: NotKept | None = None

    def say(self, message: pb.Final | pb.AnalyzeRecordingResponse) -> None:
        """Put it into a message."""
        if self.kept is not None:
            message.kept = self.kept
        if self.reason is not None:
            message.not_kept_reason = self.reason


NO_DATABASE = Keeping(kept=False, reason=NotKept.NO_DATABASE)
