"""Is routing worth it, fair, and is its proof right? A made-up call centre with known truth answers.

    python -m bench.routing                  three minutes of CPU on one core; the figures of docs/routing.md
    python -m bench.routing --scale 0.2      a fifth of the runs
    python -m bench.routing --knobs          what exploration and load weight cost and buy (another minute or two)

Seeds are fixed. "Points" are hundredths of the chance that a call goes well; "±" is half a 95 % interval over runs.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from functools import partial

os.environ.setdefault("OMP_NUM_THREADS", "1")  # Before NumPy is loaded.

import numpy as np

from bench.callcentre.floor import simulate
from bench.callcentre.policies import Ours, skills_only
from bench.callcentre.proof import changed_policies, experiments
from bench.callcentre.studies import Season, mean_of, objection, season
from bench.callcentre.world import Settings, draw_calls, draw_centre
from bench.studies.table import Table, cell, markdown, share
from simpatico.routing.explanation import counterfactuals
from simpatico.routing.observations import Observations
from simpatico.routing.policy import Policy
from simpatico.routing.ranking import rank_scored
from simpatico.routing.types import Agent, AxisBelief, Candidate, Observation, RankRequest, Source, StyleBelief
from simpatico.routing.variance import fit

SEED = 20261122
CALLS = 3_000
STYLED = Settings()
PLAIN = Settings(style_effect=0.0)
SPREAD_BOUND = 0.05
"""What issue and docs state: the SD of agents' occupancy may exceed that of neutral routing by this much."""


def runs_of(full: int, scale: float) -> int:
    """Runs at this scale, at least 4 so that there are intervals."""
    return max(4, round(full * scale))


def season_table(title: str, found: Season) -> Table:
    """Regret by quarter, gain, occupancy and waiting of every policy."""
    runs, count = found.results["neutral"].quality.shape
    table = Table(
        title,
        f"{runs} runs of {count} calls, {found.centre.settings.agents} agents. Regret against the oracle by quarter of the calls, points.",
        ("policy", "1st", "2nd", "3rd", "4th", "gain on skills only", "late gain", "SD of occupancy", "wait s"),
    )
    for name, result in found.results.items():
        gains = ("", "") if name == "skills only" else (found.gain(name, "skills only").text(), found.late_gain(name, "skills only").text())
        regret = [r.text() for r in found.regret(name)]
        table.add(name, *regret, *gains, mean_of(found.spread(name)).text(1), cell(float(result.wait_s.mean()), 1))
    over = mean_of(found.spread("ours") - found.spread("neutral"))
    kept = "kept" if over.high < SPREAD_BOUND else "BROKEN"
    table.outro = f"SD of occupancy, ours minus neutral: {over.text(1)} points; the bound is {100 * SPREAD_BOUND:.0f}: {kept}."
    return table


def evidence_table(scale: float) -> Table:
    """What ours gains by how well style is heard."""
    table = Table(
        "How well must style be heard?",
        "Gain of ours on skills only in the last quarter, points, by the uncertainty of style after this call's speech (1: nothing "
        "heard; the shipped bundle prior-1 leaves about 0.95). Profiles are built from the same evidence.",
        ("sd of live style", "ours", "oracle", "share of the oracle's"),
    )
    for sd in (0.95, 0.8, 0.5):
        found = season(Settings(live_sd=sd), runs_of(10, scale), CALLS, SEED + 7)
        ours, best = found.late_gain("ours", "skills only"), found.late_gain("oracle", "skills only")
        table.add(sd, ours.text(), best.text(), f"{100 * ours.value / best.value:.0f} %")
    return table


def proof_table(scale: float) -> Table:
    """Coverage of the lift's interval, and A/A."""
    runs = runs_of(300, scale)
    table = Table(
        "Lift of switchback experiments",
        f"{runs} experiments of 2000 calls in blocks of an hour, 15 minutes of washout; hours have luck of their own. "
        "Truth: all ON against all OFF.",
        ("experiment", "true lift", "mean estimate", "half width", "95 % interval covers", "p < .05"),
    )
    for name, aa in (("on / off", False), ("A/A", True)):
        found = experiments(STYLED, runs, 2_000, SEED, aa=aa)
        covered, significant = (share(round(s * runs), runs) for s in (found.covered, found.significant))
        table.add(name, cell(100 * found.true_lift), found.estimate.text(), cell(100 * found.width), covered, significant)
    return table


def changed_table(past: Season, scale: float) -> Table:
    """Off-policy evaluation against the truth."""
    runs = min(runs_of(10, scale), past.centre.level.shape[0])
    table = Table(
        "A changed policy, evaluated from the log of another",
        f"{runs} logs of 1200 calls, routed with full Thompson sampling by the models that a season left. Truth: expected utility of the "
        "changed policy on the same calls. Errors (estimate minus truth): mean and SD over logs, points.",
        ("changed policy", "truth minus logged", "IPS", "SNIPS", "DR", "DR covers", "effective calls", "refused"),
    )
    for found in changed_policies(past, runs, 1_200, SEED):
        errors = [found.error(name) for name in ("ips", "snips", "dr")]
        cells = [f"{100 * e.mean():+.2f} (SD {100 * e.std():.2f})" if e.size else "-" for e in errors]
        kept = errors[2].size
        effective = float(np.mean([e.effective for e in found.evaluations]))
        calls = float(np.mean([e.calls for e in found.evaluations]))
        change = mean_of(found.truth - found.logged).text()
        table.add(found.name, change, *cells, f"{found.covered('dr')} of {kept}", f"{effective:.0f} of {calls:.0f}", runs - kept)
    return table


def objection_table(scale: float) -> Table:
    """What an objection costs."""
    found = objection(Settings(objecting=0.2, occupancy=0.85), runs_of(10, scale), 1_000, SEED)
    table = Table(
        "What an objection costs",
        f"{found.calls} calls, {found.objecting} of them by objectors, busy floor; against the same calls where all are routed neutrally.",
        ("figure of objectors", "value"),
    )
    table.add("wait where all are neutral, s", found.wait_neutral_s.text(1, 1.0))
    table.add("wait, change where others are routed by the model, s", found.wait_change_s.text(2, 1.0))
    table.add("the same, against the others' change, s", found.wait_against_others_s.text(2, 1.0))
    table.add("chance of going well, change, points", found.quality_change.text())
    table.add("the same where others are routed by skills only, points", found.quality_change_by_skills.text())
    return table


def speed_table() -> Table:
    """CPU of one ranking."""
    table = Table("CPU of one decision, ms (median of 60)", "", ("eligible agents", "rank", "counterfactuals", "fit of the model"))
    rng = np.random.default_rng(0)
    for count in (20, 200, 1_000):
        rows = []
        for _ in range(count * 30):
            m = rng.normal(size=2)
            rows.append(Observation(f"a{rng.integers(count)}", f"r{rng.integers(6)}", _belief(m, Source.LIVE), float(rng.random())))
        learned = Observations.rebuilt(rows)
        start = time.process_time()
        model = fit(learned)
        fitted = time.process_time() - start
        people = tuple(Candidate(Agent(f"a{a}"), 0, float(a), float(rng.uniform(0.6, 0.8))) for a in range(count))
        asked = RankRequest("q", people, "r1", _belief((1.0, -1.0), Source.LIVE), _belief((0.2, 0.1), Source.PROFILE))
        spent: dict[str, list[float]] = {"rank": [], "why": []}
        for seed in range(60):
            start = time.process_time()
            _, scores = rank_scored(asked, model, seed=seed)
            middle = time.process_time()
            counterfactuals(asked, model, seed=seed, actual=scores)  # as the service does
            spent["rank"].append(middle - start)
            spent["why"].append(time.process_time() - middle)
        table.add(count, *(cell(1e3 * float(np.median(times))) for times in spent.values()), cell(1e3 * fitted, 1))
    return table


def _belief(mean: object, source: Source) -> StyleBelief:
    first, second = (float(x) for x in mean)  # type: ignore[attr-defined]
    return StyleBelief((AxisBelief("assertiveness", first, 0.8), AxisBelief("responsiveness", second, 0.8)), frozenset({source}))


def knobs_table(scale: float) -> Table:
    """Why the defaults of exploration and load weight are what they are."""
    runs = runs_of(10, scale)
    centre, calls = draw_centre(STYLED, runs, SEED + 9), draw_calls(STYLED, runs, CALLS, SEED + 9)
    base = simulate(centre, calls, partial(skills_only, centre, calls))
    table = Table(
        "Exploration and load weight",
        f"{runs} runs of {CALLS} calls. Gain on skills only, points; SD of occupancy, points.",
        ("exploration", "load weight", "gain", "late gain", "SD of occupancy"),
    )
    for exploration, load_weight in ((1.0, 1.0), (0.5, 1.0), (0.25, 1.0), (0.5, 0.25), (0.5, 0.5), (0.5, 2.0)):
        ours = Ours(centre, calls, Policy(exploration=exploration, load_weight=load_weight), SEED)
        found = simulate(centre, calls, ours.choose, ours.learn)
        gain = found.quality - base.quality
        late = gain[:, 3 * CALLS // 4 :]
        spread = mean_of(found.worked.std(axis=1)).text(1)
        table.add(exploration, load_weight, mean_of(gain.mean(axis=1)).text(), mean_of(late.mean(axis=1)).text(), spread)
    return table


def all_tables(scale: float) -> Iterator[Table]:
    """Yield every table."""
    past = season(STYLED, runs_of(20, scale), CALLS, SEED, without_style=True)
    yield season_table("Style matters", past)
    yield season_table("Style does not matter at all", season(PLAIN, runs_of(20, scale), CALLS, SEED + 1))
    yield evidence_table(scale)
    yield proof_table(scale)
    yield changed_table(past, scale)
    yield objection_table(scale)
    yield speed_table()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the runs to make, above 0")
    parser.add_argument("--knobs", action="store_true", help="print what the defaults of the policy were chosen by, and nothing else")
    options = parser.parse_args()
    scale = options.scale
    if not scale > 0:
        parser.error(f"--scale is {scale}; it must be above 0 (1 gives the figures of the docs)")
    start = time.process_time()
    for table in [knobs_table(scale)] if options.knobs else all_tables(scale):
        print(markdown(table), flush=True)
    print(f"{time.process_time() - start:.0f} s of CPU")


if __name__ == "__main__":
    main()
