"""Activity and consistency: means of robust z against the norms of the same role in the same kind of audio.

    activity    =  mean( z(speaking_share), z(voiced_segments_per_s) )                       (Pentland 2004)
    consistency = -mean( z(energy_cv), z(f0_sd_st), z(entropy_cv), z(voiced_segment_cv) )    (Pentland 2008; its inverse is the older
    "emphasis")

A figure that lacks one of its parts, or the norm of one, is missing with that reason: half a mean is a different figure. The standard
error has two parts: that of the call (delete-one jackknife of the whole mean, so that parts that move together are not counted as
independent) and that of the norms (few calls place a median only roughly; taken as common to the parts, because the same calls gave them
all).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from simpatico.signals.components import Component, activity_components, consistency_components, jackknife_se
from simpatico.signals.norms import AudioKind, Norm, NormTable, robust_z
from simpatico.types import ChannelSpeech, Dialogue, Measure, Reason, Role

__all__ = ["activity", "consistency"]


def activity(dialogue: Dialogue, channels: Mapping[Role, ChannelSpeech], role: Role, kind: AudioKind, norms: NormTable) -> Measure:
    """Return how much and how often one party speaks, in SD of the norm population; above 0 is more than usual."""
    return _mean_z(activity_components(dialogue, channels, role), role, kind, norms, sign=1.0)


def consistency(channels: Mapping[Role, ChannelSpeech], role: Role, kind: AudioKind, norms: NormTable) -> Measure:
    """Return how even a party's voice is, in SD of the norm population; above 0 is more even than usual. Never measured of agents."""
    return _mean_z(consistency_components(channels, role), role, kind, norms, sign=-1.0)


def _mean_z(parts: Mapping[str, Component], role: Role, kind: AudioKind, table: NormTable, *, sign: float) -> Measure:
    evidence_s = max(part.evidence_s for part in parts.values())
    found: list[tuple[float, Component, Norm]] = []
    for name, part in parts.items():
        norm = table.lookup(role, kind.bandwidth, kind.codec_family, name)
        if part.value is None or norm is None:
            return Measure.missing(part.reason or Reason.NO_NORMS, evidence_s)
        found.append((part.value, part, norm))
    z = [robust_z(value, norm) for value, _, norm in found]
    without = np.mean([(part.without - norm.median) / norm.sd for _, part, norm in found], axis=0)
    own_se = jackknife_se(without)
    if own_se is None:
        return Measure(sign * float(np.mean(z)), None, evidence_s)
    norm_se = float(np.mean([norm.z_se(score) for score, (_, _, norm) in zip(z, found, strict=True)]))
    return Measure(sign * float(np.mean(z)), float(np.hypot(own_se, norm_se)), evidence_s)
