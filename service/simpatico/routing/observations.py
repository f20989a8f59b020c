"""What the outcome model remembers of a queue: sums over calls by agent and reason, nothing of any caller.

The sums are sufficient: :mod:`simpatico.routing.posterior` needs nothing else, and they can be rebuilt from the decision and outcome
rows alone. With phi = (1, m_1 .. m_K), m the caller's believed means by axis, w the observation's weight and u its utility, a cell
(agent, reason) holds::

    gram = sum w phi phi'     [P, P], P = K + 1      cross = sum w u phi    [P]      square = sum w u**2      calls = sum 1

Sums commute: the order in which outcomes arrive does not matter, and a corrected outcome is learned by taking the old one away.

Why means only: expected utility is linear in style, so what a belief's spread does to it is already in its mean, which lies the nearer
to the population's the less is known (Berkson error, which does not bias a regression: Carroll et al. 2006, Measurement Error in
Nonlinear Models, section 1.4).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simpatico.errors import ModelStateError
from simpatico.routing.types import Observation, StyleBelief

__all__ = ["DEFAULT_AXES", "MAX_STYLE", "STATE_FORMAT", "Observations", "design"]

DEFAULT_AXES = ("assertiveness", "responsiveness")
"""Axes of the shipped style bundle."""
MAX_STYLE = 3.0
"""Believed means are clipped to 3 SD, as the style scorer clips its features: one extreme belief may not swing an agent's slope."""
STATE_FORMAT = 1
"""Version of :meth:`Observations.to_document`."""
MAX_AXES = 8

Float = NDArray[np.float64]


def design(belief: StyleBelief, axes: tuple[str, ...]) -> Float:
    """The regressors of a call: (1, believed mean of each axis), float64 [1 + len(axes)]; an axis that the belief lacks counts as 0."""
    row = np.ones(1 + len(axes))
    for index, name in enumerate(axes, start=1):
        axis = belief.axis(name)
        row[index] = 0.0 if axis is None else min(MAX_STYLE, max(-MAX_STYLE, axis.mean))
    return row


class Observations:
    """Sums over the outcomes of one queue, by agent and call reason.

    Parameters
    ----------
    axes
        Style axes that the model uses, at most eight.
    """

    def __init__(self, axes: tuple[str, ...] = DEFAULT_AXES) -> None:
        if len(axes) > MAX_AXES or len(set(axes)) != len(axes):
            raise ModelStateError(f"a model has up to {MAX_AXES} different axes, got {axes!r}", field="axes")
        self.axes = axes
        self._cells: dict[tuple[str, str], int] = {}
        terms = 1 + len(axes)
        self._width = terms * terms + terms + 2
        self._sums: Float = np.zeros((16, self._width))

    def __len__(self) -> int:
        return len(self._cells)

    @property
    def calls(self) -> int:
        """Outcomes learned."""
        return round(float(self._sums[: len(self._cells), -1].sum()))

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """(agent_id, reason) of each cell, in the order of the arrays."""
        return tuple(self._cells)

    @property
    def gram(self) -> Float:
        """sum w phi phi', float64 [cells, P, P]."""
        terms = 1 + len(self.axes)
        return self._sums[: len(self._cells), : terms * terms].reshape(-1, terms, terms)

    @property
    def cross(self) -> Float:
        """sum w u phi, float64 [cells, P]."""
        terms = 1 + len(self.axes)
        return self._sums[: len(self._cells), terms * terms : terms * terms + terms]

    @property
    def square(self) -> Float:
        """sum w u**2, float64 [cells]."""
        return self._sums[: len(self._cells), -2]

    def learn(self, observation: Observation, *, replaces: Observation | None = None) -> None:
        """Add a call's outcome; ``replaces`` is the same call's outcome as learned before, when a later report changed it."""
        if replaces is not None:
            self._add(replaces, -1.0)
        self._add(observation, 1.0)

    def forget(self, observation: Observation) -> None:
        """Take away what was learned, as for an erased or detached call.

        Raises
        ------
        ModelStateError
            When nothing was ever learned of that agent and reason.
        """
        if (observation.agent_id, observation.reason) not in self._cells:
            raise ModelStateError(
                f"nothing was learned of agent {observation.agent_id!r} and reason {observation.reason!r}", field="agent_id"
            )
        self._add(observation, -1.0)

    @classmethod
    def rebuilt(cls, rows: Iterable[Observation], axes: tuple[str, ...] = DEFAULT_AXES) -> Observations:
        """The sums that the rows of a database give; equal to learning them one by one, but for rounding."""
        made = cls(axes)
        for row in rows:
            made.learn(row)
        return made

    def to_document(self) -> dict[str, Any]:
        """Everything as JSON-able values: ``{"format", "axes", "cells": [[agent_id, reason, [sums]], ...]}``, cells in order of key."""
        cells = [[agent, reason, [float(x) for x in self._sums[i]]] for (agent, reason), i in sorted(self._cells.items())]
        return {"format": STATE_FORMAT, "axes": list(self.axes), "cells": cells}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Observations:
        """Read what :meth:`to_document` wrote.

        Raises
        ------
        ModelStateError
            When the format is another, a sum is not finite, or a cell has the wrong length.
        """
        try:
            found, axes, cells = document["format"], tuple(map(str, document["axes"])), list(document["cells"])
        except (KeyError, TypeError) as exc:
            raise ModelStateError(
                f"a stored outcome model has format, axes and cells, got {type(document).__name__} without {exc}"
            ) from exc
        if found != STATE_FORMAT:
            raise ModelStateError(
                f"the stored outcome model has format {found!r}; this build reads {STATE_FORMAT}: rebuild it", field="format"
            )
        made = cls(axes)
        for cell in cells:
            made._restore(cell)
        return made

    def _restore(self, cell: Any) -> None:
        try:
            agent, reason, sums = str(cell[0]), str(cell[1]), [float(x) for x in cell[2]]
        except (TypeError, ValueError, IndexError) as exc:
            raise ModelStateError(f"a cell is [agent_id, reason, sums], got {str(cell)[:80]!r}", field="cells") from exc
        if len(sums) != self._width or not all(math.isfinite(x) for x in sums) or (agent, reason) in self._cells:
            raise ModelStateError(
                f"the cell of {agent!r}, {reason!r} must occur once, with {self._width} finite sums, got {len(sums)}: rebuild",
                field="cells",
            )
        slot = self._slot(agent, reason)  # First: it may move the sums.
        self._sums[slot] = sums

    def _slot(self, agent_id: str, reason: str) -> int:
        slot = self._cells.setdefault((agent_id, reason), len(self._cells))
        if slot >= len(self._sums):
            self._sums = np.concatenate([self._sums, np.zeros_like(self._sums)])
        return slot

    def _add(self, observation: Observation, sign: float) -> None:
        phi = design(observation.belief, self.axes)
        weighted = sign * observation.weight * phi
        slot = self._slot(observation.agent_id, observation.reason)  # First: it may move the sums.
        row = self._sums[slot]
        terms = phi.size
        row[: terms * terms] += np.outer(weighted, phi).ravel()
        row[terms * terms : terms * terms + terms] += weighted * observation.utility
        row[-2] += sign * observation.weight * observation.utility**2
        row[-1] += sign
