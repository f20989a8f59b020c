"""From the utterances of both parties to the dialogue: who held the floor when, and the figures of turn-taking.

A pure function of its two arguments. The rules of the floor are in :mod:`simpatico.turns.floor`, the estimators in
:mod:`simpatico.turns.figures`.

Shares of time are shares of the conversation's span, from the first onset to the last offset of either party, so silence before and after
it changes nothing. A figure that needs both parties is missing, with the reason ONE_CHANNEL, when only one channel was given; when nobody
spoke every figure is missing with NO_SPEECH. A channel that was given and is silent is a party that said nothing: its shares and rates are
0, with their uncertainty.
"""

from __future__ import annotations

import math
from itertools import pairwise

from simpatico.turns import figures
from simpatico.turns.floor import US_PER_S, Floor, Spoken, assign_floor
from simpatico.types import (
    HOP_S,
    ChannelSpeech,
    Dialogue,
    FloorTransfer,
    Measure,
    PartyTurns,
    Reason,
    Role,
    Turn,
    TurnTaking,
    Utterance,
    UtteranceKind,
)

__all__ = ["dialogue"]

LONG_GAP_S = 1.0
"""Gaps above it are counted apart: about where a missing answer begins to be heard as trouble (Levinson & Torreira 2015)."""


def dialogue(caller: ChannelSpeech | None, agent: ChannelSpeech | None) -> Dialogue:
    """Work out turns, floor transfers, backchannels, interruptions and their figures.

    Parameters
    ----------
    caller, agent
        The utterances of each party; None for a channel that does not exist. Times are rounded to microseconds.

    Returns
    -------
    Dialogue
        ``utterances`` of both parties in the order of their onsets, with ``kind`` and ``turn`` filled in; an utterance that is part of no
        turn (a backchannel, or an attempt that never had the floor) has ``turn`` None. ``taking.parties`` has the parties whose channel was
        given.

    Raises
    ------
    ValueError
        When both are None, a channel has the other's role, or its utterances overlap or are out of order.
    """
    channels = {role: speech for role, speech in ((Role.CALLER, caller), (Role.AGENT, agent)) if speech is not None}
    if not channels:
        raise ValueError("a dialogue needs at least one channel, got none for caller and agent")
    spoken = {role: _spoken(role, speech) for role, speech in channels.items()}
    floor = assign_floor(spoken.get(Role.CALLER, []), spoken.get(Role.AGENT, []))
    utterances = tuple(_placed(channels[s.role].utterances[s.source], s) for s in floor.spoken)
    span = (min(s.start for s in floor.spoken), max(s.end for s in floor.spoken)) if floor.spoken else None
    return Dialogue(
        utterances=utterances,
        turns=tuple(Turn(t.role, t.start / US_PER_S, t.end / US_PER_S, tuple(t.members)) for t in floor.turns),
        transfers=tuple(FloorTransfer(t.at / US_PER_S, t.to, t.offset / US_PER_S) for t in floor.transfers),
        span_s=(span[0] / US_PER_S, span[1] / US_PER_S) if span else None,
        taking=_Figures(channels, spoken, floor, span).taking(),
    )


def _spoken(role: Role, speech: ChannelSpeech) -> list[Spoken]:
    """Return the utterances in microseconds, checked."""
    if speech.role is not role:
        raise ValueError(f"the {role} channel must hold the {role}'s speech, got the {speech.role}'s")
    found: list[Spoken] = []
    for index, u in enumerate(speech.utterances):
        if not (math.isfinite(u.start_s) and math.isfinite(u.end_s)):
            raise ValueError(f"utterance {index} of the {role} must have finite times, got {u.start_s!r} to {u.end_s!r}")
        one = Spoken(role, round(u.start_s * US_PER_S), round(u.end_s * US_PER_S), index)
        if u.role is not role or one.end <= one.start or (found and one.start < found[-1].end):
            raise ValueError(
                f"utterances of the {role} must be the {role}'s, last some time and follow each other without overlap, "
                f"got number {index} of the {u.role} from {u.start_s!r} to {u.end_s!r} s"
            )
        found.append(one)
    return found


def _placed(utterance: Utterance, spoken: Spoken) -> Utterance:
    return Utterance(utterance.role, utterance.start_s, utterance.end_s, utterance.prosody, spoken.kind, spoken.turn)


class _Figures:
    """The figures of one dialogue; holds what several of them need."""

    def __init__(
        self, channels: dict[Role, ChannelSpeech], spoken: dict[Role, list[Spoken]], floor: Floor, span: tuple[int, int] | None
    ) -> None:
        self.channels, self.spoken, self.floor, self.span = channels, spoken, floor, span
        self.lengths_s = {role: [(s.end - s.start) / US_PER_S for s in found] for role, found in spoken.items()}
        self.speech_s = math.fsum(d for lengths in self.lengths_s.values() for d in lengths)
        self.absent: Reason | None = Reason.NO_SPEECH if span is None else (Reason.ONE_CHANNEL if len(channels) < 2 else None)

    def taking(self) -> TurnTaking:
        """All figures."""
        parties = {role: self._party(role) for role in self.channels}
        if self.absent is not None:
            missing = Measure.missing(self.absent, self.speech_s)
            return TurnTaking(missing, missing, missing, missing, missing, missing, parties)
        offsets_s = [t.offset / US_PER_S for t in self.floor.transfers]
        n = len(offsets_s)
        return TurnTaking(
            fto_median_s=figures.median(offsets_s, self.speech_s),
            fto_iqr_s=figures.interquartile_range(offsets_s, self.speech_s),
            fto_overlap_share=figures.share_of_events(sum(o < 0.0 for o in offsets_s), n, self.speech_s),
            fto_long_gap_share=figures.share_of_events(sum(o > LONG_GAP_S for o in offsets_s), n, self.speech_s),
            longest_silence_s=Measure(self._longest_silence() / US_PER_S, None, self.speech_s),
            overlap_s=Measure(self._overlap() / US_PER_S, None, self.speech_s),
            parties=parties,
        )

    def _party(self, role: Role) -> PartyTurns:
        own_s = math.fsum(self.lengths_s[role])
        turns_s = [(t.end - t.start) / US_PER_S for t in self.floor.turns if t.role is role]
        return PartyTurns(
            talk_share=self._talk_share(role),
            speaking_share=self._speaking_share(role),
            turns=len(turns_s),
            backchannels_per_min=self._rate(role, UtteranceKind.BACKCHANNEL),
            interruptions_per_min=self._rate(role, UtteranceKind.INTERRUPTION),
            articulation_rate_hz=self._articulation_rate(role, own_s),
            mean_turn_s=figures.mean(turns_s, own_s, Reason.TOO_FEW_TURNS if own_s else Reason.NO_SPEECH),
        )

    def _talk_share(self, role: Role) -> Measure:
        if self.absent is not None:
            return Measure.missing(self.absent, self.speech_s)
        return figures.share_of_time(self.lengths_s[role], self.lengths_s[role.other], self.speech_s)

    def _speaking_share(self, role: Role) -> Measure:
        if self.span is None:
            return Measure.missing(Reason.NO_SPEECH)
        edges = [self.span[0], *(t for s in self.spoken[role] for t in (s.start, s.end)), self.span[1]]
        silences_s = [(b - a) / US_PER_S for a, b in zip(edges[::2], edges[1::2], strict=True)]
        return figures.share_of_time(self.lengths_s[role], silences_s, self.speech_s)

    def _rate(self, role: Role, kind: UtteranceKind) -> Measure:
        if self.absent is not None or self.span is None:
            return Measure.missing(self.absent or Reason.NO_SPEECH, self.speech_s)
        count = sum(s.kind is kind for s in self.spoken[role])
        return figures.rate_per_min(count, (self.span[1] - self.span[0]) / US_PER_S, self.speech_s)

    def _articulation_rate(self, role: Role, own_s: float) -> Measure:
        utterances = [u for u in self.channels[role].utterances if u.prosody.frames > 0]
        return figures.ratio(
            [u.prosody.syllables for u in utterances],
            [u.prosody.frames * HOP_S for u in utterances],
            own_s,
            Reason.TOO_LITTLE_SPEECH if own_s else Reason.NO_SPEECH,
        )

    def _longest_silence(self) -> int:
        longest, end = 0, self.floor.spoken[0].end
        for s in self.floor.spoken:
            longest, end = max(longest, s.start - end), max(end, s.end)
        return longest

    def _overlap(self) -> int:
        edges = sorted([(s.start, 1) for s in self.floor.spoken] + [(s.end, -1) for s in self.floor.spoken])
        total = speaking = 0
        for (at, step), (then, _) in pairwise(edges):
            speaking += step
            total += (then - at) * (speaking == 2)
        return total
