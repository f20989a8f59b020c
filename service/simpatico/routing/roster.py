"""Declared agents as columns, made once for many rankings: a ranking of a thousand then picks numbers instead of looking names up."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from simpatico.routing.candidates import Agent
    from simpatico.routing.posterior import Posterior

__all__ = ["Picked", "Roster"]

HELD = 64
"""Models, and combinations of skills and languages, whose columns are held: a deployment has fewer queues."""


class Roster:
    """Agents in some order, each id once; frozen. Columns that follow from them are held.

    Parameters
    ----------
    agents
        As declared.
    """

    def __init__(self, agents: Iterable[Agent]) -> None:
        self.agents = tuple(agents)
        self.ids = tuple([agent.agent_id for agent in self.agents])
        self.capacity: NDArray[np.int64] = np.array([agent.capacity for agent in self.agents], np.int64)
        self._rows: OrderedDict[int, tuple[Posterior, NDArray[np.intp]]] = OrderedDict()
        self._lacking: OrderedDict[tuple[frozenset[str], frozenset[str]], NDArray[np.bool_]] = OrderedDict()

    def __len__(self) -> int:
        return len(self.agents)

    def rows(self, model: Posterior) -> NDArray[np.intp]:
        """Return the row of each agent in a model's arrays, intp [n]; of the models asked for last."""
        held = self._rows.get(id(model))
        if held is None or held[0] is not model:
            held = model, model.rows(self.ids)
            _hold(self._rows, id(model), held)
        return held[1]

    def lacking(self, skills: frozenset[str], languages: frozenset[str]) -> NDArray[np.bool_]:
        """Return who lacks any of what a call needs, bool [n]."""
        held = self._lacking.get((skills, languages))
        if held is None:
            held = np.array([not (skills <= a.skills and languages <= a.languages) for a in self.agents], np.bool_)
            _hold(self._lacking, (skills, languages), held)
        return held


def _hold(held: OrderedDict[Any, Any], key: object, value: object) -> None:
    held[key] = value
    held.move_to_end(key)
    while len(held) > HELD:
        held.popitem(last=False)


class Picked(Sequence["Agent"]):
    """Some of a roster's agents, in an order; equal to a tuple of the same agents.

    Parameters
    ----------
    roster
        All of them.
    at
        Where each is in it, intp [n].
    """

    def __init__(self, roster: Roster, at: NDArray[np.intp]) -> None:
        self.roster = roster
        self.at = at

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Id of each."""
        ids = self.roster.ids
        return tuple([ids[i] for i in self.at.tolist()])

    def take(self, order: NDArray[np.intp]) -> Picked:
        """Return those at these places, in this order."""
        return Picked(self.roster, self.at[order])

    @property
    def twice(self) -> int | None:
        """The place of one who was picked before, or None when all differ."""
        counts = np.bincount(self.at, minlength=1)
        if counts.max(initial=0) <= 1:
            return None
        again = np.ones(self.at.size, np.bool_)
        again[np.unique(self.at, return_index=True)[1]] = False
        return int(np.argmax(again))

    def __len__(self) -> int:
        return int(self.at.size)

    @overload
    def __getitem__(self, index: int) -> Agent: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Agent, ...]: ...
    def __getitem__(self, index: int | slice) -> Agent | tuple[Agent, ...]:
        agents = self.roster.agents
        if isinstance(index, slice):
            return tuple(agents[i] for i in self.at[index].tolist())
        return agents[int(self.at[index])]

    def __iter__(self) -> Iterator[Agent]:
        agents = self.roster.agents
        return iter([agents[i] for i in self.at.tolist()])

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, Picked | tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))
