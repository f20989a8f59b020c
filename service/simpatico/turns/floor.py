"""Who holds the floor: turns, floor transfers, backchannels and interruptions from the utterances of two parties.

Everything that moves the floor lives here. The rules, for an utterance (IPU) u of party X and the other party Y:

1. Utterances are taken in the order of their onsets. Of two that start at the same instant, the floor holder's comes first; without a
   holder, the longer one; without a holder and of equal length, neither takes the floor (there is nothing to tell them by, and swapping the
   parties may change nothing).
2. *Nobody holds the floor* (nobody spoke yet): u takes it and opens a turn.
3. *X holds the floor*: u continues X's turn, however long the pause before it was.
4. *Y holds the floor.* Then, in this order:

   a. **Backchannel**: u lasts at most 1 s and lies inside Y's turn, that is: Y began to speak before u and is still, or again, speaking
      after u; Y's pauses from the one to the other are at most 1 s; and X, if it goes on before Y is back, is done within 1 s of u's onset.
      The floor stays.
   b. **Attempt**: u ends no later than Y's utterance that was going on at its onset. X was never heard alone, the floor stays. The
      utterance belongs to no turn.
   c. **Floor transfer**: otherwise X has the floor from u's onset on, and u opens a turn. The floor-transfer offset (FTO) is u's onset
      minus the end of Y's last utterance: above 0 a gap, below 0 an overlap. It is an **interruption** when the overlap is 120 ms or
      longer.

5. A turn lasts from the onset of its first to the end of its last utterance. Backchannels and attempts belong to no turn.

Theory. The floor goes to whoever is heard *alone* (Heldner & Edlund 2010: gaps and between-speaker overlaps lie between solo stretches of
different speakers, pauses and within-speaker overlaps between solo stretches of one), with one exception: very short utterances that the
other talks on after are feedback, not a bid for the floor (Yngve 1970; the limit of 1 s is that of "very short utterances", Edlund, Heldner
& Pelcé 2009). Words are not looked at, so a short answer between two questions in a row can look like feedback; the limit on Y's pause is
what tells them apart, because an answer needs two changes of speaker of some 0.2 s each (Levinson & Torreira 2015) on top of its own
length. Overlaps under 120 ms are not perceived as such (Heldner 2011), and speech activity is not timed more exactly than that; they count
in the FTO but are no interruption. Whether Y speaks on after u is known only once it happened: on a call still going on the last utterance
may be a turn now and a backchannel later.

All times are integer microseconds, so shifting a call in time changes nothing else.

References
----------
Heldner, M. & Edlund, J. (2010). Pauses, gaps and overlaps in conversations. Journal of Phonetics 38, 555-568.
Heldner, M. (2011). Detection thresholds for gaps, overlaps, and no-gap-no-overlaps. JASA 130, 508-513.
Edlund, J., Heldner, M. & Pelcé, A. (2009). Prosodic features of very short utterances in dialogue. Nordic Prosody X, 57-68.
Levinson, S. C. & Torreira, F. (2015). Timing in turn-taking and its implications for processing models of language. Frontiers in Psychology
    6, 731.
Yngve, V. (1970). On getting a word in edgewise. Papers from the Sixth Regional Meeting, Chicago Linguistic Society, 567-578.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from simpatico.types import Role, UtteranceKind

__all__ = ["US_PER_S", "Floor", "FloorTurn", "Spoken", "Transfer", "assign_floor"]

US_PER_S = 1_000_000
"""Microseconds per second."""
MAX_BACKCHANNEL_US = 1_000_000
"""Longest backchannel: the 1 s of very short utterances (Edlund, Heldner & Pelcé 2009)."""
MAX_PAUSE_AROUND_US = 1_000_000
"""Longest pause of the floor holder around a backchannel; see the theory above."""
MIN_INTERRUPTION_US = 120_000
"""Shortest overlap that listeners notice (Heldner 2011)."""


@dataclass(slots=True)
class Spoken:
    """One utterance, in microseconds, and what becomes of it; ``source`` is its index in its own channel."""

    role: Role
    start: int
    end: int
    source: int
    kind: UtteranceKind = UtteranceKind.TURN
    turn: int | None = None


@dataclass(slots=True)
class FloorTurn:
    """A turn: whose, and the indices of its utterances in ``Floor.spoken``."""

    role: Role
    start: int
    end: int
    members: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Transfer:
    """A change of floor at ``at`` with ``offset`` (FTO), microseconds."""

    at: int
    to: Role
    offset: int


@dataclass(slots=True)
class Floor:
    """The whole story: utterances in the order in which they were taken, turns, and transfers."""

    spoken: list[Spoken] = field(default_factory=list)
    turns: list[FloorTurn] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)


def assign_floor(caller: Sequence[Spoken], agent: Sequence[Spoken]) -> Floor:
    """Apply the rules to the utterances of two parties, each in time order and without overlap in itself; fills ``kind`` and ``turn`` in
    place."""
    channels = {Role.CALLER: _Channel(caller), Role.AGENT: _Channel(agent)}
    floor, holder = Floor(), None
    heads = {Role.CALLER: 0, Role.AGENT: 0}
    while any(heads[role] < len(channels[role].spoken) for role in heads):
        waiting = [channels[role].spoken[heads[role]] for role in heads if heads[role] < len(channels[role].spoken)]
        first = min(s.start for s in waiting)
        candidates = [s for s in waiting if s.start == first]
        if holder is None and len(candidates) == 2 and candidates[0].end == candidates[1].end:
            taken = candidates
        else:
            taken = [max(candidates, key=lambda s: (s.role is holder, s.end))]
            holder = _take(floor, holder, taken[0], channels)
        for one in taken:
            heads[one.role] += 1
            floor.spoken.append(one)
    return floor


class _Channel:
    """One party's utterances with their onsets and ends as sorted lists."""

    def __init__(self, spoken: Sequence[Spoken]) -> None:
        self.spoken = spoken
        self.starts = [s.start for s in spoken]
        self.ends = [s.end for s in spoken]


def _take(floor: Floor, holder: Role | None, u: Spoken, channels: dict[Role, _Channel]) -> Role:
    """Rules 2 to 4 for one utterance; returns who holds the floor after it."""
    if holder is None or holder is u.role:
        if holder is None:
            floor.turns.append(FloorTurn(u.role, u.start, u.end))
        _join(floor, u)
        return u.role
    if _is_backchannel(u, channels[u.role], channels[holder]):
        u.kind = UtteranceKind.BACKCHANNEL
        return holder
    last_end = floor.turns[-1].end
    if u.end <= last_end:
        return holder
    offset = u.start - last_end
    if -offset >= MIN_INTERRUPTION_US:
        u.kind = UtteranceKind.INTERRUPTION
    floor.transfers.append(Transfer(u.start, u.role, offset))
    floor.turns.append(FloorTurn(u.role, u.start, u.end))
    _join(floor, u)
    return u.role


def _join(floor: Floor, u: Spoken) -> None:
    turn = floor.turns[-1]
    turn.end = u.end
    turn.members.append(len(floor.spoken))
    u.turn = len(floor.turns) - 1


def _is_backchannel(u: Spoken, own: _Channel, other: _Channel) -> bool:
    """Rule 4a. ``other`` holds the floor."""
    if u.end - u.start > MAX_BACKCHANNEL_US:
        return False
    before = bisect_left(other.starts, u.start) - 1
    after = bisect_right(other.ends, u.end)
    if before < 0 or after == len(other.spoken):
        return False
    if after <= before:
        return True
    pauses = (other.starts[i + 1] - other.ends[i] for i in range(before, after))
    if max(pauses) > MAX_PAUSE_AROUND_US:
        return False
    following = bisect_left(own.starts, other.starts[after]) - 1
    return own.ends[max(following, u.source)] - u.start <= MAX_BACKCHANNEL_US
