"""What a process knows of routing without asking the database: declared agents, outcome models, running experiments.

All of it is read anew now and then, and when another process of the service says that something changed; while the database is away what
was known stays. A caller's profile is never held: it is asked for at each call.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from simpatico.config import RoutingSettings
from simpatico.errors import DatabaseAwayError, ScheduleError
from simpatico.profiles import agents as agents_table
from simpatico.profiles import experiments
from simpatico.profiles.lookups import Lookups
from simpatico.profiles.records import CallerProfile
from simpatico.profiles.store import Work
from simpatico.routing.candidates import Candidates
from simpatico.routing.experiment import Schedule, block_at
from simpatico.routing.roster import Picked, Roster
from simpatico.routing.types import Agent, BlockArm
from simpatico.server.exchange import Exchange
from simpatico.server.memory import Memory
from simpatico.server.routing.learning import Learned, Learner

__all__ = ["Found", "Knowledge"]

PAGE = 1000
"""Agents read at once."""
LEARN_S = 2.0
"""How often it is looked for new outcomes, at most,"""
LEARN_REST = 20.0
"""and how much longer nothing is learned than learning took: it takes a twentieth of a processor at most."""
SETTLED_S = 0.2
"""How long it is waited for more changes before they are read: a thousand agents may be declared one after another."""
CHANGED = "routing/changed"
"""Topic on which a process says that agents or experiments changed."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """What was looked up for some calls: agents who were not known here, and a profile (without habits) for each call."""

    agents: Mapping[str, Agent]
    profiles: tuple[CallerProfile, ...]


class Knowledge:
    """Of one process.

    Parameters
    ----------
    memory
        Of the process.
    settings
        Section ``routing``.
    exchange
        What the processes of the service tell each other.

    Attributes
    ----------
    learned
        What outcomes have taught.
    schedules
        Running experiments by queue.
    """

    def __init__(self, memory: Memory, settings: RoutingSettings, exchange: Exchange) -> None:
        self._memory = memory
        self._settings = settings
        self._exchange = exchange
        self._lookups = Lookups(memory.store)
        self._agents: dict[str, Agent] = {}
        self._roster: Roster | None = None
        self.learned = Learned()
        self.schedules: Mapping[str, Schedule] = {}
        self._learner = Learner(memory.url, memory.ring)
        self._learning = asyncio.Lock()
        self._renewing: tuple[asyncio.Task[None], ...] = ()
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()

    def start(self) -> None:
        """Begin to renew."""
        self._unlisten = self._exchange.listen(CHANGED, lambda _: self._changed.set())
        self._renewing = (asyncio.create_task(self._renew_declared_always()), asyncio.create_task(self._learn_always()))

    async def stop(self) -> None:
        """Stop renewing."""
        self._stopping.set()
        self._changed.set()
        if self._renewing:
            self._unlisten()
            await asyncio.gather(*self._renewing)
            self._renewing = ()

    async def renew(self) -> None:
        """Read everything anew.

        Raises
        ------
        DatabaseAwayError
            The database is away; what was known stays.
        """
        await self.renew_declared()
        await self._learn(forget=True)

    async def renew_declared(self) -> None:
        """Read agents and experiments anew; raises as `renew`."""
        self._agents, self._roster = await self._memory.store.read(_agents), None
        await self._renew_experiments()

    async def _renew_experiments(self) -> None:
        schedules = {}
        for experiment in await self._memory.store.read(_running):
            try:
                schedules[experiment.queue] = experiments.schedule_of(experiment)
            except ScheduleError as error:  # written by another build, or by hand: its queue is routed as without an experiment
                log.error("an experiment cannot be run: %s", error)
        self.schedules = schedules

    @property
    def agents(self) -> Mapping[str, Agent]:
        """Declared ones by id."""
        return self._agents

    @property
    def roster(self) -> Roster:
        """The same as columns."""
        if self._roster is None:
            self._roster = Roster(self._agents.values())
        return self._roster

    def declare(self, agent: Agent) -> None:
        """Take an agent who was just declared, and let every process read them soon."""
        self._agents[agent.agent_id], self._roster = agent, None
        self.tell()

    def tell(self) -> None:
        """Let agents and experiments be read anew soon, in every process."""
        self._exchange.publish(CHANGED, b"")

    def block(self, queue: str, at_s: float) -> BlockArm | None:
        """Return where in a running experiment a call of a queue falls now."""
        schedule = self.schedules.get(queue)
        return None if schedule is None else block_at(schedule, queue, at_s)

    def undeclared(self, who: Candidates) -> list[str]:
        """Return those of whom nothing is known here, by id."""
        if isinstance(who.agents, Picked) and who.agents.roster is self._roster:
            return []
        return [agent_id for agent_id in who.ids if agent_id not in self._agents]

    async def find(self, keys: Sequence[str], missing: Sequence[str]) -> Found:
        """Look up what is not known here: a profile for each key ("" for a caller who is not known), and agents.

        Raises
        ------
        DatabaseAwayError
            The database is away.
        UnknownAgentError
            Nobody declared one of the agents.
        """
        missing = [agent_id for agent_id in missing if agent_id not in self._agents]
        agents: Mapping[str, Agent] = {}
        if missing:
            agents = {**self._agents, **await self._memory.store.read(_load, missing)}
        if len(keys) == 1:
            return Found(agents, (await self._lookups.ask(keys[0]) if keys[0] else CallerProfile(),))
        known = {key: self._lookups.ask(key) for key in keys if key}
        found = dict(zip(known, await asyncio.gather(*known.values()), strict=True))
        return Found(agents, tuple(found.get(key, CallerProfile()) for key in keys))

    async def _renew_declared_always(self) -> None:
        while not self._stopping.is_set():
            self._changed.clear()
            await self._try(self.renew_declared)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), self._settings.renew_s)
                await asyncio.wait_for(self._stopping.wait(), SETTLED_S)

    async def _learn_always(self) -> None:
        forgot_s = -math.inf
        while not self._stopping.is_set():
            began_s = time.monotonic()
            await self._try(self._renew_experiments)  # a command may have started or ended one
            forget = began_s - forgot_s >= self._settings.renew_s
            if await self._try(lambda: self._learn(forget=forget)) and forget:  # noqa: B023  # it is awaited here
                forgot_s = began_s
            rest_s = max(LEARN_S, LEARN_REST * (time.monotonic() - began_s))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), min(rest_s, self._settings.renew_s))

    async def _learn(self, *, forget: bool) -> None:
        async with self._learning:
            learned = await asyncio.to_thread(self._learner.learn, forget=forget)
        if learned is not None:
            self.learned = learned

    @staticmethod
    async def _try(renew: Callable[[], Awaitable[None]]) -> bool:
        try:
            await renew()
            return True
        except DatabaseAwayError:
            pass  # the memory says so
        except Exception:
            log.exception("agents, experiments or models could not be renewed")
        return False


def _load(work: Work, missing: Sequence[str]) -> dict[str, Agent]:
    return {agent_id: agents_table.load(work, agent_id) for agent_id in missing}


def _running(work: Work) -> list[experiments.Experiment]:
    return [experiment for experiment in experiments.list_experiments(work) if experiment.ended_at_s is None]


def _agents(work: Work) -> dict[str, Agent]:
    found: list[Agent] = []
    while page := agents_table.list_agents(work, after=found[-1].agent_id if found else "", limit=PAGE):
        found += page
    return {agent.agent_id: agent for agent in found}
