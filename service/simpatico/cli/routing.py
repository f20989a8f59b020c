"""``simpatico routing``: what routing by the model was worth, what another policy would have been, and whether the log is what it seems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simpatico.cli.experiment import experiment as experiment_commands
from simpatico.cli.memory import AsJson, Assignments, Config, day, open_memory, print_json, read_settings
from simpatico.cli.usage import confidence as confidence_of

if TYPE_CHECKING:
    from simpatico.cli.proof import Span
    from simpatico.profiles.store import BlockingStore, Work
    from simpatico.routing.policy import Policy
    from simpatico.routing.utility import UtilityWeights

__all__ = ["routing"]

routing = typer.Typer(help="Lift of experiments, worth of a changed policy, replay of the decision log.", no_args_is_help=True)

Queue = Annotated[str | None, typer.Option(help="Queue to look at (default: the only one there is).")]
Since = Annotated[str | None, typer.Option(help="Decisions from this day or time on (UTC where it names no zone).")]
Until = Annotated[str | None, typer.Option(help="Decisions before this day or time.")]
Weights = Annotated[
    list[str] | None,
    typer.Option("--weight", metavar="NAME=X", help="What counts: resolved, csat, handle or bought, for instance csat=0.2; repeatable."),
]
LoadWeight = Annotated[float | None, typer.Option(help="Utility taken off for load (policy: load_weight).")]
IdleWeight = Annotated[float | None, typer.Option(help="Utility taken off agents who have just become idle (policy: idle_weight).")]
Exploration = Annotated[float | None, typer.Option(help="Factor on the draws, 0 for none (policy: exploration).")]
WithoutLive = Annotated[bool, typer.Option("--without-live", help="Style from the call itself does not count.")]
WithoutProfile = Annotated[bool, typer.Option("--without-profile", help="Style from earlier calls does not count.")]
WithoutStyle = Annotated[bool, typer.Option("--without-style", help="Neither counts: outcomes, reasons and load alone.")]
Confidence = Annotated[float, typer.Option(callback=confidence_of, help="Of the intervals, above 0.5 and below 1.")]


@routing.callback()
def _root() -> None:
    """Lift of experiments, worth of a changed policy, replay of the decision log."""


routing.add_typer(experiment_commands, name="experiment")


@routing.command()
def lift(
    *,
    config: Config = None,
    assignments: Assignments = None,
    experiment: Annotated[str | None, typer.Option(help="Experiment to look at (default: all).")] = None,
    weights: Weights = None,
    confidence: Confidence = 0.95,
    as_json: AsJson = False,
) -> None:
    """What routing by the model made of outcomes in switchback experiments, with an interval clustered by block."""
    from simpatico.cli.proof import lift_document, lifts, print_lifts

    settings = read_settings(config, assignments)
    counts = _weights(weights)
    with open_memory(settings) as store:
        found = store.read(lifts, experiment, counts, confidence)
    if as_json:
        print_json([lift_document(one) for one in found])
    else:
        print_lifts(found, confidence)


@routing.command()
def evaluate(
    *,
    config: Config = None,
    assignments: Assignments = None,
    queue: Queue = None,
    since: Since = None,
    until: Until = None,
    weights: Weights = None,
    load_weight: LoadWeight = None,
    idle_weight: IdleWeight = None,
    exploration: Exploration = None,
    without_live: WithoutLive = False,
    without_profile: WithoutProfile = False,
    without_style: WithoutStyle = False,
    confidence: Confidence = 0.95,
    as_json: AsJson = False,
) -> None:
    """What a changed policy would have been worth on the log of the one that ran; refused where the log is too thin."""
    from simpatico.cli.proof import evaluation, evaluation_document, print_evaluation

    changed = _policy(load_weight, idle_weight, exploration, without_live, without_profile, without_style)
    with _asked(config, assignments, queue, since, until, weights) as (store, span, counts):
        found, left_out = store.read(evaluation, span, changed, counts, confidence)
    if as_json:
        print_json(evaluation_document(found, changed, counts, left_out))
    else:
        print_evaluation(found, confidence, left_out)


@routing.command()
def replay(
    *,
    config: Config = None,
    assignments: Assignments = None,
    queue: Queue = None,
    since: Since = None,
    until: Until = None,
    weights: Weights = None,
    load_weight: LoadWeight = None,
    idle_weight: IdleWeight = None,
    exploration: Exploration = None,
    without_live: WithoutLive = False,
    without_profile: WithoutProfile = False,
    without_style: WithoutStyle = False,
    show: Annotated[int, typer.Option(min=0, help="Decisions to list, those that differ first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Make every logged decision again with the model as of then, and say which a changed policy would have made otherwise."""
    from simpatico.cli.proof import print_replays, replay_document, replayed

    changed = _policy(load_weight, idle_weight, exploration, without_live, without_profile, without_style)
    with _asked(config, assignments, queue, since, until, weights) as (store, span, counts):
        found = store.read(replayed, span, changed, counts)
    if as_json:
        print_json(replay_document(found))
    else:
        print_replays(found, show)


@contextmanager
def _asked(
    config: Path | None, assignments: list[str] | None, queue: str | None, since: str | None, until: str | None, weights: list[str] | None
) -> Iterator[tuple[BlockingStore, Span, UtilityWeights]]:
    """Yield the open memory, the decisions asked about, and what counts. What is said wrongly is found before anything is opened."""
    from simpatico.cli.proof import Span
    from simpatico.errors import ConfigError

    settings, counts = read_settings(config, assignments), _weights(weights)
    days = (day(since, "since") or 0.0, day(until, "until"))
    if days[1] is not None and days[0] >= days[1]:
        raise ConfigError(f"--since {since or '1970-01-01'} is not before --until {until}: no decision is from then", field="since")
    with open_memory(settings) as store:
        yield store, Span(store.read(_queue, queue), *days), counts


def _queue(work: Work, wanted: str | None) -> str:
    """Return the queue to look at.

    Raises
    ------
    RequestError
        There is none, or it is not said which.
    """
    from simpatico.errors import RequestError
    from simpatico.profiles.decisions import queues

    held = queues(work)
    if not held:
        raise RequestError("no decision is held yet: rankings for callers who agreed are, once the service has made some", field="queue")
    names = ", ".join(held[:10])
    if wanted is None and len(held) != 1:
        raise RequestError(f"which queue? Choose with --queue; decisions are held of: {names}", field="queue")
    if wanted is not None and wanted not in held:
        raise RequestError(f"no decision of queue {wanted[:40]!r} is held; decisions are held of: {names}", field="queue")
    return wanted or held[0]


def _policy(
    load_weight: float | None, idle_weight: float | None, exploration: float | None, no_live: bool, no_profile: bool, no_style: bool
) -> Policy:
    """Return the policy of the deployment with what was said otherwise; raises RequestError for what cannot be."""
    from dataclasses import replace

    from simpatico.routing.policy import DEFAULT_POLICY

    before = DEFAULT_POLICY
    changed = replace(
        before,
        load_weight=before.load_weight if load_weight is None else load_weight,
        idle_weight=before.idle_weight if idle_weight is None else idle_weight,
        exploration=before.exploration if exploration is None else exploration,
        use_live=before.use_live and not (no_live or no_style),
        use_profile=before.use_profile and not (no_profile or no_style),
    )
    return changed if changed == before else replace(changed, version=f"{before.version}, changed")


def _weights(said: Sequence[str] | None) -> UtilityWeights:
    """Return the deployment's weights with what was said otherwise.

    Raises
    ------
    ConfigError, RequestError
        It cannot be.
    """
    from dataclasses import replace

    from simpatico.errors import ConfigError
    from simpatico.routing.utility import DEFAULT_WEIGHTS

    names = ("resolved", "csat", "handle", "bought")
    changed: dict[str, float] = {}
    for text in said or ():
        name, _, value = text.partition("=")
        try:
            changed[name] = float(value)
        except ValueError:
            raise ConfigError(f"--weight {text!r} is not NAME=X; csat=0.2 would work", field="weight") from None
        if name not in names:
            raise ConfigError(f"--weight {text!r}: there is no {name!r}; there are {', '.join(names)}", field="weight")
    return replace(DEFAULT_WEIGHTS, **changed)
