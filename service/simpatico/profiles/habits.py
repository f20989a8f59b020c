"""Habits: what a caller usually calls about, what to expect next, and how surprising a call is against the caller's own past.

The rules:

1. A caller's calls are a Markov chain over call reasons. P(next reason | previous) shrinks in three steps, each to the next: what this
   caller did after that reason, what this caller calls about at all, and what callers of the deployment do. The step is the predictive
   rule of a Pitman-Yor process (Teh 2006, in the interpolated Kneser-Ney form): counts less a discount, and what was discounted goes to the
   step below. A caller with many one-off reasons therefore keeps more probability for a new one than a caller who always has the same.
2. Time of day (six parts of four hours) and weekday (seven) are factors P(time | reason) / P(time), from the caller's own calls, shrunk
   to 1. Time alone is never surprising: only a reason, given the time.
   Not everybody has sequences, or a clock. The chain and each factor of time count as far as the caller's own calls speak for
   them: with the posterior probability (Bayes factor of Dirichlet-multinomials, even prior odds) that there is any such dependence.
3. *Surprise* is in bits, -log2 P(reason). Alone it says little: someone who calls about eight things equally often surprises by 3 bits
   each time. Whether a call is *unusual* is therefore asked of its tail: the probability of a reason at least as improbable as
   this one. `tail_bits` is its -log2 (Greenland's S-value). At the threshold of 6 bits a caller who goes on as ever would be flagged in at
   most 1 of 64 calls if the prediction were exact; `python -m bench.habits` prints what it is.
4. A newcomer is never unusual: below `MIN_CALLS` own calls nothing is flagged, whatever the figures.
5. The order of calls is the order in which they were kept, never that of a clock.

References
----------
Kass, R. E. & Raftery, A. E. (1995). Bayes factors. Journal of the American Statistical Association 90, 773-795. Teh, Y. W. (2006). A
hierarchical Bayesian language model based on Pitman-Yor processes. COLING/ACL, 985-992. Greenland, S. (2019). Valid p-values behave
exactly as they should: S-values. The American Statistician 73(sup1), 106-114.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from simpatico.errors import RequestError

__all__ = [
    "HISTORY_CALLS",
    "MAX_REASON_LENGTH",
    "MIN_CALLS",
    "THRESHOLD_BITS",
    "CallTime",
    "Expectation",
    "Habits",
    "PastCall",
    "Surprise",
    "expected_next",
    "population",
    "surprise",
]

HISTORY_CALLS = 200
"""Calls that a caller's habits rest on, the latest: older ones say little of today, and the work per call is bounded."""
MIN_CALLS = 10
"""Own calls below which nothing is called unusual. With 10, shrinkage alone already keeps the false flags of a newcomer low
(`python -m bench.habits`); this makes it a rule."""
THRESHOLD_BITS = 6.0
"""Tail bits from which a call is unusual: p <= 1/64. At most 5 % of usual calls may be flagged; with 5 bits it was up to 9 % for callers
with many equally common reasons, of whom few calls are known, because their rare reasons are underestimated (`python -m
bench.habits`)."""
MAX_REASON_LENGTH = 256
"""Characters of a reason."""
MAX_REASONS = 1000
"""Different reasons that a prediction is spread over."""
NEW_REASON = ""
"""Stands in a prediction for every reason that neither this caller nor anybody else has called about."""

_DISCOUNT = 0.5
"""d of the Pitman-Yor process: how fast new reasons keep coming. Teh (2006) finds .6 to .8 for words; callers have fewer reasons."""
_STRENGTH_CHAIN = 2.0
"""Calls' worth of the caller's own mix behind each row of the chain."""
_STRENGTH_OWN = 4.0
"""Calls' worth of the deployment's mix behind a caller's own."""
_STRENGTH_POPULATION = 1.0
"""Calls' worth of an even spread behind the deployment's mix."""
_STRENGTH_TIME = 4.0
"""Calls' worth of 'time says nothing' behind each reason's times."""
_LARGEST_EXPONENT = 700.0
"""exp of more overflows."""
_HOURS_PER_PART = 4
_DAY_PARTS = 24 // _HOURS_PER_PART
_WEEKDAYS = 7


@dataclass(frozen=True, slots=True)
class CallTime:
    """Local time of a call: weekday 0 (Monday) to 6, and hour 0 to 23.

    Raises
    ------
    RequestError
        When one is out of its range.
    """

    weekday: int
    hour: int

    def __post_init__(self) -> None:
        if not (0 <= self.weekday < _WEEKDAYS and 0 <= self.hour < 24):
            raise RequestError(f"weekday must be 0 to 6 and hour 0 to 23, got {self.weekday!r} and {self.hour!r}", field="time")

    @property
    def slots(self) -> tuple[int, int]:
        """Part of the day (0 to 5) and weekday."""
        return self.hour // _HOURS_PER_PART, self.weekday


@dataclass(frozen=True, slots=True)
class PastCall:
    """One call of a caller as far as habits are concerned: why and when.

    Raises
    ------
    RequestError
        When the reason is empty or longer than 256 characters.
    """

    reason: str
    time: CallTime

    def __post_init__(self) -> None:
        if not 0 < len(self.reason) <= MAX_REASON_LENGTH:
            raise RequestError(
                f"a call reason must have 1 to {MAX_REASON_LENGTH} characters, got {len(self.reason)}; leave unknown reasons out",
                field="reason",
            )


@dataclass(frozen=True, slots=True)
class Habits:
    """Counts over a sequence of calls; built by `Habits.of` for one caller and by `population` for all.

    ``reasons`` counts reasons, ``moves`` pairs of successive ones, ``times`` (which slot, its value, reason). ``last`` is the reason of the
    latest call, or None.
    """

    reasons: Mapping[str, int] = field(default_factory=dict)
    moves: Mapping[tuple[str, str], int] = field(default_factory=dict)
    times: Mapping[tuple[int, int, str], int] = field(default_factory=dict)
    last: str | None = None

    @property
    def calls(self) -> int:
        """How many calls are counted."""
        return sum(self.reasons.values())

    @classmethod
    def of(cls, past: Sequence[PastCall]) -> Habits:
        """Count the calls of one caller, oldest first; only the latest `HISTORY_CALLS`."""
        recent = past[-HISTORY_CALLS:]
        return cls(
            reasons=Counter(call.reason for call in recent),
            moves=Counter((a.reason, b.reason) for a, b in pairwise(recent)),
            times=Counter((slot, value, call.reason) for call in recent for slot, value in enumerate(call.time.slots)),
            last=recent[-1].reason if recent else None,
        )


def population(callers: Iterable[Habits]) -> Habits:
    """Add up the habits of many callers; times are left out, they are a caller's own."""
    reasons: Counter[str] = Counter()
    moves: Counter[tuple[str, str]] = Counter()
    for habits in callers:
        reasons.update(habits.reasons)
        moves.update(habits.moves)
    return Habits(dict(reasons.most_common(MAX_REASONS)), moves)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What to expect: probability by reason, likeliest first, and `NEW_REASON` for any other. They sum to 1."""

    probabilities: Mapping[str, float]
    own_calls: int

    @property
    def entropy_bits(self) -> float:
        """Surprise to be expected of a caller who goes on as ever."""
        return -math.fsum(p * math.log2(p) for p in self.probabilities.values() if p > 0.0)


@dataclass(frozen=True, slots=True)
class Surprise:
    """How surprising a call is for this caller.

    Attributes
    ----------
    bits
        -log2 of the reason's probability, 0 or more.
    expected_bits
        What this caller's calls bring on average.
    tail_bits
        -log2 of the probability of a reason at least as improbable, 0 or more.
    unusual
        Whether ``tail_bits`` reaches the threshold and enough is known of the caller. Never for a newcomer.
    own_calls
        Calls of the caller's own that this rests on.
    """

    bits: float
    expected_bits: float
    tail_bits: float
    unusual: bool
    own_calls: int

    @property
    def newcomer(self) -> bool:
        """Whether too little is known of the caller to call anything unusual."""
        return self.own_calls < MIN_CALLS


def _step(counts: Mapping[str, int], strength: float, below: Mapping[str, float]) -> dict[str, float]:
    """One step of the hierarchy: the Pitman-Yor predictive rule with one table per reason."""
    total, kinds = sum(counts.values()), len(counts)
    if total == 0:
        return dict(below)
    back = strength + _DISCOUNT * kinds
    return {r: (max(counts.get(r, 0) - _DISCOUNT, 0.0) + back * p) / (total + strength) for r, p in below.items()}


def _base(habits: Habits, everyone: Habits) -> dict[str, float]:
    """The deployment's mix of reasons, over every reason seen and `NEW_REASON`."""
    seen = sorted({*habits.reasons, *everyone.reasons})
    even = {r: 1.0 / (len(seen) + 1) for r in [*seen, NEW_REASON]}
    return _step(everyone.reasons, _STRENGTH_POPULATION, even)


def _row(moves: Mapping[tuple[str, str], int], previous: str | None) -> dict[str, int]:
    return {after: n for (before, after), n in moves.items() if before == previous}


def _dependence(rows: Mapping[str, Mapping[str, int]], common: Mapping[str, float], strength: float) -> float:
    """Posterior probability, at even prior odds, that rows of counts differ rather than being draws from ``common``."""
    bits = 0.0
    for counts in rows.values():
        bits += math.lgamma(strength) - math.lgamma(sum(counts.values()) + strength)
        for kind, n in counts.items():
            p = common[kind]
            bits += math.lgamma(n + strength * p) - math.lgamma(strength * p) - n * math.log(p)
    return 1.0 / (1.0 + math.exp(-bits)) if bits > -_LARGEST_EXPONENT else 0.0


def _chain(habits: Habits, own: dict[str, float]) -> dict[str, float]:
    """The caller's mix after the last reason."""
    if habits.last is None:
        return own
    rows: dict[str, dict[str, int]] = {}
    for (before, after), n in habits.moves.items():
        rows.setdefault(before, {})[after] = n
    weight = _dependence(rows, own, _STRENGTH_CHAIN)
    row = _step(rows.get(habits.last, {}), _STRENGTH_CHAIN, own)
    return {r: weight * row[r] + (1.0 - weight) * p for r, p in own.items()}


def _timed(habits: Habits, probabilities: dict[str, float], slot: int, value: int) -> dict[str, float]:
    """Probabilities of the reasons at this time of day, or on this weekday."""
    size = (_DAY_PARTS, _WEEKDAYS)[slot]
    overall = dict.fromkeys(map(str, range(size)), _STRENGTH_TIME / size)
    rows: dict[str, dict[str, int]] = {}
    for (s, v, reason), n in habits.times.items():
        if s == slot:
            overall[str(v)] += n
            rows.setdefault(reason, {})[str(v)] = n
    overall = {v: n / (habits.calls + _STRENGTH_TIME) for v, n in overall.items()}
    weight = _dependence(rows, overall, _STRENGTH_TIME)
    at = overall[str(value)]
    factor = {
        r: (rows.get(r, {}).get(str(value), 0) + _STRENGTH_TIME * at) / (habits.reasons.get(r, 0) + _STRENGTH_TIME) / at
        for r in probabilities
    }
    total = math.fsum(p * factor[r] for r, p in probabilities.items())
    return {r: p * (weight * factor[r] / total + 1.0 - weight) for r, p in probabilities.items()}


def expected_next(habits: Habits, everyone: Habits, time: CallTime) -> Expectation:
    """Predict the reason of the next call.

    Parameters
    ----------
    habits
        The caller's own.
    everyone
        The deployment's, which a newcomer's prediction is; `Habits()` when there is none.
    time
        When the call comes, local.
    """
    base = _base(habits, everyone)
    common = _step(_row(everyone.moves, habits.last), _STRENGTH_OWN, base) if habits.last is not None else base
    own = _step(habits.reasons, _STRENGTH_OWN, common)
    probabilities = _chain(habits, own)
    for slot, value in enumerate(time.slots):
        probabilities = _timed(habits, probabilities, slot, value)
    total = math.fsum(probabilities.values())
    ordered = sorted(probabilities.items(), key=lambda item: (-item[1], item[0]))
    return Expectation({r: p / total for r, p in ordered}, habits.calls)


def surprise(habits: Habits, everyone: Habits, call: PastCall) -> Surprise:
    """Say how surprising a call is after what the caller did before.

    Parameters
    ----------
    habits, everyone
        As for `expected_next`; ``call`` is not in them.
    call
        The call that came.
    """
    expectation = expected_next(habits, everyone, call.time)
    probabilities = expectation.probabilities
    p = probabilities.get(call.reason, probabilities[NEW_REASON])
    # The tail counts reasons as improbable up to rounding, so that equal ones are one class.
    tail = min(1.0, math.fsum(q for q in probabilities.values() if q <= p * (1.0 + 1e-9)))
    tail_bits = max(0.0, -math.log2(tail))
    return Surprise(
        bits=max(0.0, -math.log2(p)),
        expected_bits=expectation.entropy_bits,
        tail_bits=tail_bits,
        unusual=tail_bits >= THRESHOLD_BITS and habits.calls >= MIN_CALLS,
        own_calls=habits.calls,
    )
