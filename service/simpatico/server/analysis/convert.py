"""The only code that turns protobuf messages into Simpatico's types and back.

Both directions are exact: ``analysis_from_proto(analysis_to_proto(a)) == a`` for every analysis, down to the order of parties and
labels. Each pair of functions stands together, so that a field added to one is missed in the other only by looking away.

Messages are filled in place (``_x_to(x, message)``): one that is made apart and handed to its parent is copied by serialising it, once for
each level that it goes up.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from simpatico import types as t
from simpatico.errors import RemoteError
from simpatico.v1 import analysis_pb2 as pb

__all__ = ["analysis_from_proto", "analysis_to_proto", "style_from_proto"]

_ROLE = {t.Role.CALLER: pb.ROLE_CALLER, t.Role.AGENT: pb.ROLE_AGENT}
_ROLE_BACK = {value: key for key, value in _ROLE.items()}
_KIND = {
    t.UtteranceKind.TURN: pb.UTTERANCE_KIND_TURN,
    t.UtteranceKind.BACKCHANNEL: pb.UTTERANCE_KIND_BACKCHANNEL,
    t.UtteranceKind.INTERRUPTION: pb.UTTERANCE_KIND_INTERRUPTION,
}
_KIND_BACK = {value: key for key, value in _KIND.items()}

Turns: TypeAlias = "tuple[t.Turn, ...]"


def analysis_to_proto(analysis: t.CallAnalysis, *, lists: bool = True, into: pb.CallAnalysis | None = None) -> pb.CallAnalysis:
    """Return the message, which is ``into`` when that is given: empty, and part of another.

    Without ``lists``, utterances, turns and floor transfers are left out.
    """
    message = pb.CallAnalysis() if into is None else into
    _call_to(analysis.call, message.call)
    for role, quality in analysis.quality.items():
        _quality_to(role, quality, message.quality.add())
    _dialogue_to(analysis.dialogue, lists, message.dialogue)
    _signals_to(analysis.signals, message.signals)
    _style_to(analysis.style, message.style)
    _model_to(analysis.model, message.model)
    return message


def analysis_from_proto(message: pb.CallAnalysis) -> t.CallAnalysis:
    """Return the analysis.

    Raises
    ------
    RemoteError
        The message holds a role, kind or reason that this version does not know, or contradicts itself.
    """
    try:
        return t.CallAnalysis(
            call=_call_from(message.call),
            quality={_ROLE_BACK[q.role]: _quality_from(q) for q in message.quality},
            dialogue=_dialogue_from(message.dialogue),
            signals=_signals_from(message.signals),
            style=style_from_proto(message.style),
            model=_model_from(message.model),
        )
    except (KeyError, ValueError) as error:
        raise RemoteError(
            f"the analysis holds something that this version does not know ({error}); use a client as new as the service",
            status="DATA_LOSS",
        ) from error


def _measure_to(measure: t.Measure, m: pb.Measure) -> None:
    if measure.value is not None:
        m.value = measure.value
    if measure.se is not None:
        m.se = measure.se
    m.evidence_s = measure.evidence_s
    if measure.reason is not None:
        m.reason = measure.reason.value


def _measure_from(m: pb.Measure) -> t.Measure:
    return t.Measure(
        m.value if m.HasField("value") else None, m.se if m.HasField("se") else None, m.evidence_s, t.Reason(m.reason) if m.reason else None
    )


def _format_to(audio: t.AudioFormat, m: pb.AudioFormat) -> None:
    m.sample_rate_hz, m.channels, m.codec = audio.sample_rate_hz, audio.channels, audio.codec


def _format_from(m: pb.AudioFormat) -> t.AudioFormat:
    return t.AudioFormat(m.sample_rate_hz, m.channels, m.codec)


def _call_to(call: t.CallInfo, m: pb.CallInfo) -> None:
    m.call_id, m.duration_s, m.analysis_rate_hz, m.final = call.call_id, call.duration_s, call.analysis_rate_hz, call.final
    _format_to(call.format, m.format)
    if call.caller_channel is not None:
        m.caller_channel = call.caller_channel


def _call_from(m: pb.CallInfo) -> t.CallInfo:
    caller = m.caller_channel if m.HasField("caller_channel") else None
    return t.CallInfo(m.call_id, m.duration_s, _format_from(m.format), m.analysis_rate_hz, caller, m.final)


def _quality_to(role: t.Role, quality: t.ChannelQuality, m: pb.ChannelQuality) -> None:
    m.role, m.duration_s, m.speech_s = _ROLE[role], quality.duration_s, quality.speech_s
    _measure_to(quality.snr_db, m.snr_db)
    m.clipped_share, m.digital_zero_share = quality.clipped_share, quality.digital_zero_share
    m.bandwidth, m.codec = quality.bandwidth, quality.codec


def _quality_from(m: pb.ChannelQuality) -> t.ChannelQuality:
    return t.ChannelQuality(
        _ROLE_BACK[m.role],
        m.duration_s,
        m.speech_s,
        _measure_from(m.snr_db),
        m.clipped_share,
        m.digital_zero_share,
        m.bandwidth,
        m.codec,
    )


_PROSODY_PLAIN = (
    "frames",
    "voiced_frames",
    "voiced_segments",
    "voiced_segment_sum_s",
    "voiced_segment_sumsq_s2",
    "syllables",
    "energy_sum",
    "energy_sumsq",
    "entropy_sum",
    "entropy_sumsq",
)
_PROSODY_OPTIONAL = (
    "f0_median_st",
    "f0_sd_st",
    "intensity_db",
    "loudness_mean",
    "alpha_ratio_db",
    "slope_0_500_db_per_hz",
    "hnr_db",
)


def _prosody_to(prosody: t.Prosody, m: pb.Prosody) -> None:
    for name in _PROSODY_PLAIN:
        setattr(m, name, getattr(prosody, name))
    for name in _PROSODY_OPTIONAL:
        if (value := getattr(prosody, name)) is not None:
            setattr(m, name, value)


def _prosody_from(m: pb.Prosody) -> t.Prosody:
    present = {field.name for field, _ in m.ListFields()}
    return t.Prosody(
        **{name: getattr(m, name) for name in _PROSODY_PLAIN}, **{name: getattr(m, name) for name in _PROSODY_OPTIONAL if name in present}
    )


def _utterance_to(utterance: t.Utterance, m: pb.Utterance) -> None:
    m.role, m.start_s, m.end_s, m.kind = _ROLE[utterance.role], utterance.start_s, utterance.end_s, _KIND[utterance.kind]
    _prosody_to(utterance.prosody, m.prosody)
    if utterance.turn is not None:
        m.turn = utterance.turn


def _utterance_from(m: pb.Utterance) -> t.Utterance:
    turn = m.turn if m.HasField("turn") else None
    return t.Utterance(_ROLE_BACK[m.role], m.start_s, m.end_s, _prosody_from(m.prosody), _KIND_BACK[m.kind], turn)


def _turns_from(messages: Iterable[pb.Turn]) -> Turns:
    return tuple(t.Turn(_ROLE_BACK[m.role], m.start_s, m.end_s, tuple(m.utterances)) for m in messages)


def _dialogue_to(dialogue: t.Dialogue, lists: bool, m: pb.Dialogue) -> None:
    if dialogue.span_s is not None:
        m.span.start_s, m.span.end_s = dialogue.span_s
    _taking_to(dialogue.taking, m.taking)
    if not lists:
        return
    for utterance in dialogue.utterances:
        _utterance_to(utterance, m.utterances.add())
    for x in dialogue.turns:
        m.turns.add(role=_ROLE[x.role], start_s=x.start_s, end_s=x.end_s, utterances=x.utterances)
    for transfer in dialogue.transfers:
        m.transfers.add(at_s=transfer.at_s, to=_ROLE[transfer.to], offset_s=transfer.offset_s)


def _dialogue_from(m: pb.Dialogue) -> t.Dialogue:
    return t.Dialogue(
        utterances=tuple(_utterance_from(u) for u in m.utterances),
        turns=_turns_from(m.turns),
        transfers=tuple(t.FloorTransfer(x.at_s, _ROLE_BACK[x.to], x.offset_s) for x in m.transfers),
        span_s=(m.span.start_s, m.span.end_s) if m.HasField("span") else None,
        taking=_taking_from(m.taking),
    )


def _taking_to(taking: t.TurnTaking, m: pb.TurnTaking) -> None:
    _measure_to(taking.fto_median_s, m.fto_median_s)
    _measure_to(taking.fto_iqr_s, m.fto_iqr_s)
    _measure_to(taking.fto_overlap_share, m.fto_overlap_share)
    _measure_to(taking.fto_long_gap_share, m.fto_long_gap_share)
    _measure_to(taking.longest_silence_s, m.longest_silence_s)
    _measure_to(taking.overlap_s, m.overlap_s)
    for role, party in taking.parties.items():
        _party_turns_to(role, party, m.parties.add())


def _taking_from(m: pb.TurnTaking) -> t.TurnTaking:
    return t.TurnTaking(
        fto_median_s=_measure_from(m.fto_median_s),
        fto_iqr_s=_measure_from(m.fto_iqr_s),
        fto_overlap_share=_measure_from(m.fto_overlap_share),
        fto_long_gap_share=_measure_from(m.fto_long_gap_share),
        longest_silence_s=_measure_from(m.longest_silence_s),
        overlap_s=_measure_from(m.overlap_s),
        parties={_ROLE_BACK[p.role]: _party_turns_from(p) for p in m.parties},
    )


def _party_turns_to(role: t.Role, party: t.PartyTurns, m: pb.PartyTurns) -> None:
    m.role, m.turns = _ROLE[role], party.turns
    _measure_to(party.talk_share, m.talk_share)
    _measure_to(party.speaking_share, m.speaking_share)
    _measure_to(party.backchannels_per_min, m.backchannels_per_min)
    _measure_to(party.interruptions_per_min, m.interruptions_per_min)
    _measure_to(party.articulation_rate_hz, m.articulation_rate_hz)
    _measure_to(party.mean_turn_s, m.mean_turn_s)


def _party_turns_from(m: pb.PartyTurns) -> t.PartyTurns:
    return t.PartyTurns(
        talk_share=_measure_from(m.talk_share),
        speaking_share=_measure_from(m.speaking_share),
        turns=m.turns,
        backchannels_per_min=_measure_from(m.backchannels_per_min),
        interruptions_per_min=_measure_from(m.interruptions_per_min),
        articulation_rate_hz=_measure_from(m.articulation_rate_hz),
        mean_turn_s=_measure_from(m.mean_turn_s),
    )


def _influence_to(influence: t.Influence, m: pb.Influence) -> None:
    m.ticks = influence.ticks
    _measure_to(influence.weight, m.weight)
    _measure_to(influence.surrogate_mean, m.surrogate_mean)
    _measure_to(influence.excess, m.excess)
    _measure_to(influence.p_value, m.p_value)


def _influence_from(m: pb.Influence) -> t.Influence:
    return t.Influence(_measure_from(m.weight), _measure_from(m.surrogate_mean), _measure_from(m.excess), _measure_from(m.p_value), m.ticks)


def _entrainment_to(entrainment: t.Entrainment, m: pb.Entrainment) -> None:
    m.descriptor = entrainment.descriptor
    _measure_to(entrainment.proximity, m.proximity)
    _measure_to(entrainment.proximity_q, m.proximity_q)
    _measure_to(entrainment.synchrony, m.synchrony)
    _measure_to(entrainment.synchrony_q, m.synchrony_q)
    _measure_to(entrainment.convergence, m.convergence)
    _measure_to(entrainment.convergence_q, m.convergence_q)


def _entrainment_from(m: pb.Entrainment) -> t.Entrainment:
    return t.Entrainment(
        descriptor=m.descriptor,
        proximity=_measure_from(m.proximity),
        proximity_q=_measure_from(m.proximity_q),
        synchrony=_measure_from(m.synchrony),
        synchrony_q=_measure_from(m.synchrony_q),
        convergence=_measure_from(m.convergence),
        convergence_q=_measure_from(m.convergence_q),
    )


def _party_signals_to(role: t.Role, party: t.PartySignals, m: pb.PartySignals) -> None:
    m.role = _ROLE[role]
    _measure_to(party.activity, m.activity)
    _measure_to(party.consistency, m.consistency)
    _influence_to(party.influence, m.influence)


def _party_signals_from(m: pb.PartySignals) -> t.PartySignals:
    return t.PartySignals(_measure_from(m.activity), _measure_from(m.consistency), _influence_from(m.influence))


def _signals_to(signals: t.Signals, m: pb.Signals) -> None:
    for role, party in signals.parties.items():
        _party_signals_to(role, party, m.parties.add())
    _measure_to(signals.pair.short_exchange_rate, m.pair.short_exchange_rate)
    for entrainment in signals.pair.entrainment:
        _entrainment_to(entrainment, m.pair.entrainment.add())


def _signals_from(m: pb.Signals) -> t.Signals:
    pair = t.PairSignals(_measure_from(m.pair.short_exchange_rate), tuple(_entrainment_from(e) for e in m.pair.entrainment))
    return t.Signals({_ROLE_BACK[p.role]: _party_signals_from(p) for p in m.parties}, pair)


def _axis_to(axis: t.AxisEstimate, m: pb.AxisEstimate) -> None:
    m.name, m.mean, m.sd = axis.name, axis.mean, axis.sd
    for feature, value in axis.contributions.items():
        m.contributions.add(feature=feature, value=value)


def _axis_from(m: pb.AxisEstimate) -> t.AxisEstimate:
    return t.AxisEstimate(m.name, m.mean, m.sd, {c.feature: c.value for c in m.contributions})


def _style_to(style: t.StyleEstimate, m: pb.StyleEstimate) -> None:
    for axis in style.axes:
        _axis_to(axis, m.axes.add())
    for label, probability in style.probabilities.items():
        m.probabilities.add(label=label, probability=probability)
    m.label, m.evidence_s = style.label, style.evidence_s
    if style.reason is not None:
        m.reason = style.reason.value


def style_from_proto(m: pb.StyleEstimate) -> t.StyleEstimate:
    """Return the style alone."""
    return t.StyleEstimate(
        axes=tuple(_axis_from(axis) for axis in m.axes),
        probabilities={p.label: p.probability for p in m.probabilities},
        label=m.label,
        evidence_s=m.evidence_s,
        reason=t.Reason(m.reason) if m.reason else None,
    )


def _model_to(model: t.ModelInfo, m: pb.ModelInfo) -> None:
    m.name, m.version, m.schema_hash, m.norms = model.name, model.version, model.schema_hash, model.norms


def _model_from(m: pb.ModelInfo) -> t.ModelInfo:
    return t.ModelInfo(m.name, m.version, m.schema_hash, m.norms)
