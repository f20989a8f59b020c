"""Hypothesis strategies for whole analyses: every field, present and absent."""

from __future__ import annotations

from hypothesis import strategies as st

from simpatico import types as t

finite = st.floats(allow_nan=False, allow_infinity=False)
optional = st.none() | finite
words = st.text(max_size=12)
counts = st.integers(0, 2**31 - 1)
roles = st.sampled_from(t.Role)
measures = st.builds(t.Measure, finite, optional, finite) | st.builds(t.Measure.missing, st.sampled_from(t.Reason), finite)


def by_role(values: st.SearchStrategy[object]) -> st.SearchStrategy[dict[t.Role, object]]:
    """Return mappings of none, one or both parties, in either order."""
    return st.lists(roles, unique=True).flatmap(
        lambda keys: st.tuples(*[values] * len(keys)).map(lambda vs: dict(zip(keys, vs, strict=True)))
    )


formats = st.builds(t.AudioFormat, counts, counts, words)
calls = st.builds(t.CallInfo, words, finite, formats, counts, st.none() | counts, st.booleans())
qualities = st.builds(t.ChannelQuality, roles, finite, finite, measures, finite, finite, words, words)
quality_maps = st.lists(qualities, unique_by=lambda q: q.role).map(lambda qs: {q.role: q for q in qs})
prosodies = st.builds(
    t.Prosody,
    *[counts] * 3,
    *[finite] * 2,
    counts,
    *[optional] * 2,
    *[finite] * 2,
    *[optional] * 2,
    *[finite] * 2,
    *[optional] * 3,
)
utterances = st.builds(t.Utterance, roles, finite, finite, prosodies, st.sampled_from(t.UtteranceKind), st.none() | counts)
turns = st.builds(t.Turn, roles, finite, finite, st.lists(counts, max_size=3).map(tuple))
transfers = st.builds(t.FloorTransfer, finite, roles, finite)
party_turns = st.builds(t.PartyTurns, measures, measures, counts, *[measures] * 4)
takings = st.builds(t.TurnTaking, *[measures] * 6, by_role(party_turns))
dialogues = st.builds(
    t.Dialogue,
    st.lists(utterances, max_size=2).map(tuple),
    st.lists(turns, max_size=2).map(tuple),
    st.lists(transfers, max_size=2).map(tuple),
    st.none() | st.tuples(finite, finite),
    takings,
)
influences = st.builds(t.Influence, *[measures] * 4, counts)
entrainments = st.builds(t.Entrainment, words, *[measures] * 6)
party_signals = st.builds(t.PartySignals, measures, measures, influences)
pairs = st.builds(t.PairSignals, measures, st.lists(entrainments, max_size=2).map(tuple))
signals = st.builds(t.Signals, by_role(party_signals), pairs)
axes = st.builds(t.AxisEstimate, words, finite, finite, st.dictionaries(words, finite, max_size=3))
styles = st.builds(
    t.StyleEstimate,
    st.lists(axes, max_size=2).map(tuple),
    st.dictionaries(words, finite, max_size=4),
    words,
    finite,
    st.none() | st.sampled_from(t.Reason),
)
models = st.builds(t.ModelInfo, words, words, words, words)
analyses = st.builds(t.CallAnalysis, calls, quality_maps, dialogues, signals, styles, models)
