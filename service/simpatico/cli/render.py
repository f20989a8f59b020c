"""A call's analysis for a person's eyes: what was measured, how far it can be trusted, and what it does not say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from simpatico.types import CallAnalysis, Measure, Reason, Role

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["interim_line", "print_analysis", "render_analysis"]

REASONS: dict[Reason, str] = {
    Reason.ONE_CHANNEL: "not applicable: needs both channels",
    Reason.NO_SPEECH: "no speech",
    Reason.TOO_LITTLE_SPEECH: "too little speech",
    Reason.TOO_FEW_TURNS: "too few turns",
    Reason.NO_VOICED_SPEECH: "no voiced speech",
    Reason.NO_VARIATION: "no variation",
    Reason.AGENT_NOT_SCORED: "agents are not scored",
    Reason.NO_NORMS: "no norms for this kind of audio",
    Reason.NOISE_UNKNOWN: "no silence to measure noise in",
}
SIGNIFICANT = 0.05
"""Level below which a p-value or q-value is printed in bold; the customary one."""


def show(measure: Measure, unit: str = "", digits: int = 2) -> Text:
    """Return ``value ± se unit``, or the reason why there is none."""
    if measure.value is None:
        return Text(REASONS[measure.reason] if measure.reason else "missing", style="dim")
    text = f"{measure.value:.{digits}f}"
    if measure.se is not None:
        text += f" ± {measure.se:.{digits}f}"
    return Text(f"{text} {unit}".rstrip())


def _rows(title: str, columns: Iterable[str], rows: Iterable[tuple[str | Text, ...]]) -> RenderableType:
    columns = list(columns)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=any(columns))
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*row)
    return Group(Text(title, style="bold"), table)


def _speakers(analysis: CallAnalysis) -> RenderableType:
    roles = [role for role in Role if role in analysis.quality]
    party = analysis.dialogue.taking.parties
    signals = analysis.signals.parties
    rows: list[tuple[str | Text, ...]] = [
        ("speech", *(f"{analysis.quality[r].speech_s:.1f} s" for r in roles)),
        ("signal to noise", *(show(analysis.quality[r].snr_db, "dB", 0) for r in roles)),
    ]
    if party:
        rows += [
            ("share of speech", *(show(party[r].talk_share) for r in roles)),
            ("turns", *(str(party[r].turns) for r in roles)),
            ("syllables", *(show(party[r].articulation_rate_hz, "/s") for r in roles)),
            ("backchannels", *(show(party[r].backchannels_per_min, "/min") for r in roles)),
            ("interruptions", *(show(party[r].interruptions_per_min, "/min") for r in roles)),
        ]
    if signals:
        rows += [
            ("activity", *(show(signals[r].activity, "SD") for r in roles)),
            ("consistency", *(show(signals[r].consistency, "SD") for r in roles)),
            ("influenced by the other", *(show(signals[r].influence.excess) for r in roles)),
            ("  p against chance", *(_p(signals[r].influence.p_value) for r in roles)),
        ]
    return _rows("Each speaker", ["", *(r.value for r in roles)], rows)


def _p(measure: Measure) -> Text:
    text = show(Measure(measure.value, None, measure.evidence_s, measure.reason), digits=3)
    if measure.value is not None and measure.value < SIGNIFICANT:
        text.stylize("bold")
    return text


def _with_q(measure: Measure, q: Measure) -> Text:
    text = show(measure)
    if q.value is not None:
        text.append(f" ({q.value:.2f})".replace("(0.", "(."), style="bold" if q.value < SIGNIFICANT else "dim")
    return text


def _pair(analysis: CallAnalysis) -> RenderableType:
    taking, pair = analysis.dialogue.taking, analysis.signals.pair
    timing = _rows(
        "The pair",
        ["", ""],
        [
            ("floor-transfer offset, median", show(taking.fto_median_s, "s")),
            ("  overlapping", show(taking.fto_overlap_share)),
            ("  over 1 s", show(taking.fto_long_gap_share)),
            ("longest silence", show(taking.longest_silence_s, "s")),
            ("short exchanges", show(pair.short_exchange_rate, "/min")),
        ],
    )
    if not pair.entrainment:
        return timing
    matching = _rows(
        "Acoustic matching (in brackets q, against shuffled turns)",
        ["", "proximity", "synchrony", "convergence"],
        [
            (
                e.descriptor,
                _with_q(e.proximity, e.proximity_q),
                _with_q(e.synchrony, e.synchrony_q),
                _with_q(e.convergence, e.convergence_q),
            )
            for e in pair.entrainment
        ],
    )
    return Group(timing, matching)


def _style(analysis: CallAnalysis) -> RenderableType:
    style = analysis.style
    rows = [(axis.name, f"{axis.mean:+.2f} ± {axis.sd:.2f} SD") for axis in style.axes]
    rows += [(label, f"{p:.0%}") for label, p in sorted(style.probabilities.items(), key=lambda item: -item[1])]
    table = _rows("Perceived interaction style of the caller in this call", ["", ""], rows)
    verdict = Text.assemble("  ", (style.label, "bold"), f", from {style.evidence_s:.1f} s of the caller's utterances")
    if style.reason is not None:
        verdict.append(f" ({REASONS[style.reason]})")
    return Group(table, verdict)


def render_analysis(analysis: CallAnalysis) -> RenderableType:
    """Return the whole analysis as tables."""
    call = analysis.call
    head = Text.assemble(
        (call.call_id, "bold"),
        f"  {call.duration_s:.1f} s, {call.format.channels} channel(s), {call.format.codec} {call.format.sample_rate_hz} Hz,"
        f" bundle {analysis.model.name} {analysis.model.version}",
    )
    return Group(head, Text(), _speakers(analysis), _pair(analysis), _style(analysis))


def print_analysis(analysis: CallAnalysis, console: Console | None = None) -> None:
    """Print the whole analysis to ``console`` (default: standard output)."""
    (console or Console()).print(render_analysis(analysis))


def interim_line(analysis: CallAnalysis) -> Text:
    """Return one line that says what is known of the call so far, with the seconds of the caller's utterances in brackets."""
    style = analysis.style
    axes = "  ".join(f"{axis.name} {axis.mean:+.1f}±{axis.sd:.1f}" for axis in style.axes)
    return Text(f"{analysis.call.duration_s:3.0f} s  {axes}  {style.label} ({style.evidence_s:.0f} s)")
