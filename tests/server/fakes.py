"""A stand-in for the analysis chain: fast, exact about order and content of the audio, and independent of how it was cut."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from simpatico import types as t
from simpatico.server.analysis.session import CallPlan

NOTHING = t.Measure.missing(t.Reason.NO_SPEECH)
NO_INFLUENCE = t.Influence(NOTHING, NOTHING, NOTHING, NOTHING, 0)


def analysis_of(
    call_id: str, audio: t.AudioFormat, caller_channel: int | None, *, samples: int, checksum: int, final: bool, utterances: int = 1
) -> t.CallAnalysis:
    """Return an analysis that says how much audio came (``call.duration_s``) and what it was (``style.axes[0].mean`` is its CRC)."""
    roles = [t.Role.CALLER, t.Role.AGENT][: audio.channels]
    duration_s = samples / audio.sample_rate_hz
    party = t.PartyTurns(NOTHING, NOTHING, 0, NOTHING, NOTHING, NOTHING, NOTHING)
    spoken = tuple(t.Utterance(roles[0], float(i), i + 0.5, turn=0) for i in range(utterances))
    return t.CallAnalysis(
        call=t.CallInfo(call_id, duration_s, audio, 8000, caller_channel, final),
        quality={role: t.ChannelQuality(role, duration_s, 0.0, NOTHING, 0.0, 1.0, "unknown", audio.codec) for role in roles},
        dialogue=t.Dialogue(
            utterances=spoken,
            turns=(),
            transfers=(),
            span_s=None,
            taking=t.TurnTaking(NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, dict.fromkeys(roles, party)),
        ),
        signals=t.Signals({role: t.PartySignals(NOTHING, NOTHING, NO_INFLUENCE) for role in roles}, t.PairSignals(NOTHING, ())),
        style=t.StyleEstimate((t.AxisEstimate("checksum", float(checksum), 1.0),), {"amiable": 1.0}, "undetermined", 0.0, None),
        model=t.ModelInfo("fake", "1", "0" * 8, "none"),
    )


class FakeAnalyzer:
    """Keeps count and CRC of the samples. ``on_feed`` is called first, to block or to fail on purpose."""

    def __init__(self, plan: CallPlan, audio: t.AudioFormat, on_feed: Callable[[str], None] | None = None) -> None:
        self._plan, self._audio, self._on_feed = plan, audio, on_feed
        self._samples, self._checksum, self._rest = 0, 0, np.zeros((0, audio.channels), np.float32)
        self._quantum = audio.sample_rate_hz // 10
        self._inside = threading.Lock()

    def feed(self, samples: NDArray[np.float32]) -> list[t.CallAnalysis]:
        """Take float32 [n, channels]; return the interim results that are due."""
        assert samples.dtype == np.float32
        assert samples.shape[1] == self._audio.channels
        assert self._inside.acquire(blocking=False), "two threads in one call"
        try:
            if self._on_feed is not None:
                self._on_feed(self._plan.call_id)
            rest = np.concatenate([self._rest, samples])
            interims = []
            while len(rest) >= self._quantum:
                self._take(rest[: self._quantum])
                rest = rest[self._quantum :]
                period_s = self._plan.interim_period_s
                if period_s is not None and self._samples % round(period_s * self._audio.sample_rate_hz) == 0:
                    interims.append(self._result(final=False))
            self._rest = rest
            return interims
        finally:
            self._inside.release()

    @property
    def shared_variance(self) -> dict[str, float]:
        """Of the one axis."""
        return {"checksum": 1.0}

    def finish(self) -> t.CallAnalysis:
        """Return the final result."""
        self._take(self._rest)
        return self._result(final=True)

    def _take(self, samples: NDArray[np.float32]) -> None:
        self._samples += len(samples)
        self._checksum = zlib.crc32(np.ascontiguousarray(samples).tobytes(), self._checksum)

    def _result(self, *, final: bool) -> t.CallAnalysis:
        return analysis_of(
            self._plan.call_id, self._audio, self._plan.caller_channel, samples=self._samples, checksum=self._checksum, final=final
        )


def expected_final(call_id: str, samples: NDArray[np.float32], audio: t.AudioFormat, caller_channel: int | None = 0) -> t.CallAnalysis:
    """Return what a call of these samples [n, channels] must end with."""
    checksum = zlib.crc32(np.ascontiguousarray(samples, dtype=np.float32).tobytes())
    return analysis_of(call_id, audio, caller_channel, samples=len(samples), checksum=checksum, final=True)
