"""Real calls: influence and entrainment on the eight real calls, and between callers and agents who never spoke to each other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bench.harper_valley import RealCall, find_folder, load_calls
from bench.simulation.build import conversation, merge_times
from bench.studies.entrainment import FIGURES, found_any
from bench.studies.influence import call_of, column, estimates, significant
from bench.studies.table import Table, cell
from simpatico.core import FrameExtractor
from simpatico.signals.entrainment import entrainment
from simpatico.signals.influence import influence
from simpatico.turns import ChannelTracker
from simpatico.types import ChannelSpeech, Influence, Measure, Role

__all__ = ["hear", "real_tables", "sham_pairs"]

SURROGATES = 999
"""More than the service uses: there are only eight calls."""


def real_tables(_scale: float) -> Iterator[Table]:
    """Yield the tables; none where the calls are absent."""
    folder = find_folder()
    if folder is None:
        return
    calls = load_calls(folder)
    yield _real(calls)
    yield _sham(calls)
    yield _matching(calls)


def sham_pairs(calls: list[RealCall]) -> Iterator[tuple[RealCall, RealCall]]:
    """Yield each call beside every other call, to pair the caller of the one with the agent of the other; never one person with himself."""
    for one in calls:
        for other in calls:
            if one is not other and one.speakers[Role.CALLER] != other.speakers[Role.AGENT]:
                yield one, other


def hear(call: RealCall) -> dict[Role, ChannelSpeech]:
    """Return both channels of a call through the service's own core and speech detector."""
    heard: dict[Role, ChannelSpeech] = {}
    for role, track in zip((Role.CALLER, Role.AGENT), call.samples().T, strict=True):
        extractor, tracker = FrameExtractor(call.sample_rate_hz), ChannelTracker(role, call.sample_rate_hz)
        samples = np.ascontiguousarray(track)
        tracker.push(samples, extractor.push(samples))
        tracker.push(samples[:0], extractor.finish())
        tracker.finish()
        heard[role] = tracker.snapshot()
    return heard


def _times(call: RealCall, role: Role) -> list[tuple[float, float]]:
    return merge_times((s.start_s, s.end_s) for s in call.segments[role] if not s.noise)


def _real(calls: list[RealCall]) -> Table:
    table = Table(
        "Influence: the eight real calls",
        "Human-timed segments of the eight calls (HarperValleyBank, CC BY 4.0), about a minute each: that is too short for power in a"
        " single call. weight ± standard error, and p.",
        ("call", "ticks", "caller", "excess", "p", "agent", "excess ", "p "),
    )
    for call in calls:
        found = influence(*call_of(_times(call, Role.CALLER), _times(call, Role.AGENT)), seed=0, surrogates=SURROGATES)
        table.add(call.call_id[:8], found[Role.CALLER].ticks, *(text for role in Role for text in _cells(found[role])))
    return table


def _cells(one: Influence) -> tuple[str, str, str]:
    return _text(one.weight, with_se=True), _text(one.excess), _text(one.p_value, digits=3)


def _text(measure: Measure, *, with_se: bool = False, digits: int = 2) -> str:
    if measure.value is None:
        return str(measure.reason)
    return cell(measure.value, digits) + (f" ± {measure.se:.2f}" if with_se and measure.se is not None else "")


def _sham(calls: list[RealCall]) -> Table:
    table = Table(
        "Influence: real pairs and sham pairs",
        "The same eight calls, and each caller with the agents of the other calls (who never spoke to each other). Sham pairs share "
        "their parts, so the error given for their share is too small.",
        ("pairs", "party", "estimates", "weight", "excess", "p < .05", "all together, p"),
    )
    kinds = {
        "real": [call_of(_times(call, Role.CALLER), _times(call, Role.AGENT)) for call in calls],
        "sham": [call_of(_times(one, Role.CALLER), _times(other, Role.AGENT)) for one, other in sham_pairs(calls)],
    }
    for name, pairs in kinds.items():
        for role in Role:
            found = estimates(pairs, role)
            means = (cell(column(found, "weight").mean()), cell(column(found, "excess").mean()))
            together = cell(_fisher(column(found, "p_value")), 3) if name == "real" else "not independent"
            table.add(name, role.value, len(found), *means, significant(found), together)
    table.outro = "The last column joins the eight p-values by Fisher's method."
    return table


def _matching(calls: list[RealCall]) -> Table:
    table = Table(
        "Entrainment: real pairs and sham pairs",
        "The eight calls through the service's own core and speech detector. Pairs with at least one figure; in how many of them a "
        "descriptor has q < .05 for each figure; and the mean synchrony.",
        ("pairs", "with a figure", "turns (median)", *FIGURES, "mean synchrony"),
    )
    heard = {call.call_id: hear(call) for call in calls}
    kinds = {"real": [(call, call) for call in calls], "sham": list(sham_pairs(calls))}
    for name, pairs in kinds.items():
        results, turns = [], []
        for one, other in pairs:
            talk = conversation({Role.CALLER: heard[one.call_id][Role.CALLER], Role.AGENT: heard[other.call_id][Role.AGENT]})
            found = entrainment(*talk, seed=0, surrogates=SURROGATES)
            if any(e.synchrony.value is not None for e in found):
                results.append(found)
                turns.append(len(talk[0].turns))
        synchrony = [e.synchrony.value for found in results for e in found if e.synchrony.value is not None]
        counts = (found_any(results, figure) for figure in FIGURES)
        table.add(name, f"{len(results)} of {len(pairs)}", cell(float(np.median(turns)), 0), *counts, cell(float(np.mean(synchrony))))
    table.outro = "Calls of a minute have too few turns to show anything: no claim about these eight pairs."
    return table


def _fisher(p_values: NDArray[np.float64]) -> float:
    """Return the p-value of -2 sum(log p) under chi-square with two degrees of freedom for each, in closed form."""
    half = -float(np.log(p_values).sum())
    terms = [1.0]
    for k in range(1, len(p_values)):
        terms.append(terms[-1] * half / k)
    return float(np.exp(-half) * sum(terms))
