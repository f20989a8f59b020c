"""How fast the audio of one call may come: a token bucket in seconds of audio. No clock of its own."""

from __future__ import annotations

import math

from simpatico.errors import RateLimitError
from simpatico.server.analysis.attention import Moment

__all__ = ["RateGate"]


class RateGate:
    """Lets through `factor` seconds of audio per second of time, and `burst_s` at once on top.

    What was earned while the stream was not read is kept beyond the burst, because what came meanwhile comes at once. Over any time from
    the start, no more than `factor` times that time and `burst_s` pass all the same.

    Parameters
    ----------
    factor
        Times real time; infinity lets everything through.
    burst_s
        Seconds of audio that may come at once.
    at
        Time at the start.
    """

    def __init__(self, factor: float, burst_s: float, at: Moment) -> None:
        self._factor = factor
        self._burst_s = burst_s
        self._credit_s = burst_s
        self._at = at

    def take(self, audio_s: float, at: Moment) -> None:
        """Spend credit for a chunk.

        Raises
        ------
        RateLimitError
            There is not enough; the message says when there will be.
        """
        if math.isinf(self._factor):
            return
        self.settle(at)
        if audio_s > self._credit_s:
            wait_s = (audio_s - self._credit_s) / self._factor
            raise RateLimitError(
                f"{audio_s:.3g} s of audio came where {self._credit_s:.3g} s were left: this deployment takes {self._factor:g} times real "
                f"time and "
                f"{self._burst_s:g} s at once on top; send it {wait_s:.3g} s later",
                field="audio.chunks.data",
                retry_after_s=wait_s if audio_s <= self._burst_s else None,
            )
        self._credit_s -= audio_s

    def settle(self, at: Moment) -> None:
        """Count what was earned until now, up to the burst: what comes later may be saved."""
        self._refill(at, max(self._burst_s, self._credit_s))

    def save(self, at: Moment) -> None:
        """Keep all that was earned until now, beyond the burst: a pause may be bridged by as much silence as it lasted."""
        self._refill(at, math.inf)

    def _refill(self, at: Moment, cap_s: float) -> None:
        """Add what was earned, what was earned under attention up to ``cap_s``."""
        passed_s = max(0.0, at.now_s - self._at.now_s)
        attended_s = min(passed_s, max(0.0, at.attended_s - self._at.attended_s))
        self._credit_s = min(cap_s, self._credit_s + attended_s * self._factor) + (passed_s - attended_s) * self._factor
        self._at = Moment(max(at.now_s, self._at.now_s), at.attended_s)
