"""Do activity and consistency put people in the right order, and are their standard errors honest?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bench.simulation.build import channel, conversation
from bench.simulation.prosody import Voice, voice_channel
from bench.simulation.timing import independent_talker
from bench.studies.table import Table, cell
from simpatico.signals.components import components
from simpatico.signals.composite import activity, consistency
from simpatico.signals.norms import AudioKind, Norm, NormTable
from simpatico.types import ChannelSpeech, Measure, Role

__all__ = ["rank_correlation", "voice_tables"]

KIND = AudioKind("narrow", "waveform")
CALLS_BEHIND_NORMS = 10_000
"""So many that the norms' own uncertainty does not blur what is studied here."""


def voice_tables(scale: float, seed: int = 3) -> Iterator[Table]:
    """Yield the tables; ``scale`` multiplies the number of runs (1 for the figures of the docs)."""
    rng = np.random.default_rng(seed)
    yield _consistency(scale, rng)
    yield _activity(scale, rng)


def rank_correlation(a: list[float], b: list[float]) -> float:
    """Return Spearman's rank correlation of two lists without ties."""
    ranks = [np.argsort(np.argsort(values)).astype(float) for values in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])


def norms_of(median: dict[str, float], relative_sd: float) -> NormTable:
    """Return norms of a population with these medians, whose figures spread by ``relative_sd`` of the median."""
    kind = (KIND.bandwidth, KIND.codec_family)
    rows = {(Role.CALLER, *kind, name): Norm(m, relative_sd * m / 1.4826, CALLS_BEHIND_NORMS) for name, m in median.items()}
    return NormTable(rows)


def _row(truth: list[float], found: list[Measure]) -> tuple[str, ...]:
    """Return rank correlation, bias, spread of the errors, reported standard error and how often truth lies within 2 of them."""
    pairs = [(t, m.value, m.se) for t, m in zip(truth, found, strict=True) if m.value is not None and m.se is not None]
    true, value, se = (np.array(column, float) for column in zip(*pairs, strict=True))
    error = value - true
    inside = 100 * np.mean(np.abs(error - error.mean()) < 2 * se)
    return (
        str(len(pairs)),
        cell(rank_correlation(list(true), list(value))),
        cell(error.mean()),
        cell(error.std()),
        cell(float(np.sqrt(np.mean(se**2)))),
        f"{inside:.0f} %",
    )


def _consistency(scale: float, rng: np.random.Generator) -> Table:
    table = Table(
        "Consistency: order of voices of known evenness",
        "Voices whose four spreads are exp(-s / 4) times the median voice's, s normal with SD 1; the true consistency is that of "
        "those spreads. `inside` is the share of errors, less their mean, within 2 reported standard errors.",
        ("speech, s", "calls", "rank correlation", "bias", "spread", "se", "inside"),
    )
    middle = Voice()
    table_of_norms = norms_of({name: getattr(middle, name) for name in Voice.__slots__}, 0.25)
    for speech_s in (10, 30, 120, 600):
        truth: list[float] = []
        found: list[Measure] = []
        for _ in range(max(8, round(scale * (300 if speech_s < 600 else 100)))):
            steadiness = float(rng.standard_normal())
            heard = {Role.CALLER: voice_channel(Voice.of_steadiness(steadiness), speech_s, rng)}
            truth.append((1.0 - float(np.exp(-0.25 * steadiness))) / 0.25)
            found.append(consistency(heard, Role.CALLER, KIND, table_of_norms))
        table.add(speech_s, *_row(truth, found))
    table.outro = (
        "The bias with 10 s is that of any spread estimated from few utterances: levels differ between utterances too, so a short "
        "call sounds more even than the same voice does in a long one. Compare calls of like length, or read the standard error."
    )
    return table


def _activity(scale: float, rng: np.random.Generator) -> Table:
    table = Table(
        "Activity: order of talkers of known activity",
        "Talkers who hear nobody and whose silences between turns last 3 to 24 s; the true activity of each is that of an hour of the same "
        "talker.",
        ("minutes", "calls", "rank correlation", "bias", "spread", "se", "inside"),
    )
    partner = channel(Role.AGENT, [(0.0, 1.0)])
    talkers = [float(s) for s in np.exp(rng.uniform(np.log(3.0), np.log(24.0), max(8, round(40 * scale))))]
    hours = [_talk(silence_s, 60, rng) for silence_s in talkers]
    names = ("speaking_share", "voiced_segments_per_s")
    whole = [components(*conversation({Role.CALLER: hour, Role.AGENT: partner}), Role.CALLER) for hour in hours]
    median = {name: float(np.median([float(w[name].value or 0.0) for w in whole])) for name in names}
    table_of_norms = norms_of(median, 0.3)
    truth = [_activity_of(hour, partner, table_of_norms).value or 0.0 for hour in hours]
    for minutes in (1, 2, 5, 10):
        repeats = 5
        found = [_activity_of(_talk(s, minutes, rng), partner, table_of_norms) for s in talkers for _ in range(repeats)]
        table.add(minutes, *_row([t for t in truth for _ in range(repeats)], found))
    return table


def _talk(silence_s: float, minutes: float, rng: np.random.Generator) -> ChannelSpeech:
    return channel(Role.CALLER, independent_talker(60 * minutes, rng, silence_s=silence_s))


def _activity_of(caller: ChannelSpeech, partner: ChannelSpeech, norms: NormTable) -> Measure:
    channels = {Role.CALLER: caller, Role.AGENT: partner}
    return activity(*conversation(channels), Role.CALLER, KIND, norms)
