"""How fast the audio of one call may come: a token bucket in seconds of audio. No clock of its own."""

from __future__ import annotations

import math

from simpatico.errors import RateLimitError

__all__ = ["RateGate"]


class RateGate:
    """Lets through `factor` seconds of audio per second of time, and `burst_s` at once on top.

    Parameters
    ----------
    factor
        Times real time; infinity lets everything through.
    burst_s
        Seconds of audio that may come at once.
    now_s
        Time at the start, seconds of any monotonic clock.
    """

    def __init__(self, factor: float, burst_s: float, now_s: float) -> None:
        self._factor = factor
        self._burst_s = burst_s
        self._credit_s = burst_s
        self._at_s = now_s

    def take(self, audio_s: float, now_s: float) -> None:
        """Spend credit for a chunk.

        Raises
        ------
        RateLimitError
            There is not enough; the message says when there will be.
        """
        if math.isinf(self._factor):
            return
        self.settle(now_s)
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

    def settle(self, now_s: float) -> None:
        """Count what was earned until now, up to the burst: what comes later may be saved."""
        self._refill(now_s, max(self._burst_s, self._credit_s))

    def save(self, now_s: float) -> None:
        """Keep all that was earned until now, beyond the burst: a pause may be bridged by as much silence as it lasted."""
        self._refill(now_s, math.inf)

    def _refill(self, now_s: float, cap_s: float) -> None:
        earned_s = max(0.0, now_s - self._at_s) * self._factor
        self._credit_s = min(cap_s, self._credit_s + earned_s)
        self._at_s = max(self._at_s, now_s)
