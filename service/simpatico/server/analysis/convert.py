"""The only code that turns protobuf messages into Simpatico's types and back.

Both directions are exact: ``analysis_from_proto(analysis_to_proto(a)) == a`` for every analysis, down to the order of parties and
labels. Each pair of functions
stands together, so that a field added to one is missed in the other only by looking away.
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


def analysis_to_proto(analysis: t.CallAnalysis, *, lists: bool = True) -> pb.CallAnalysis:
    """Return the message; without ``lists``, utterances, turns and floor transfers are left out."""
    return pb.CallAnalysis(
        call=_call_to(analysis.call),
        quality=[_quality_to(role, quality) for role, quality in analysis.quality.items()],
        dialogue=_dialogue_to(analysis.dialogue, lists),
        signals=_signals_to(analysis.signals),
        style=_style_to(analysis.style),
        model=_model_to(analysis.model),
    )


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


def _measure_to(measure: t.Measure) -> pb.Measure:
    reason = "" if measure.reason is None else measure.reason.value
    return pb.Measure(value=measure.value, se=measure.se, evidence_s=measure.evidence_s, reason=reason)


def _measure_from(m: pb.Measure) -> t.Measure:
    return t.Measure(
        m.value if m.HasField("value") else None, m.se if m.HasField("se") else None, m.evidence_s, t.Reason(m.reason) if m.reason else None
    )


def _format_to(audio: t.AudioFormat) -> pb.AudioFormat:
    return pb.AudioFormat(sample_rate_hz=audio.sample_rate_hz, channels=audio.channels, codec=audio.codec)


def _format_from(m: pb.AudioFormat) -> t.AudioFormat:
    return t.AudioFormat(m.sample_rate_hz, m.channels, m.codec)


def _call_to(call: t.CallInfo) -> pb.CallInfo:
    return pb.CallInfo(
        call_id=call.call_id,
        duration_s=call.duration_s,
        format=_format_to(call.format),
        analysis_rate_hz=call.analysis_rate_hz,
        caller_channel=call.caller_channel,
        final=call.final,
    )


def _call_from(m: pb.CallInfo) -> t.CallInfo:
    caller = m.caller_channel if m.HasField("caller_channel") else None
    return t.CallInfo(m.call_id, m.duration_s, _format_from(m.format), m.analysis_rate_hz, caller, m.final)


def _quality_to(role: t.Role, quality: t.ChannelQuality) -> pb.ChannelQuality:
    return pb.ChannelQuality(
        role=_ROLE[role],
        duration_s=quality.duration_s,
        speech_s=quality.speech_s,
        snr_db=_measure_to(quality.snr_db),
        clipped_share=quality.clipped_share,
        digital_zero_share=quality.digital_zero_share,
        bandwidth=quality.bandwidth,
        codec=quality.codec,
    )


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


def _prosody_to(prosody: t.Prosody) -> pb.Prosody:
    return pb.Prosody(**{name: getattr(prosody, name) for name in (*_PROSODY_PLAIN, *_PROSODY_OPTIONAL)})


def _prosody_from(m: pb.Prosody) -> t.Prosody:
    present = {field.name for field, _ in m.ListFields()}
    return t.Prosody(
        **{name: getattr(m, name) for name in _PROSODY_PLAIN}, **{name: getattr(m, name) for name in _PROSODY_OPTIONAL if name in present}
    )


def _utterance_to(utterance: t.Utterance) -> pb.Utterance:
    return pb.Utterance(
        role=_ROLE[utterance.role],
        start_s=utterance.start_s,
        end_s=utterance.end_s,
        prosody=_prosody_to(utterance.prosody),
        kind=_KIND[utterance.kind],
        turn=utterance.turn,
    )


def _utterance_from(m: pb.Utterance) -> t.Utterance:
    turn = m.turn if m.HasField("turn") else None
    return t.Utterance(_ROLE_BACK[m.role], m.start_s, m.end_s, _prosody_from(m.prosody), _KIND_BACK[m.kind], turn)


def _turns_to(turns: Turns) -> Iterable[pb.Turn]:
    return (pb.Turn(role=_ROLE[x.role], start_s=x.start_s, end_s=x.end_s, utterances=x.utterances) for x in turns)


def _turns_from(messages: Iterable[pb.Turn]) -> Turns:
    return tuple(t.Turn(_ROLE_BACK[m.role], m.start_s, m.end_s, tuple(m.utterances)) for m in messages)


def _dialogue_to(dialogue: t.Dialogue, lists: bool) -> pb.Dialogue:
    span = None if dialogue.span_s is None else pb.Span(start_s=dialogue.span_s[0], end_s=dialogue.span_s[1])
    message = pb.Dialogue(span=span, taking=_taking_to(dialogue.taking))
    if lists:
        message.utterances.extend(_utterance_to(u) for u in dialogue.utterances)
        message.turns.extend(_turns_to(dialogue.turns))
        message.transfers.extend(pb.FloorTransfer(at_s=x.at_s, to=_ROLE[x.to], offset_s=x.offset_s) for x in dialogue.transfers)
    return message


def _dialogue_from(m: pb.Dialogue) -> t.Dialogue:
    return t.Dialogue(
        utterances=tuple(_utterance_from(u) for u in m.utterances),
        turns=_turns_from(m.turns),
        transfers=tuple(t.FloorTransfer(x.at_s, _ROLE_BACK[x.to], x.offset_s) for x in m.transfers),
        span_s=(m.span.start_s, m.span.end_s) if m.HasField("span") else None,
        taking=_taking_from(m.taking),
    )


def _taking_to(taking: t.TurnTaking) -> pb.TurnTaking:
    return pb.TurnTaking(
        fto_median_s=_measure_to(taking.fto_median_s),
        fto_iqr_s=_measure_to(taking.fto_iqr_s),
        fto_overlap_share=_measure_to(taking.fto_overlap_share),
        fto_long_gap_share=_measure_to(taking.fto_long_gap_share),
        longest_silence_s=_measure_to(taking.longest_silence_s),
        overlap_s=_measure_to(taking.overlap_s),
        parties=[_party_turns_to(role, party) for role, party in taking.parties.items()],
    )


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


def _party_turns_to(role: t.Role, party: t.PartyTurns) -> pb.PartyTurns:
    return pb.PartyTurns(
        role=_ROLE[role],
        talk_share=_measure_to(party.talk_share),
        speaking_share=_measure_to(party.speaking_share),
        turns=party.turns,
        backchannels_per_min=_measure_to(party.backchannels_per_min),
        interruptions_per_min=_measure_to(party.interruptions_per_min),
        articulation_rate_hz=_measure_to(party.articulation_rate_hz),
        mean_turn_s=_measure_to(party.mean_turn_s),
    )


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


def _influence_to(influence: t.Influence) -> pb.Influence:
    return pb.Influence(
        weight=_measure_to(influence.weight),
        surrogate_mean=_measure_to(influence.surrogate_mean),
        excess=_measure_to(influence.excess),
        p_value=_measure_to(influence.p_value),
        ticks=influence.ticks,
    )


def _influence_from(m: pb.Influence) -> t.Influence:
    return t.Influence(_measure_from(m.weight), _measure_from(m.surrogate_mean), _measure_from(m.excess), _measure_from(m.p_value), m.ticks)


def _entrainment_to(entrainment: t.Entrainment) -> pb.Entrainment:
    return pb.Entrainment(
        descriptor=entrainment.descriptor,
        proximity=_measure_to(entrainment.proximity),
        proximity_q=_measure_to(entrainment.proximity_q),
        synchrony=_measure_to(entrainment.synchrony),
        synchrony_q=_measure_to(entrainment.synchrony_q),
        convergence=_measure_to(entrainment.convergence),
        convergence_q=_measure_to(entrainment.convergence_q),
    )


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


def _party_signals_to(role: t.Role, party: t.PartySignals) -> pb.PartySignals:
    return pb.PartySignals(
        role=_ROLE[role],
        activity=_measure_to(party.activity),
        consistency=_measure_to(party.consistency),
        influence=_influence_to(party.influence),
    )


def _party_signals_from(m: pb.PartySignals) -> t.PartySignals:
    return t.PartySignals(_measure_from(m.activity), _measure_from(m.consistency), _influence_from(m.influence))


def _signals_to(signals: t.Signals) -> pb.Signals:
    pair = pb.PairSignals(
        short_exchange_rate=_measure_to(signals.pair.short_exchange_rate),
        entrainment=[_entrainment_to(e) for e in signals.pair.entrainment],
    )
    return pb.Signals(parties=[_party_signals_to(role, party) for role, party in signals.parties.items()], pair=pair)


def _signals_from(m: pb.Signals) -> t.Signals:
    pair = t.PairSignals(_measure_from(m.pair.short_exchange_rate), tuple(_entrainment_from(e) for e in m.pair.entrainment))
    return t.Signals({_ROLE_BACK[p.role]: _party_signals_from(p) for p in m.parties}, pair)


def _axis_to(axis: t.AxisEstimate) -> pb.AxisEstimate:
    contributions = [pb.Contribution(feature=feature, value=value) for feature, value in axis.contributions.items()]
    return pb.AxisEstimate(name=axis.name, mean=axis.mean, sd=axis.sd, contributions=contributions)


def _axis_from(m: pb.AxisEstimate) -> t.AxisEstimate:
    return t.AxisEstimate(m.name, m.mean, m.sd, {c.feature: c.value for c in m.contributions})


def _style_to(style: t.StyleEstimate) -> pb.StyleEstimate:
    return pb.StyleEstimate(
        axes=[_axis_to(axis) for axis in style.axes],
        probabilities=[pb.LabelProbability(label=label, probability=p) for label, p in style.probabilities.items()],
        label=style.label,
        evidence_s=style.evidence_s,
        reason="" if style.reason is None else style.reason.value,
    )


def style_from_proto(m: pb.StyleEstimate) -> t.StyleEstimate:
    """Return the style alone."""
    return t.StyleEstimate(
        axes=tuple(_axis_from(axis) for axis in m.axes),
        probabilities={p.label: p.probability for p in m.probabilities},
        label=m.label,
        evidence_s=m.evidence_s,
        reason=t.Reason(m.reason) if m.reason else None,
    )


def _model_to(model: t.ModelInfo) -> pb.ModelInfo:
    return pb.ModelInfo(name=model.name, version=model.version, schema_hash=model.schema_hash, norms=model.norms)


def _model_from(m: pb.ModelInfo) -> t.ModelInfo:
    return t.ModelInfo(m.name, m.version, m.schema_hash, m.norms)
