"""All signals of a call in one call: a pure function of the dialogue, the channels, the norms and a seed."""

from __future__ import annotations

from collections.abc import Mapping

from simpatico.signals.composite import activity, consistency
from simpatico.signals.entrainment import entrainment
from simpatico.signals.influence import influence
from simpatico.signals.mirroring import short_exchange_rate
from simpatico.signals.norms import AudioKind, NormTable
from simpatico.types import ChannelSpeech, Dialogue, PairSignals, PartySignals, Role, Signals

__all__ = ["SURROGATES", "measure"]

SURROGATES = 199
"""Default number of surrogates: p-values in steps of .005, with a Monte-Carlo error of .015 at .05. More cost in proportion
(docs/signals.md)."""


def measure(
    dialogue: Dialogue,
    channels: Mapping[Role, ChannelSpeech],
    kind: AudioKind,
    norms: NormTable,
    *,
    seed: int = 0,
    surrogates: int = SURROGATES,
) -> Signals:
    """Measure activity, consistency, influence and mirroring.

    Parameters
    ----------
    dialogue
        What ``simpatico.turns.dialogue`` made of the same channels.
    channels
        The channels that exist, by role; one or two.
    kind
        Which norms apply.
    norms
        The bundle's; may be empty.
    seed
        Of all surrogates. The same input and seed give the same result.
    surrogates
        How many for influence and for entrainment, at least 1; the smallest p-value is 1 / (surrogates + 1).

    Returns
    -------
    Signals
        ``parties`` has an entry for each role of ``channels``. A figure that needs the channel that is not there is missing with
        ``Reason.ONE_CHANNEL``.

    Raises
    ------
    ValueError
        No channel, a channel under another's role, or fewer than 1 surrogate.
    """
    if not channels:
        raise ValueError("signals need at least one channel, got none")
    for role, channel in channels.items():
        if channel.role is not role:
            raise ValueError(f"the channel of the {channel.role.value} was passed as the {role.value}'s; key it by its own role")
    if surrogates < 1:
        raise ValueError(f"surrogates is {surrogates}; use 1 or more ({SURROGATES} is the default)")
    influences = influence(dialogue, channels, seed=seed, surrogates=surrogates)
    parties = {
        role: PartySignals(
            activity=activity(dialogue, channels, role, kind, norms),
            consistency=consistency(channels, role, kind, norms),
            influence=influences[role],
        )
        for role in channels
    }
    pair = PairSignals(
        short_exchange_rate=short_exchange_rate(dialogue, channels),
        entrainment=entrainment(dialogue, channels, seed=seed, surrogates=surrogates),
    )
    return Signals(parties, pair)
