"""What the database holds afterwards, against what the service had promised."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select, text

from bench.outages.load import Ledger
from bench.outages.serving import Deployment
from simpatico.profiles import audit
from simpatico.profiles.schema import decisions, outcomes
from simpatico.profiles.store import Work

__all__ = ["Counted", "count"]


@dataclass(frozen=True, slots=True)
class Counted:
    """By id: promised, found, promised and not found (``lost``), found more than once (``doubled``).

    Attributes
    ----------
    outcomes_unasked
        Reports in the database that were sent and never acknowledged: the service, or its database, died in between.
    mixed
        Reports that stand under another decision than they were acknowledged for.
    waiting
        Items left in the spool.
    entries, intact
        Of the audit log, with its anchors; ``problems`` in words.
    sound
        Whether SQLite finds its own file whole.
    """

    decisions_promised: int
    decisions_lost: int
    decisions_doubled: int
    outcomes_promised: int
    outcomes_found: int
    outcomes_lost: int
    outcomes_doubled: int
    outcomes_unasked: int
    outcomes_unknown: int
    mixed: int
    waiting: int
    entries: int
    intact: bool
    sound: bool
    problems: tuple[str, ...]

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        bad = (self.decisions_lost, self.decisions_doubled, self.outcomes_lost, self.outcomes_doubled, self.outcomes_unknown, self.mixed)
        return not any(bad) and self.waiting == 0 and self.intact and self.sound


def count(deployment: Deployment, ledger: Ledger) -> Counted:
    """Hold the database against the ledger, by count and by id. The service may run or not."""
    waiting = deployment.waiting()
    with deployment.open() as store:
        found = store.read(_found)
        made = Counter(store.read(_made))
        report = store.read(audit.verify_log, audit.read_anchors(deployment.anchors))
        sound = not store.store.embedded or store.read(_integrity) == "ok"
    reports = Counter(request_id for request_id, _ in found)
    at = dict(found)
    return Counted(
        decisions_promised=len(ledger.decided),
        decisions_lost=len(ledger.decided - made.keys()),
        decisions_doubled=sum(n > 1 for n in made.values()),
        outcomes_promised=len(ledger.acknowledged),
        outcomes_found=len(found),
        outcomes_lost=len(ledger.acknowledged.keys() - reports.keys()),
        outcomes_doubled=sum(n > 1 for n in reports.values()),
        outcomes_unasked=len(reports.keys() & ledger.unacknowledged.keys()),
        outcomes_unknown=len(reports.keys() - ledger.acknowledged.keys() - ledger.unacknowledged.keys()),
        mixed=sum(at.get(request_id, decision_id) != decision_id for request_id, decision_id in ledger.acknowledged.items()),
        waiting=waiting,
        entries=report.entries,
        intact=report.ok,
        sound=sound,
        problems=tuple(fault.message for fault in report.faults[:5]),
    )


def _found(work: Work) -> list[tuple[str, str]]:
    return [(row.request_id, row.decision_id) for row in work.connection.execute(select(outcomes.c.request_id, outcomes.c.decision_id))]


def _made(work: Work) -> list[str]:
    return list(work.connection.execute(select(decisions.c.decision_id)).scalars())


def _integrity(work: Work) -> str:
    return str(work.connection.execute(text("PRAGMA integrity_check")).scalar_one())
