"""Agents, and who of them is eligible for a call: one by one, or a thousand at once as columns.

A ranking of a thousand agents is arithmetic on a handful of arrays; making a thousand objects first would cost more than the arithmetic.
`Candidates` therefore holds columns and makes a `Candidate` only for whoever looks at one. What the columns may hold is checked for all of
them at once, by the same rules and with the same words as one `Candidate`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, overload

import numpy as np
from numpy.typing import NDArray

from simpatico.errors import RequestError
from simpatico.routing.checks import checked_count, checked_name, checked_number, checked_tags
from simpatico.routing.roster import Picked

if TYPE_CHECKING:
    from simpatico.routing.posterior import Posterior

__all__ = ["Agent", "Candidate", "Candidates"]

MAX_CALLS: Final = 1000
"""Calls that one agent may have at once."""
MAX_IDLE_S: Final = 1e8
"""Three years: a longer time since the last call is a mistake of units."""

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent as declared by the deployment. ``capacity`` is how many calls they may have at once (1 for voice)."""

    agent_id: str
    skills: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    capacity: int = 1

    def __post_init__(self) -> None:
        checked_name(self.agent_id, "agent_id")
        checked_tags(self.skills, "skills")
        checked_tags(self.languages, "languages")
        checked_count(self.capacity, "capacity", 1, MAX_CALLS)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent whom the ACD (automatic call distributor) calls eligible now, with what the ACD says of their load.

    Attributes
    ----------
    agent
        As declared.
    open_calls
        Calls they have at this moment.
    idle_s
        Seconds since their last call ended, at least 0. An ACD whose clock went backwards reports below 0: that is refused, not repaired.
    occupancy
        Share (0 to 1) of their recent signed-in time, say the last hour, that was spent on calls; None when the ACD does not say.
    """

    agent: Agent
    open_calls: int = 0
    idle_s: float = 0.0
    occupancy: float | None = None

    def __post_init__(self) -> None:
        checked_count(self.open_calls, "open_calls", 0, MAX_CALLS)
        checked_number(self.idle_s, "idle_s", 0.0, MAX_IDLE_S)
        if self.occupancy is not None:
            checked_number(self.occupancy, "occupancy", 0.0, 1.0)


class Candidates(Sequence[Candidate]):
    """Eligible agents in the ACD's own order; equal to a tuple of the same `Candidate`.

    Parameters
    ----------
    agents
        As declared; picked from a roster where there is one, which spares looking each of them up.
    open_calls
        int64 [n].
    idle_s
        float64 [n].
    occupancy
        float64 [n], NaN where the ACD does not say, or None where it says it of nobody.
    said
        bool [n]: where the ACD did say, so that a NaN there is refused; None when that need not be looked at.

    Raises
    ------
    RequestError
        As for a `Candidate`, of the first that cannot be.
    """

    def __init__(
        self,
        agents: Sequence[Agent],
        open_calls: NDArray[np.int64],
        idle_s: Float,
        occupancy: Float | None = None,
        said: NDArray[np.bool_] | None = None,
    ) -> None:
        self.agents: Sequence[Agent] = agents if isinstance(agents, Picked) else tuple(agents)
        self.open_calls = open_calls
        self.idle_s = idle_s
        self.occupancy = occupancy
        _check(open_calls, (open_calls < 0) | (open_calls > MAX_CALLS), "open_calls must be a whole number", 0, MAX_CALLS)
        _check(idle_s, ~((idle_s >= 0.0) & (idle_s <= MAX_IDLE_S)), "idle_s must be a finite number", 0, MAX_IDLE_S)
        if occupancy is not None:
            wrong = (occupancy < 0.0) | (occupancy > 1.0)
            _check(occupancy, wrong if said is None else wrong | (said & np.isnan(occupancy)), "occupancy must be a finite number", 0, 1)

    @classmethod
    def of(cls, items: Iterable[Candidate]) -> Candidates:
        """Return these, as columns."""
        if isinstance(items, Candidates):
            return items
        held = tuple(items)
        load = [c.occupancy for c in held]
        occupancy = None if all(share is None for share in load) else np.array(load, dtype=np.float64)
        open_calls, idle_s = np.array([c.open_calls for c in held], np.int64), np.array([c.idle_s for c in held], np.float64)
        return cls([c.agent for c in held], open_calls, idle_s, occupancy)

    def declared(self, agents: Sequence[Agent]) -> Candidates:
        """Return the same load on agents as they are declared: of the same ids, in the same order."""
        return Candidates(agents, self.open_calls, self.idle_s, self.occupancy)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Id of each."""
        return self.agents.ids if isinstance(self.agents, Picked) else tuple([agent.agent_id for agent in self.agents])

    @property
    def names(self) -> Sequence[str] | Picked:
        """Who they are, in the cheapest form at hand: ids, or numbers in a roster."""
        return self.agents if isinstance(self.agents, Picked) else self.ids

    @property
    def twice(self) -> str | None:
        """Id of one who is listed twice, or None."""
        if isinstance(self.agents, Picked):
            place = self.agents.twice
            return None if place is None else self.agents[place].agent_id
        if len(set(self.ids)) == len(self.ids):
            return None
        seen: set[str] = set()
        return next(i for i in self.ids if i in seen or seen.add(i))  # type: ignore[func-returns-value]

    def rows(self, model: Posterior) -> NDArray[np.intp]:
        """Row of each in a model's arrays, intp [n]."""
        return self.agents.roster.rows(model)[self.agents.at] if isinstance(self.agents, Picked) else model.rows(self.ids)

    @cached_property
    def capacity(self) -> NDArray[np.int64]:
        """Calls that each may have at once, int64 [n]."""
        if isinstance(self.agents, Picked):
            return self.agents.roster.capacity[self.agents.at]
        return np.array([agent.capacity for agent in self.agents], np.int64)

    def lacking(self, skills: frozenset[str], languages: frozenset[str]) -> NDArray[np.bool_]:
        """Who lacks any of what a call needs, bool [n]."""
        if not skills and not languages:
            return np.zeros(len(self.agents), np.bool_)
        if isinstance(self.agents, Picked):
            return self.agents.roster.lacking(skills, languages)[self.agents.at]
        return np.array([not (skills <= a.skills and languages <= a.languages) for a in self.agents], np.bool_)

    def load(self, i: int) -> float:
        """How loaded candidate ``i`` is: occupancy where the ACD says it, else open calls as a share of capacity."""
        share = np.nan if self.occupancy is None else float(self.occupancy[i])
        return float(self.open_calls[i] / self.capacity[i]) if np.isnan(share) else share

    def __len__(self) -> int:
        return len(self.agents)

    @overload
    def __getitem__(self, index: int) -> Candidate: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Candidate, ...]: ...
    def __getitem__(self, index: int | slice) -> Candidate | tuple[Candidate, ...]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        share = np.nan if self.occupancy is None else float(self.occupancy[index])
        occupancy = None if np.isnan(share) else share
        return Candidate(self.agents[index], int(self.open_calls[index]), float(self.idle_s[index]), occupancy)

    def __iter__(self) -> Iterator[Candidate]:
        return (self[i] for i in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, Candidates | tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"Candidates({tuple(self)!r})"


def _check(values: NDArray[np.int64] | Float, wrong: NDArray[np.bool_], rule: str, low: float, high: float) -> None:
    if wrong.any():
        value = values[int(np.argmax(wrong))].item()
        raise RequestError(f"{rule} from {low:g} to {high:g}, got {value!r}", field=rule.partition(" ")[0])
