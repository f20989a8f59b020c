"""Scripted utterances for the tests of turn-taking."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from simpatico.turns import dialogue
from simpatico.types import F0_BIN_COUNT, NO_PROSODY, ChannelSpeech, Dialogue, Prosody, Role, Utterance

Times = tuple[tuple[float, float], ...]


def channel(role: Role, *times: tuple[float, float], prosody: Prosody = NO_PROSODY) -> ChannelSpeech:
    """One party that speaks from and to the given seconds."""
    utterances = tuple(Utterance(role, start, end, prosody) for start, end in times)
    return ChannelSpeech(role, max((end for _, end in times), default=0.0), utterances, np.zeros(F0_BIN_COUNT, np.int64))


def talk(caller: Times, agent: Times) -> Dialogue:
    """The dialogue of two scripted parties."""
    return dialogue(channel(Role.CALLER, *caller), channel(Role.AGENT, *agent))


def story(found: Dialogue) -> list[tuple[str, str, int | None]]:
    """Each utterance as (first letter of the role, kind, turn)."""
    return [(u.role.value[0], u.kind.value, u.turn) for u in found.utterances]


@st.composite
def party(draw: st.DrawFn, max_size: int = 12) -> Times:
    """Utterances of one party on a grid of 10 ms: a silence of at least 180 ms between two, lengths from 0.1 to 4 s."""
    at, times = draw(st.integers(0, 300)), []
    for _ in range(draw(st.integers(0, max_size))):
        length = draw(st.one_of(st.integers(10, 100), st.integers(100, 400)))
        times.append((at / 100, (at + length) / 100))
        at += length + draw(st.one_of(st.integers(18, 120), st.integers(18, 500)))
    return tuple(times)
