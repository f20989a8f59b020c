"""The table of who may call what. A method that is not in it may be called by nobody; a test holds it against what is registered.

Health is open to everybody, because balancers have no tokens and it says no more than whether calls are taken. Reflection needs a role, any
role: what it tells is public, but a service that asks who you are should not tell strangers what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from simpatico.server.access.principals import AccessRole

__all__ = ["MAY_CALL", "MAY_NAME_CALLERS", "Everybody", "may_call"]


class Everybody(Enum):
    """Stands for no question asked, known or not. Only health has it."""

    EVERYBODY = "everybody"


_ROUTER, _QA, _RESEARCHER, _PRIVACY, _ADMIN, _AGENT = AccessRole
_ANY_ROLE = frozenset(AccessRole)

MAY_CALL: Final[Mapping[str, frozenset[AccessRole] | Everybody]] = {
    "/grpc.health.v1.Health/Check": Everybody.EVERYBODY,
    "/grpc.health.v1.Health/List": Everybody.EVERYBODY,
    "/grpc.health.v1.Health/Watch": Everybody.EVERYBODY,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": _ANY_ROLE,
    "/simpatico.v1.AnalysisService/StreamAnalyze": frozenset({_ROUTER}),
    "/simpatico.v1.AnalysisService/AnalyzeRecording": frozenset({_ROUTER, _QA, _RESEARCHER}),
    "/simpatico.v1.RoutingService/RankAgents": frozenset({_ROUTER}),
    "/simpatico.v1.RoutingService/AssignCallers": frozenset({_ROUTER}),
    "/simpatico.v1.RoutingService/RecordOutcome": frozenset({_ROUTER}),
    "/simpatico.v1.RoutingService/StartExperiment": frozenset({_ADMIN}),
    "/simpatico.v1.RoutingService/ListExperiments": frozenset({_RESEARCHER, _ADMIN}),
    "/simpatico.v1.RoutingService/EndExperiment": frozenset({_ADMIN}),
    "/simpatico.v1.RoutingService/UpsertAgent": frozenset({_ADMIN}),
    "/simpatico.v1.RoutingService/ListAgents": frozenset({_ROUTER, _QA, _ADMIN}),
    "/simpatico.v1.RoutingService/GetAgent": frozenset({_QA, _ADMIN, _AGENT}),
    "/simpatico.v1.RoutingService/CommentAgent": frozenset({_QA, _ADMIN, _AGENT}),
    "/simpatico.v1.RoutingService/WatchAssignments": frozenset({_ROUTER, _QA, _AGENT}),
    "/simpatico.v1.CallerService/SetConsent": frozenset({_ROUTER, _PRIVACY}),
    "/simpatico.v1.CallerService/Object": frozenset({_ROUTER, _PRIVACY}),
    "/simpatico.v1.CallerService/GetCaller": frozenset({_PRIVACY}),
    "/simpatico.v1.CallerService/ExportCaller": frozenset({_PRIVACY}),
    "/simpatico.v1.CallerService/EraseCaller": frozenset({_PRIVACY}),
    "/simpatico.v1.CallerService/DetachCall": frozenset({_PRIVACY}),
}
"""Full name of a method -> roles of which a client needs one."""


MAY_NAME_CALLERS: Final = frozenset({_ROUTER})
"""Roles of which a client needs one to say whose call it is: that decides what is kept of whom."""


def may_call(method: str) -> frozenset[AccessRole] | Everybody:
    """Return the roles of which one is needed, or that nobody is asked; for a method that is not in the table no role at all."""
    return MAY_CALL.get(method, frozenset())
