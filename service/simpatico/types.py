"""What crosses a layer: frozen dataclasses, with unit and range of every field.

No behaviour beyond trivial derived properties lives here, and nothing here imports more than NumPy. Times are seconds from the first
sample of the
call; a frame is 10 ms and frame ``i`` covers ``[i, i + 1) * HOP_S``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "F0_BINS_PER_ST",
    "F0_BIN_COUNT",
    "F0_REFERENCE_HZ",
    "HOP_S",
    "NO_PROSODY",
    "AudioFormat",
    "AxisEstimate",
    "CallAnalysis",
    "CallInfo",
    "ChannelQuality",
    "ChannelSpeech",
    "Dialogue",
    "Entrainment",
    "FloorTransfer",
    "Influence",
    "Measure",
    "ModelInfo",
    "PairSignals",
    "PartySignals",
    "PartyTurns",
    "Prosody",
    "Reason",
    "Role",
    "Signals",
    "StyleEstimate",
    "Turn",
    "TurnTaking",
    "Utterance",
    "UtteranceKind",
]

HOP_S = 0.010
"""Frame hop, seconds."""
F0_REFERENCE_HZ = 27.5
"""Zero of the semitone scale (A0), as in eGeMAPS (Eyben et al. 2016)."""
F0_BINS_PER_ST = 20
"""Resolution of the F0 histogram: 0.05 st, well under the just noticeable difference for speech (about 1 st, 't Hart 1981)."""
F0_BIN_COUNT = 60 * F0_BINS_PER_ST
"""0 to 60 st above 27.5 Hz is 27.5 to 880 Hz."""


class Role(StrEnum):
    """Who speaks on a channel."""

    CALLER = "caller"
    AGENT = "agent"

    @property
    def other(self) -> Role:
        """The conversation partner."""
        return Role.AGENT if self is Role.CALLER else Role.CALLER


class Reason(StrEnum):
    """Why a figure is missing. The strings are part of the JSON and gRPC contract."""

    ONE_CHANNEL = "needs_two_channels"
    NO_SPEECH = "no_speech"
    TOO_LITTLE_SPEECH = "too_little_speech"
    TOO_FEW_TURNS = "too_few_turns"
    NO_VOICED_SPEECH = "no_voiced_speech"
    NO_VARIATION = "no_variation"
    AGENT_NOT_SCORED = "agents_are_not_scored"
    NO_NORMS = "no_norms_for_this_kind_of_audio"
    NOISE_UNKNOWN = "no_silence_to_measure_noise_in"


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure with how far it can be trusted.

    ``value`` is None exactly when ``reason`` is set. ``se`` is the standard error in the unit of ``value``, None where none can be given.
    ``evidence_s`` is the seconds of speech that the figure rests on.
    """

    value: float | None
    se: float | None = None
    evidence_s: float = 0.0
    reason: Reason | None = None

    def __post_init__(self) -> None:
        if (self.value is None) == (self.reason is None):
            raise ValueError(f"a measure has either a value or a reason for its absence, got value={self.value!r}, reason={self.reason!r}")
        for name, number in (("value", self.value), ("se", self.se)):
            if number is not None and not math.isfinite(number):
                raise ValueError(f"{name} must be finite, got {number!r}; say why it is missing instead")

    @classmethod
    def missing(cls, reason: Reason, evidence_s: float = 0.0) -> Measure:
        """A figure that could not be had."""
        return cls(None, None, evidence_s, reason)


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """Format of decoded audio as it entered: rate in Hz (8000 to 192000), channel count (1 or 2), codec as declared by the sender or
    container."""

    sample_rate_hz: int
    channels: int
    codec: str


@dataclass(frozen=True, slots=True)
class CallInfo:
    """What was analysed. ``analysis_rate_hz`` is 8000 or 16000; ``caller_channel`` is an index or None when a lone channel is the
    agent's."""

    call_id: str
    duration_s: float
    format: AudioFormat
    analysis_rate_hz: int
    caller_channel: int | None
    final: bool


@dataclass(frozen=True, slots=True)
class ChannelQuality:
    """Quality flags of one channel.

    ``snr_db`` compares speech frames with non-speech frames that are not digital zero. Shares are 0 to 1 of all samples. ``bandwidth``
    is "narrow" (nothing
    above about 3.8 kHz) or "wide", and "unknown" with too little speech.
    """

    role: Role
    duration_s: float
    speech_s: float
    snr_db: Measure
    clipped_share: float
    digital_zero_share: float
    bandwidth: str
    codec: str


class UtteranceKind(StrEnum):
    """What an utterance does to the floor."""

    TURN = "turn"
    BACKCHANNEL = "backchannel"
    INTERRUPTION = "interruption"


@dataclass(frozen=True, slots=True)
class Prosody:
    """Sufficient statistics of the frames of one utterance; all sums are float64 over frames of the utterance, in time order.

    Attributes
    ----------
    frames, voiced_frames
        Counts of 10 ms frames.
    voiced_segments, voiced_segment_sum_s, voiced_segment_sumsq_s2
        Runs of voiced frames: how many, total and summed squares of their length.
    syllables
        Syllable nuclei (de Jong & Wempe 2009).
    f0_median_st, f0_sd_st
        Over voiced frames, semitones above 27.5 Hz; None without voiced frames.
    energy_sum, energy_sumsq
        RMS amplitude (linear, full scale = 1) per frame, summed, and its square summed.
    intensity_db
        Mean power over the utterance, dBFS (at most 0); None when it is digital silence.
    loudness_mean
        Mean of the core's loudness; None when there are no frames.
    entropy_sum, entropy_sumsq
        Spectral entropy per frame (0 to 1).
    alpha_ratio_db, slope_0_500_db_per_hz, hnr_db
        Means over voiced frames; None without voiced frames.
    """

    frames: int = 0
    voiced_frames: int = 0
    voiced_segments: int = 0
    voiced_segment_sum_s: float = 0.0
    voiced_segment_sumsq_s2: float = 0.0
    syllables: int = 0
    f0_median_st: float | None = None
    f0_sd_st: float | None = None
    energy_sum: float = 0.0
    energy_sumsq: float = 0.0
    intensity_db: float | None = None
    loudness_mean: float | None = None
    entropy_sum: float = 0.0
    entropy_sumsq: float = 0.0
    alpha_ratio_db: float | None = None
    slope_0_500_db_per_hz: float | None = None
    hnr_db: float | None = None


NO_PROSODY = Prosody()


@dataclass(frozen=True, slots=True)
class Utterance:
    """An inter-pausal unit (IPU): one party's speech between silences of 180 ms or more.

    ``kind`` and ``turn`` (index into ``Dialogue.turns``) are filled by ``simpatico.turns.dialogue``; before that they are TURN and None.
    """

    role: Role
    start_s: float
    end_s: float
    prosody: Prosody = NO_PROSODY
    kind: UtteranceKind = UtteranceKind.TURN
    turn: int | None = None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class ChannelSpeech:
    """All that one channel's frames left behind, bounded but for the list of utterances.

    Attributes
    ----------
    role, duration_s
        Whose channel, and its length so far.
    utterances
        In time order, without overlap. An utterance still going on is included with its end so far.
    f0_histogram
        int64 [F0_BIN_COUNT]: voiced frames inside utterances, by F0 in bins of 0.05 st above 27.5 Hz, clipped into the outer bins.
    """

    role: Role
    duration_s: float
    utterances: tuple[Utterance, ...]
    f0_histogram: NDArray[np.int64] = field(compare=False)

    @property
    def speech_s(self) -> float:
        """Seconds inside utterances."""
        return float(sum(u.end_s - u.start_s for u in self.utterances))


@dataclass(frozen=True, slots=True)
class Turn:
    """Consecutive utterances of one party while it holds the floor; ``utterances`` indexes ``Dialogue.utterances``."""

    role: Role
    start_s: float
    end_s: float
    utterances: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FloorTransfer:
    """A change of floor. ``offset_s`` is the floor-transfer offset (FTO): onset of the next speaker minus offset of the previous; below
    0 an overlap."""

    at_s: float
    to: Role
    offset_s: float


@dataclass(frozen=True, slots=True)
class PartyTurns:
    """Turn-taking figures of one party. Rates are per minute of conversation (first onset to last offset); ``talk_share`` is 0 to 1 of
    all speech."""

    talk_share: Measure
    speaking_share: Measure
    turns: int
    backchannels_per_min: Measure
    interruptions_per_min: Measure
    articulation_rate_hz: Measure
    mean_turn_s: Measure


@dataclass(frozen=True, slots=True)
class TurnTaking:
    """Figures of the pair, and of each party. FTO in seconds; shares are 0 to 1 of floor transfers; ``longest_silence_s`` lies inside
    the conversation."""

    fto_median_s: Measure
    fto_iqr_s: Measure
    fto_overlap_share: Measure
    fto_long_gap_share: Measure
    longest_silence_s: Measure
    overlap_s: Measure
    parties: dict[Role, PartyTurns]


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Who spoke when, and what followed from it. ``span_s`` is (first onset, last offset) over both parties, None when nobody spoke."""

    utterances: tuple[Utterance, ...]
    turns: tuple[Turn, ...]
    transfers: tuple[FloorTransfer, ...]
    span_s: tuple[float, float] | None
    taking: TurnTaking


@dataclass(frozen=True, slots=True)
class Influence:
    """How far this party's speaking depends on the other's, by the two-party influence model.

    ``weight`` is the estimate a in [0, 1] of the other's influence on this party; ``surrogate_mean`` its mean over circularly shifted
    surrogates; ``excess`` their
    difference; ``p_value`` the one-sided share of surrogates at least as large, in (0, 1]; ``ticks`` of 0.5 s that it rests on.
    """

    weight: Measure
    surrogate_mean: Measure
    excess: Measure
    p_value: Measure
    ticks: int


@dataclass(frozen=True, slots=True)
class Entrainment:
    """Acoustic matching of the pair in one descriptor (after Levitan & Hirschberg 2011).

    ``proximity`` (mean similarity of adjacent turns minus that of non-adjacent ones, in SD of the descriptor), ``synchrony`` and
    ``convergence`` (correlations, -1 to 1);
    ``*_q`` are Benjamini-Hochberg adjusted p-values against shuffled-turn surrogates.
    """

    descriptor: str
    proximity: Measure
    proximity_q: Measure
    synchrony: Measure
    synchrony_q: Measure
    convergence: Measure
    convergence_q: Measure


@dataclass(frozen=True, slots=True)
class PartySignals:
    """The signals that belong to one person; ``activity`` and ``consistency`` in SD of the norm population."""

    activity: Measure
    consistency: Measure
    influence: Influence


@dataclass(frozen=True, slots=True)
class PairSignals:
    """The signals that belong to the pair. ``short_exchange_rate`` is per minute of conversation."""

    short_exchange_rate: Measure
    entrainment: tuple[Entrainment, ...]


@dataclass(frozen=True, slots=True)
class Signals:
    """The four honest signals (Pentland 2008)."""

    parties: dict[Role, PartySignals]
    pair: PairSignals


@dataclass(frozen=True, slots=True)
class AxisEstimate:
    """Posterior of one style axis, in SD of the norm population. ``contributions`` maps feature name to its share of ``mean`` minus the
    prior mean."""

    name: str
    mean: float
    sd: float
    contributions: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StyleEstimate:
    """Perceived interaction style of the caller in this call: never "true personality".

    ``label`` is "undetermined" while the leading probability is below the bundle's threshold; ``probabilities`` sum to 1 over the
    bundle's labels.
    ``evidence_s`` is the caller's seconds of speech; ``reason`` says why nothing but the prior is known, or is None.
    """

    axes: tuple[AxisEstimate, ...]
    probabilities: dict[str, float]
    label: str
    evidence_s: float
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Which bundle and which feature schema gave the result."""

    name: str
    version: str
    schema_hash: str
    norms: str


@dataclass(frozen=True, slots=True)
class CallAnalysis:
    """The whole result for one call, interim or final."""

    call: CallInfo
    quality: dict[Role, ChannelQuality]
    dialogue: Dialogue
    signals: Signals
    style: StyleEstimate
    model: ModelInfo
