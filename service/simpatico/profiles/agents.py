"""Agents: declared skills and languages, what is held on them, and their own comments on it. Never a personality."""

from __future__ import annotations

import math
from typing import Any, Literal

from sqlalchemy import delete, func, insert, select, update

from simpatico.errors import RequestError, UnknownAgentError
from simpatico.profiles import audit
from simpatico.profiles.records import checked_text
from simpatico.profiles.schema import agent_comments, agents, decisions, outcomes
from simpatico.profiles.store import Work
from simpatico.routing.types import Agent

__all__ = ["Author", "comment", "held_on", "list_agents", "load", "remove", "upsert"]

MAX_COMMENT = 4000
"""Characters of a comment: a page."""
MAX_COMMENTS = 1000
"""Comments on one agent."""
Author = Literal["agent", "supervisor"]


def upsert(work: Work, agent: Agent) -> bool:
    """Declare an agent, or change what is declared; returns whether the agent is new."""
    checked_text(agent.agent_id, "agent_id")
    values: dict[str, Any] = {
        "skills": sorted(checked_text(skill, "skills") for skill in agent.skills),
        "languages": sorted(checked_text(language, "languages") for language in agent.languages),
        "capacity": agent.capacity,
        "updated_at_s": work.now_s,
    }
    known = work.connection.execute(update(agents).where(agents.c.agent_id == agent.agent_id).values(values)).rowcount
    if not known:
        work.connection.execute(insert(agents).values(agent_id=agent.agent_id, **values))
    return not known


def list_agents(work: Work, *, after: str = "", limit: int = 1000) -> list[Agent]:
    """Return agents in the order of their ids, from the one behind ``after``."""
    rows = work.connection.execute(select(agents).where(agents.c.agent_id > after).order_by(agents.c.agent_id).limit(limit))
    return [Agent(row.agent_id, frozenset(row.skills), frozenset(row.languages), row.capacity) for row in rows]


def load(work: Work, agent_id: str) -> Agent:
    """Return one agent.

    Raises
    ------
    UnknownAgentError
        When nobody declared them.
    """
    checked_text(agent_id, "agent_id")
    row = work.connection.execute(select(agents).where(agents.c.agent_id == agent_id)).one_or_none()
    if row is None:
        raise UnknownAgentError(f"no agent {agent_id[:40]!r} is declared; declare them first", field="agent_id")
    return Agent(row.agent_id, frozenset(row.skills), frozenset(row.languages), row.capacity)


def remove(work: Work, agent_id: str) -> None:
    """Remove an agent and the comments on them; decisions and outcomes that name them stay until their retention ends.

    Raises
    ------
    UnknownAgentError
        When nobody declared them.
    """
    load(work, agent_id)
    work.connection.execute(delete(agent_comments).where(agent_comments.c.agent_id == agent_id))
    work.connection.execute(delete(agents).where(agents.c.agent_id == agent_id))
    audit.append(work, "agent.removed")


def comment(work: Work, agent_id: str, author: Author, text: str) -> None:
    """Add what the agent, or their supervisor, has to say to what is held.

    Raises
    ------
    UnknownAgentError, RequestError
        When nobody declared them; when author or text are not what they must be, or there are 1,000 comments already.
    """
    load(work, agent_id)
    if author not in ("agent", "supervisor"):
        raise RequestError(f"author must be 'agent' or 'supervisor', got {str(author)[:40]!r}", field="author")
    checked_text(text, "text", longest=MAX_COMMENT)
    held = select(func.count()).select_from(agent_comments).where(agent_comments.c.agent_id == agent_id)
    if work.connection.execute(held).scalar_one() >= MAX_COMMENTS:
        raise RequestError(f"{MAX_COMMENTS} comments on this agent are held; no more are taken", field="text")
    work.connection.execute(insert(agent_comments).values(agent_id=agent_id, author=author, text=text, at_s=work.now_s))


def held_on(work: Work, agent_id: str) -> dict[str, Any]:
    """Return everything held on an agent, for the agent: declaration, comments, counts of decisions and outcomes, and the means of what
    was reported of their calls (None without any). It is audited.

    Raises
    ------
    UnknownAgentError
        When nobody declared them.
    """
    agent = load(work, agent_id)
    taken = select(func.count()).select_from(decisions).where(decisions.c.taken == agent_id)
    reported = (
        select(func.count(func.distinct(outcomes.c.decision_id)))
        .join(decisions, decisions.c.decision_id == outcomes.c.decision_id)
        .where(decisions.c.taken == agent_id)
    )
    comments = select(agent_comments).where(agent_comments.c.agent_id == agent_id).order_by(agent_comments.c.comment_seq)
    held = {
        "agent_id": agent.agent_id,
        "skills": sorted(agent.skills),
        "languages": sorted(agent.languages),
        "capacity": agent.capacity,
        "calls_taken": work.connection.execute(taken).scalar_one(),
        "calls_with_outcome": work.connection.execute(reported).scalar_one(),
        **_means(work, agent_id),
        "comments": [{"author": row.author, "text": row.text, "at_s": row.at_s} for row in work.connection.execute(comments)],
    }
    audit.append(work, "agent.read")
    return held


def _means(work: Work, agent_id: str) -> dict[str, float | None]:
    """Return what reports of the calls that an agent took say on average, of each call the later over the earlier."""
    wanted = (
        select(outcomes.c.decision_id, outcomes.c.outcome)
        .join(decisions, decisions.c.decision_id == outcomes.c.decision_id)
        .where(decisions.c.taken == agent_id)
        .order_by(outcomes.c.outcome_seq)
    )
    known: dict[str, dict[str, float]] = {}
    for row in work.connection.execute(wanted):
        known.setdefault(row.decision_id, {}).update(row.outcome)
    means: dict[str, float | None] = {}
    for name, field in (("resolved_share", "resolved"), ("csat_5_mean", "csat_5"), ("handle_s_mean", "handle_s")):
        values = [float(call[field]) for call in known.values() if field in call]
        means[name] = math.fsum(values) / len(values) if values else None
    return means
