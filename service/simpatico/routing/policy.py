"""How a deployment wants calls routed: the knobs of a ranking, with a version that every decision records."""

from __future__ import annotations

import math
from dataclasses import dataclass

from simpatico.errors import RequestError
from simpatico.routing.types import MAX_ID_LENGTH

__all__ = ["DEFAULT_POLICY", "Policy"]


@dataclass(frozen=True, slots=True)
class Policy:
    """A routing policy.

    Attributes
    ----------
    version
        Written into every decision; change it whenever anything else here changes.
    load_weight
        Utility taken off per unit of load: of occupancy (0 to 1) where the ACD gives it for all candidates, plus open calls per capacity.
        With the default an agent who was busy ten points more of the last hour must promise 0.1 more utility. Measured
        (``bench/routing.py``): it keeps the spread of occupancy between agents within the bound of ``docs/routing.md``.
    idle_weight
        Used instead where an occupancy is missing: utility taken off an agent who has only just become idle, against one idle for ever.
    exploration
        Factor on the SD of the draws: 1 is Thompson sampling as published, which explores for ever; half of it earned more over the
        thousands of calls that a team has before it changes (``docs/decisions/0112``). 0 ranks by expectation and learns nothing of those
        whom it does not choose: its decisions have propensities of 0 and 1, so no other policy can be evaluated on them.
    min_calls
        Outcomes of the queue before the model ranks; until then the answer is neutral.
    use_live, use_profile
        Whether style from this call, and from earlier calls, may count. With neither, agents differ by outcomes, reason and load alone.
    explained
        How many of the first agents are given reasons.
    """

    version: str = "thompson-1"
    load_weight: float = 1.0
    idle_weight: float = 0.03
    exploration: float = 0.5
    min_calls: int = 50
    use_live: bool = True
    use_profile: bool = True
    explained: int = 3

    def __post_init__(self) -> None:
        if not isinstance(self.version, str) or not 0 < len(self.version) <= MAX_ID_LENGTH:
            raise RequestError(
                f"a policy has a version of 1 to {MAX_ID_LENGTH} characters, got {str(self.version)[:40]!r}", field="version"
            )
        for name in ("load_weight", "idle_weight", "exploration"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0.0 <= value <= 10.0):
                raise RequestError(f"{name} of a policy must be from 0 to 10, got {value!r}", field=name)
        for name in ("min_calls", "explained"):
            if getattr(self, name) < 0:
                raise RequestError(f"{name} of a policy must be at least 0, got {getattr(self, name)!r}", field=name)


DEFAULT_POLICY = Policy()
