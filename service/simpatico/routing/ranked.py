"""The agents of an answer, best first: columns, of which an entry becomes an object only when somebody looks at it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from simpatico.routing.roster import Picked
from simpatico.routing.types import Factor, RankedAgent

__all__ = ["Entries"]

Float = NDArray[np.float64]


class Entries(Sequence[RankedAgent]):
    """Ranked agents; equal to a tuple of the same `RankedAgent`.

    Parameters
    ----------
    ids
        Best first; or the agents, picked from a roster.
    propensity
        float64 [n].
    expected_utility, sd, load_penalty
        float64 [n], or all None when the answer is neutral.
    factors
        Reasons of the first agents.
    """

    def __init__(
        self,
        ids: Sequence[str] | Picked,
        propensity: Float,
        expected_utility: Float | None = None,
        sd: Float | None = None,
        load_penalty: Float | None = None,
        factors: tuple[tuple[Factor, ...], ...] = (),
    ) -> None:
        self.who: tuple[str, ...] | Picked = ids if isinstance(ids, Picked) else tuple(ids)
        self.propensity = propensity
        self.expected_utility = expected_utility
        self.sd = sd
        self.load_penalty = load_penalty
        self.factors = factors

    @classmethod
    def neutral(cls, ids: Sequence[str] | Picked) -> Entries:
        """Return the order given; the first has a propensity of 1, as nothing was drawn."""
        first = np.zeros(len(ids))
        first[:1] = 1.0
        return cls(ids, first)

    @property
    def ids(self) -> tuple[str, ...]:
        """Best first."""
        return self.who.ids if isinstance(self.who, Picked) else self.who

    def __len__(self) -> int:
        return len(self.who)

    @overload
    def __getitem__(self, index: int) -> RankedAgent: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[RankedAgent, ...]: ...
    def __getitem__(self, index: int | slice) -> RankedAgent | tuple[RankedAgent, ...]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        place = range(len(self))[index]
        chance = float(self.propensity[place])
        if self.expected_utility is None or self.sd is None or self.load_penalty is None:
            return RankedAgent(self.ids[place], chance)
        mean, sd, penalty = float(self.expected_utility[place]), float(self.sd[place]), float(self.load_penalty[place])
        return RankedAgent(self.ids[place], chance, mean, sd, penalty, self.factors[place] if place < len(self.factors) else ())

    def __iter__(self) -> Iterator[RankedAgent]:
        return (self[i] for i in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, Entries | tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"Entries({tuple(self)!r})"
