"""A call's analysis as a JSON document: the contract of ``simpatico analyze --json``.

The keys are ``schema, call, quality, utterances, turns, signals, style, model``. Every measured figure is an object with ``value``,
``se`` (or null), ``evidence_s`` and,
when it is missing, ``reason``. The shape is published as JSON Schema (``call-analysis.schema.json`` beside this file, printed by
``simpatico schema``); a change that an
existing reader would notice changes ``SCHEMA_ID``.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any, cast

from simpatico.types import (
    CallAnalysis,
    CallInfo,
    ChannelQuality,
    Dialogue,
    Entrainment,
    Influence,
    Measure,
    PartyTurns,
    Prosody,
    Signals,
    StyleEstimate,
    Utterance,
)

__all__ = ["SCHEMA_ID", "load_schema", "to_document", "to_json"]

SCHEMA_ID = "simpatico.call-analysis/1"

Document = dict[str, Any]


def to_document(analysis: CallAnalysis) -> Document:
    """Return ``analysis`` as plain dicts, lists, strings, numbers and None, ready for ``json.dumps``; finite numbers only."""
    return {
        "schema": SCHEMA_ID,
        "call": _call(analysis.call),
        "quality": {role.value: _quality(q) for role, q in analysis.quality.items()},
        "utterances": [_utterance(u) for u in analysis.dialogue.utterances],
        "turns": _turns(analysis.dialogue),
        "signals": _signals(analysis.signals),
        "style": _style(analysis.style),
        "model": {
            "name": analysis.model.name,
            "version": analysis.model.version,
            "schema_hash": analysis.model.schema_hash,
            "norms": analysis.model.norms,
        },
    }


def to_json(analysis: CallAnalysis, *, indent: int | None = 2) -> str:
    """Return the document as JSON text. Floats are written so that they read back bit-identical."""
    return json.dumps(to_document(analysis), indent=indent, allow_nan=False, ensure_ascii=False)


def load_schema() -> Document:
    """Return the JSON Schema (draft 2020-12) of the document."""
    text = resources.files("simpatico.reports").joinpath("call-analysis.schema.json").read_text("utf-8")
    return cast(Document, json.loads(text))


def _measure(measure: Measure) -> Document:
    out: Document = {"value": measure.value, "se": measure.se, "evidence_s": measure.evidence_s}
    if measure.reason is not None:
        out["reason"] = measure.reason.value
    return out


def _call(call: CallInfo) -> Document:
    return {
        "call_id": call.call_id,
        "duration_s": call.duration_s,
        "sample_rate_hz": call.format.sample_rate_hz,
        "channels": call.format.channels,
        "codec": call.format.codec,
        "analysis_rate_hz": call.analysis_rate_hz,
        "caller_channel": call.caller_channel,
        "final": call.final,
    }


def _quality(quality: ChannelQuality) -> Document:
    return {
        "duration_s": quality.duration_s,
        "speech_s": quality.speech_s,
        "snr_db": _measure(quality.snr_db),
        "clipped_share": quality.clipped_share,
        "digital_zero_share": quality.digital_zero_share,
        "bandwidth": quality.bandwidth,
        "codec": quality.codec,
    }


def _utterance(utterance: Utterance) -> Document:
    return {
        "role": utterance.role.value,
        "start_s": utterance.start_s,
        "end_s": utterance.end_s,
        "kind": utterance.kind.value,
        "turn": utterance.turn,
        "prosody": _prosody(utterance.prosody),
    }


def _prosody(prosody: Prosody) -> Document:
    return {
        "voiced_share": prosody.voiced_frames / prosody.frames if prosody.frames else None,
        "voiced_segments": prosody.voiced_segments,
        "syllables": prosody.syllables,
        "f0_median_st": prosody.f0_median_st,
        "f0_sd_st": prosody.f0_sd_st,
        "intensity_db": prosody.intensity_db,
        "loudness_mean": prosody.loudness_mean,
        "alpha_ratio_db": prosody.alpha_ratio_db,
        "slope_0_500_db_per_hz": prosody.slope_0_500_db_per_hz,
        "hnr_db": prosody.hnr_db,
    }


def _turns(dialogue: Dialogue) -> Document:
    taking = dialogue.taking
    return {
        "span_s": list(dialogue.span_s) if dialogue.span_s is not None else None,
        "list": [{"role": t.role.value, "start_s": t.start_s, "end_s": t.end_s, "utterances": list(t.utterances)} for t in dialogue.turns],
        "floor_transfers": [{"at_s": t.at_s, "to": t.to.value, "offset_s": t.offset_s} for t in dialogue.transfers],
        "fto_median_s": _measure(taking.fto_median_s),
        "fto_iqr_s": _measure(taking.fto_iqr_s),
        "fto_overlap_share": _measure(taking.fto_overlap_share),
        "fto_long_gap_share": _measure(taking.fto_long_gap_share),
        "longest_silence_s": _measure(taking.longest_silence_s),
        "overlap_s": _measure(taking.overlap_s),
        "parties": {role.value: _party_turns(p) for role, p in taking.parties.items()},
    }


def _party_turns(party: PartyTurns) -> Document:
    return {
        "turns": party.turns,
        "talk_share": _measure(party.talk_share),
        "speaking_share": _measure(party.speaking_share),
        "backchannels_per_min": _measure(party.backchannels_per_min),
        "interruptions_per_min": _measure(party.interruptions_per_min),
        "articulation_rate_hz": _measure(party.articulation_rate_hz),
        "mean_turn_s": _measure(party.mean_turn_s),
    }


def _signals(signals: Signals) -> Document:
    return {
        "parties": {
            role.value: {
                "activity": _measure(p.activity),
                "consistency": _measure(p.consistency),
                "influence": _influence(p.influence),
            }
            for role, p in signals.parties.items()
        },
        "mirroring": {
            "short_exchange_rate": _measure(signals.pair.short_exchange_rate),
            "entrainment": {e.descriptor: _entrainment(e) for e in signals.pair.entrainment},
        },
    }


def _influence(influence: Influence) -> Document:
    return {
        "weight": _measure(influence.weight),
        "surrogate_mean": _measure(influence.surrogate_mean),
        "excess": _measure(influence.excess),
        "p_value": _measure(influence.p_value),
        "ticks": influence.ticks,
    }


def _entrainment(entrainment: Entrainment) -> Document:
    return {
        name: _measure(getattr(entrainment, name))
        for name in ("proximity", "proximity_q", "synchrony", "synchrony_q", "convergence", "convergence_q")
    }


def _style(style: StyleEstimate) -> Document:
    return {
        "axes": {
            axis.name: {"value": axis.mean, "se": axis.sd, "evidence_s": style.evidence_s, "contributions": dict(axis.contributions)}
            for axis in style.axes
        },
        "probabilities": dict(style.probabilities),
        "label": style.label,
        "evidence_s": style.evidence_s,
        "reason": style.reason.value if style.reason is not None else None,
    }
