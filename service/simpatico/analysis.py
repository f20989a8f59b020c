"""Composes the chain: samples of a call in, its analysis out. No maths of its own, no I/O, no clock.

How samples are cut into ``feed`` calls never changes a result: they are gathered into quanta of fixed length, so everything behind sees
the same sequence of calls whatever the chunking was. Interim results are given at fixed times of the call for the same reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simpatico.audio import QualityMeter, StreamResampler, analysis_rate_hz, check_samples, codec_family, roles
from simpatico.core import INDEX, FrameExtractor
from simpatico.errors import ConfigError, MalformedAudioError, UnknownCallError
from simpatico.signals import SURROGATES, AudioKind, measure
from simpatico.style import AxisPrior, Bundle, style_features
from simpatico.turns import ChannelTracker, dialogue
from simpatico.types import AudioFormat, CallAnalysis, CallInfo, ChannelQuality, ChannelSpeech, Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from simpatico.types import Dialogue, Measure, Signals, StyleEstimate, Utterance

__all__ = ["AnalysisOptions", "CallAnalyzer"]

MAX_QUANTUM_S = 5.0
"""Audio is taken in steps of the interim period, but no longer than this: nobody sees a result in between, and fewer, longer calls into
NumPy cost less: with steps of 0.1 s a live call cost four times as much."""
MIN_INTERIM_PERIOD_S = 0.1
"""Shorter periods would tell nothing new: the speech detector looks 0.3 s ahead."""
NARROW_RATE_HZ = 8000
"""The analysis rate of narrow-band audio."""


@dataclass(frozen=True, slots=True)
class AnalysisOptions:
    """What a caller of the analysis may choose.

    Attributes
    ----------
    interim_period_s
        Seconds of call time between interim results, at least 0.1; None for none.
    seed
        Seed of the surrogates of influence and entrainment.
    surrogates
        How many surrogates, at least 20 (the smallest p-value is 1 / (surrogates + 1)).
    prior
        The caller's profile, by axis name; None without one.
    """

    interim_period_s: float | None = 1.0
    seed: int = 0
    surrogates: int = SURROGATES
    prior: Mapping[str, AxisPrior] | None = None

    def __post_init__(self) -> None:
        if self.interim_period_s is not None and not self.interim_period_s >= MIN_INTERIM_PERIOD_S:
            raise ConfigError(
                f"interim_period_s is {self.interim_period_s!r}; use {MIN_INTERIM_PERIOD_S} or more, or None for none",
                field="interim_period_s",
            )
        if self.surrogates < 20:
            raise ConfigError(f"surrogates is {self.surrogates}; use 20 or more", field="surrogates")


@dataclass(frozen=True, slots=True, eq=False)
class _Findings:
    """What follows from who spoke when: it stays until somebody has spoken on, or the audio turns out to be of another kind."""

    heard: Mapping[Role, tuple[Utterance, ...]]
    kind: AudioKind
    dialogue: Dialogue
    signals: Signals
    features: Mapping[str, Measure]
    style: StyleEstimate

    def hold_for(self, speech: Mapping[Role, ChannelSpeech], kind: AudioKind) -> bool:
        """Whether nothing of what they rest on has changed; trackers hand out the same utterances until there are others."""
        return kind == self.kind and all(channel.utterances is self.heard[role] for role, channel in speech.items())


class _Channel:
    """One channel's way from samples to utterances and quality flags."""

    def __init__(self, role: Role, audio: AudioFormat, rate_hz: int) -> None:
        self.role = role
        self._extractor = FrameExtractor(rate_hz)
        self._tracker = ChannelTracker(role, rate_hz)
        self._quality = QualityMeter(audio.sample_rate_hz, audio.codec)
        self._level_db = np.zeros(0, np.float32)  # of frames whose speech flag is still to come

    def hear(self, samples: NDArray[np.float32]) -> None:
        """Take samples as they entered, for the quality flags."""
        self._quality.update_samples(samples)

    def push(self, samples: NDArray[np.float32]) -> None:
        """Take samples [n] at the analysis rate."""
        frames = self._extractor.push(samples)
        self._decided(frames, self._tracker.push(samples, frames))

    def finish(self) -> None:
        """Declare the end; frames and speech flags that were held back come now."""
        frames = self._extractor.finish()
        self._decided(frames, self._tracker.push(np.zeros(0, np.float32), frames))
        self._decided(frames[:0], self._tracker.finish())

    def speech(self) -> ChannelSpeech:
        return self._tracker.snapshot()

    def quality(self) -> ChannelQuality:
        return self._quality.result(self.role)

    def _decided(self, frames: NDArray[np.float32], speech: NDArray[np.bool_]) -> None:
        level_db = np.concatenate([self._level_db, frames[:, INDEX["rms_dbfs"]]])
        self._quality.update_speech(level_db[: len(speech)], speech)
        self._level_db = level_db[len(speech) :]


class CallAnalyzer:
    """Analyses one call as a stream: ``feed`` any number of times, then ``finish`` once.

    Parameters
    ----------
    call_id
        Name of the call in the result.
    audio
        Format of the samples: 8000 to 192000 Hz, one or two channels.
    caller_channel
        Index of the caller's channel; None when a lone channel is the agent's.
    bundle
        The model bundle.
    options
        See :class:`AnalysisOptions`.

    Raises
    ------
    AudioFormatError
        When rate, channel count or ``caller_channel`` is out of range.

    Notes
    -----
    Memory does not grow with the length of the call, but for one record per utterance. One analyzer serves one thread at a time.
    """

    def __init__(
        self,
        call_id: str,
        audio: AudioFormat,
        caller_channel: int | None,
        bundle: Bundle,
        options: AnalysisOptions | None = None,
    ) -> None:
        self._call_id = call_id
        self._audio = audio
        self._caller_channel = caller_channel
        self._bundle = bundle
        self._options = options or AnalysisOptions()
        self._rate_hz = analysis_rate_hz(audio.sample_rate_hz)
        self._codec_family = codec_family(audio.codec)
        self._resampler = StreamResampler(audio.sample_rate_hz, self._rate_hz, audio.channels)
        self._channels = [(index, _Channel(role, audio, self._rate_hz)) for role, index in roles(audio.channels, caller_channel).items()]
        period_s = self._options.interim_period_s
        self._interim_quanta = None if period_s is None else math.ceil(period_s / MAX_QUANTUM_S)
        # Rounded down, so that an interim result is never later than asked for.
        self._quantum = int((period_s or MAX_QUANTUM_S) / (self._interim_quanta or 1) * audio.sample_rate_hz)
        self._rest = np.empty((self._quantum, audio.channels), np.float32)
        self._held = 0  # samples of it
        self._quanta = 0
        self._taken = 0
        self._finished = False
        self._findings: _Findings | None = None

    @property
    def shared_variance(self) -> dict[str, float]:
        """How much of each style axis' error, as of the latest result, other calls of the caller have too: the norms' own, SD squared; see
        `Bundle.shared_variance`. inf for an axis of which nothing is known."""
        if self._findings is None:
            return dict.fromkeys(self._bundle.axes, math.inf)
        return self._bundle.shared_variance(self._findings.features, kind=self._findings.kind)

    @property
    def duration_s(self) -> float:
        """Seconds of audio fed so far."""
        return (self._taken + self._held) / self._audio.sample_rate_hz

    def feed(self, samples: NDArray[np.float32]) -> list[CallAnalysis]:
        """Take samples and return the interim results that became due.

        Parameters
        ----------
        samples
            float32 [n, channels], full scale 1, any n.

        Raises
        ------
        MalformedAudioError
            When the shape is wrong or a sample is not finite. Nothing of it was taken.
        UnknownCallError
            After ``finish``.
        """
        self._check(samples)
        interims = []
        while len(samples):
            missing = self._quantum - self._held
            part, samples = samples[:missing], samples[missing:]
            self._rest[self._held : self._held + len(part)] = part
            self._held += len(part)
            if self._held < self._quantum:
                break
            self._take(self._rest)
            self._held = 0
            self._quanta += 1
            if self._interim_quanta is not None and self._quanta % self._interim_quanta == 0:
                interims.append(self.snapshot())
        return interims

    def finish(self) -> CallAnalysis:
        """Declare the end of the call and return the final result.

        Raises
        ------
        UnknownCallError
            When called twice.
        """
        if self._finished:
            raise UnknownCallError(f"call {self._call_id!r} has ended already; start a new one")
        self._take(self._rest[: self._held])
        self._held = 0
        self._push(self._resampler.finish())
        for _, channel in self._channels:
            channel.finish()
        self._finished = True
        return self.snapshot()

    def snapshot(self) -> CallAnalysis:
        """Return what is known now; the call goes on as if it had not been asked."""
        speech = {channel.role: channel.speech() for _, channel in self._channels}
        quality = {channel.role: channel.quality() for _, channel in self._channels}
        findings = self._found(speech, AudioKind(_bandwidth(quality, self._rate_hz), self._codec_family))
        return CallAnalysis(
            call=CallInfo(
                self._call_id,
                self._taken / self._audio.sample_rate_hz,
                self._audio,
                self._rate_hz,
                self._caller_channel,
                self._finished,
            ),
            quality=quality,
            dialogue=findings.dialogue,
            signals=findings.signals,
            style=findings.style,
            model=self._bundle.info,
        )

    def _found(self, speech: Mapping[Role, ChannelSpeech], kind: AudioKind) -> _Findings:
        if self._findings is None or not self._findings.hold_for(speech, kind):
            options = self._options
            talk = dialogue(speech.get(Role.CALLER), speech.get(Role.AGENT))
            signals = measure(talk, speech, kind, self._bundle.norms, seed=options.seed, surrogates=options.surrogates)
            features = style_features(talk, speech, signals)
            style = self._bundle.estimate(features, kind=kind, prior=options.prior)
            heard = {role: channel.utterances for role, channel in speech.items()}
            self._findings = _Findings(heard, kind, talk, signals, features, style)
        return self._findings

    def _check(self, samples: NDArray[np.float32]) -> None:
        if self._finished:
            raise UnknownCallError(f"call {self._call_id!r} has ended; start a new one")
        if samples.ndim != 2 or samples.shape[1] != self._audio.channels or samples.dtype != np.float32:
            raise MalformedAudioError(
                f"samples must be float32 of shape [n, {self._audio.channels}], got {samples.dtype} of shape {list(samples.shape)}"
            )
        check_samples(samples, first=self._taken + self._held)

    def _take(self, samples: NDArray[np.float32]) -> None:
        for index, channel in self._channels:
            channel.hear(np.ascontiguousarray(samples[:, index]))
        self._taken += len(samples)
        self._push(self._resampler.push(samples))

    def _push(self, samples: NDArray[np.float32]) -> None:
        for index, channel in self._channels:
            channel.push(np.ascontiguousarray(samples[:, index]))


def _bandwidth(quality: Mapping[Role, ChannelQuality], rate_hz: int) -> str:
    """Bandwidth that norms are looked up by: the caller's, else the agent's; while it is unknown, what the rate allows."""
    known = quality.get(Role.CALLER) or quality[Role.AGENT]
    if known.bandwidth == "unknown":
        return "wide" if rate_hz > NARROW_RATE_HZ else "narrow"
    return known.bandwidth
