"""Who asks: a name and roles, found out once for each RPC and at hand wherever it is served."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ANYBODY", "AccessRole", "Principal", "acting", "asking", "asks"]

MAX_SUBJECT = 256
"""Characters of a name, as of any id."""


class AccessRole(StrEnum):
    """What a client is for. The strings stand in tokens and in the file of certificates. No role includes another."""

    ROUTER = "router"
    """The telephony side: media gateways, distributors, agents' desktops."""
    QA = "qa"
    """People who listen to how calls went."""
    RESEARCHER = "researcher"
    """People who measure archives."""
    PRIVACY = "privacy"
    """The privacy desk: what is held of a caller."""
    ADMIN = "admin"
    """Who keeps the deployment: agents, models, experiments. Not callers' profiles."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. ``subject`` is the name that the token or certificate gives."""

    subject: str
    roles: frozenset[AccessRole]


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


def acting() -> str:
    """Return in which role they ask, for the audit log ("anybody" where nobody is asked). Raises as `asking`."""
    return _asking.get()[1]
