"""What callers say about being remembered: done in the memory, and told to every process of the service where a call of theirs is going on.

Rules:
1. Consent takes effect when it is in the database. Its end takes effect at once: calls that are going on hear of it also when the database
   could not be asked, and then know that it is not done.
2. Nobody is remembered under a key that is no pseudonym, unless the deployment says so. What ends remembering is taken under any key.
3. What the processes tell each other names the caller by a MAC of the pseudonym, made for this use alone.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

from simpatico.config import CallerSettings
from simpatico.profiles import callers, operations
from simpatico.profiles.keys import checked_key
from simpatico.profiles.operations import Erasure
from simpatico.profiles.pseudonyms import check_pseudonym
from simpatico.profiles.records import CallerProfile, Consent
from simpatico.server.exchange import Exchange
from simpatico.server.memory import Memory

__all__ = ["Consents", "Said"]


@dataclass(frozen=True, slots=True)
class Said:
    """What holds from now on. ``caller_id`` is that of a caller who has agreed; ``done`` is False when the database was away."""

    consent: Consent
    caller_id: str | None = None
    done: bool = True


class Consents:
    """For one process.

    Parameters
    ----------
    memory, exchange
        Of the process.
    settings
        Section ``callers``.
    """

    def __init__(self, memory: Memory, exchange: Exchange, settings: CallerSettings) -> None:
        self._memory = memory
        self._exchange = exchange
        self._settings = settings

    async def grant(self, actor: str, key: str, notice_id: str | None) -> CallerProfile:
        """Record that a caller agrees; raises as `callers.grant`, and RequestError for a key that is no pseudonym."""
        checked_key(key)
        if self._settings.identifying_keys == "refuse":
            check_pseudonym(key)
        profile = await self._memory.store.write(actor, callers.grant, key, notice_id)
        self._tell(key, Said(Consent.GRANTED, profile.caller_id))
        return profile

    async def withdraw(self, actor: str, key: str) -> Erasure:
        """End a caller's consent, everywhere. Raises RequestError, DatabaseAwayError."""
        memory = self._memory
        return await self._end(key, Consent.UNKNOWN, operations.withdraw_caller(memory.store, memory.spool, actor, key))

    async def object(self, actor: str, key: str) -> Erasure:
        """Record an objection. Raises as `withdraw`."""
        memory = self._memory
        return await self._end(key, Consent.OBJECTED, operations.object_caller(memory.store, memory.spool, actor, key))

    async def erase(self, actor: str, key: str) -> Erasure:
        """Erase everything held of a caller, and of calls that are going on. Raises as `withdraw`."""
        memory = self._memory
        return await self._end(key, Consent.UNKNOWN, operations.erase_caller(memory.store, memory.spool, actor, key))

    def listen(self, key: str, listener: Callable[[Said], None]) -> Callable[[], None]:
        """Call ``listener`` with what this caller says from now on, in whichever process; return what ends that."""

        def hear(value: bytes) -> None:
            said = json.loads(value)
            listener(Said(Consent(said["consent"]), said["caller_id"], said["done"]))

        return self._exchange.listen(self._topic(key), hear)

    async def _end(self, key: str, consent: Consent, work: Awaitable[Erasure]) -> Erasure:
        done = False
        try:
            erasure = await work
            done = True
        finally:
            self._tell(key, Said(consent, done=done))
        return erasure

    def _tell(self, key: str, said: Said) -> None:
        self._exchange.publish(self._topic(key), json.dumps(asdict(said)).encode())

    def _topic(self, key: str) -> str:
        return "consent/" + self._memory.ring.mac("exchange", checked_key(key)).hex()
