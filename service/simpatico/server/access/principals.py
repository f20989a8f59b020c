"""Who asks: a name and roles, found out once for each RPC and at hand wherever it is served."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum

from simpatico.errors import ForbiddenError

__all__ = ["ANYBODY", "AccessRole", "Principal", "acting", "asking", "asks", "only_own"]

MAX_SUBJECT = 256
"""Characters of a name, as of any id."""


class AccessRole(StrEnum):
    """What a client is for. The strings stand in tokens and in the file of certificates. No role includes another."""

    ROUTER = "router"
    """The telephony side: media gateways, distributors, others' desktops on their behalf."""
    QA = "qa"
    """People who listen to how calls went."""
    RESEARCHER = "researcher"
    """People who measure archives."""
    PRIVACY = "privacy"
    """The privacy desk: what is held of a caller."""
    ADMIN = "admin"
    """Who keeps the deployment: agents, models, experiments. Not callers' profiles."""
    AGENT = "agent"
    """One agent's desktop: what concerns that agent, and nothing else."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. ``subject`` is the name that the token or certificate gives; ``agent`` the id of the agent that a client with the role
    agent is, or ""."""

    subject: str
    roles: frozenset[AccessRole]
    agent: str = ""


ANYBODY = Principal("anybody", frozenset(AccessRole))
"""Who asks where nobody is asked: a service on loopback without keys."""

_asking: ContextVar[tuple[Principal, str]] = ContextVar("simpatico_principal")


def asks(principal: Principal, acting_as: str) -> None:
    """Note who asks, and in which role, for the rest of this RPC."""
    _asking.set((principal, acting_as))


def asking() -> Principal:
    """Return who asks.

    Raises
    ------
    LookupError
        Outside an RPC that the guard has let through.
    """
    return _asking.get()[0]


def only_own(agent_id: str) -> bool:
    """Whether who asks does so as an agent, who may ask after themselves alone; raises as `asking`.

    Raises
    ------
    ForbiddenError
        Who asks is another agent than this one.
    """
    principal = asking()
    if acting() != AccessRole.AGENT:
        return False
    if not principal.agent or principal.agent != agent_id:
        raise ForbiddenError("with the role agent a client may ask after the agent that its token names, and nobody else", field="agent_id")
    return True


def acting() -> str:
    """Return in which role they ask, for the audit log ("anybody" where nobody is asked). Raises as `asking`."""
    return _asking.get()[1]
