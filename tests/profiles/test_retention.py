"""Retention: what is older than its class goes, the rest stays, and a wrong clock decides nothing."""

from __future__ import annotations

import pytest

from simpatico.errors import RequestError
from simpatico.profiles import audit, callers, calls, decisions, operations, privacy, training
from simpatico.profiles.fusion import AxisEvidence, fuse_calls
from simpatico.profiles.records import CallerProfile, Consent
from simpatico.profiles.retention import Retention, due, purge
from simpatico.profiles.store import BlockingStore
from simpatico.routing.types import Outcome
from tests.profiles.samples import CALLER, DAY_S, Clock, a_call, a_decision
from tests.profiles.test_callers import sizes

SHORT = Retention(calls_days=10.0, decisions_days=20.0, training_days=30.0, callers_days=40.0, counters_days=50.0)


def test_each_class_ends_when_it_should(store: BlockingStore, clock: Clock) -> None:
    store.write("router", callers.grant, CALLER)
    caller_id = store.read(callers.lookup, CALLER).caller_id
    made = a_decision(at_s=clock.now_s)
    store.write("router", decisions.log, caller_id, [made])
    store.write("router", decisions.record_outcome, "r", made.decision_id, Outcome(csat_5=3.0))
    store.write("router", calls.keep, CALLER, a_call("old", shift=0.9))
    store.write("router", training.set_aside, CALLER, "old", "norms", {"x": 1})
    clock.now_s += 5 * DAY_S
    store.write("router", calls.keep, CALLER, a_call("new", shift=0.1))

    def after(days: float) -> dict[str, int]:
        clock.now_s += days * DAY_S
        return {name: count for name, count in store.write("purge", purge, SHORT).items() if count}

    assert after(4.9) == {}
    assert after(0.2) == {"calls": 1}
    profile = store.read(callers.lookup, CALLER)
    assert profile.axes["assertiveness"] == fuse_calls([AxisEvidence(0.1, 0.8, 0.1)])
    assert after(5.0) == {"calls": 1}
    assert store.read(callers.lookup, CALLER).axes == {}
    assert after(5.0) == {"outcomes": 1, "decisions": 1}
    assert after(10.0) == {"training": 1}
    assert after(20.0) == {"callers": 1}
    assert after(1.0) == {"counters": 2}
    assert store.read(callers.lookup, CALLER) == CallerProfile()
    assert store.read(audit.verify_log).ok


def test_an_idle_caller_goes_with_everything(store: BlockingStore, clock: Clock) -> None:
    store.write("router", callers.grant, CALLER)
    caller_id = store.read(callers.lookup, CALLER).caller_id
    store.write("router", decisions.log, caller_id, [a_decision(at_s=clock.now_s)])
    store.write("router", calls.keep, CALLER, a_call())
    clock.now_s += 41 * DAY_S
    long = Retention(callers_days=40.0)
    assert store.write("purge", purge, long)["callers"] == 1
    assert set(store.read(sizes)) == {"audit", "audit_head", "counters"}


def test_what_is_due_is_what_goes(store: BlockingStore, clock: Clock) -> None:
    """Before: a rehearsal that changes nothing. In steps: no step is larger than it may be, and all of them are the whole."""
    for key in ("idle-1", "idle-2", "idle-3", CALLER):
        caller_id = store.write("router", callers.grant, key).caller_id
        made = a_decision(f"{key}-decided", at_s=clock.now_s)
        store.write("router", decisions.log, caller_id, [made])
        store.write("router", decisions.record_outcome, key, made.decision_id, Outcome(csat_5=3.0))
        for i in range(3):
            store.write("router", calls.keep, key, a_call(f"{key}-{i}"))
        store.write("router", training.set_aside, key, f"{key}-0", "norms", {"x": 1})
    clock.now_s += 41 * DAY_S
    store.write("router", calls.keep, CALLER, a_call("today", shift=0.4))
    idle_id = store.read(callers.lookup, "idle-1").caller_id
    store.write("router", decisions.log, idle_id, [a_decision("young", at_s=clock.now_s)])  # it goes with its caller
    before = store.read(sizes)
    expected = {"outcomes": 4, "decisions": 5, "training": 4, "calls": 12, "profiles": 3, "callers": 3, "counters": 0}
    assert store.read(due, SHORT) == expected
    assert store.read(sizes) == before
    steps = []
    while any((step := store.write("purge", purge, SHORT, limit=2)).values()):
        steps.append(step)
    assert {name: sum(step[name] for step in steps) for name in expected} == expected
    assert max(step["callers"] for step in steps) == 2
    assert store.read(due, SHORT) == dict.fromkeys(expected, 0)
    assert store.read(callers.lookup, CALLER).axes["assertiveness"] == fuse_calls([AxisEvidence(0.4, 0.8, 0.1)])
    assert store.read(audit.verify_log).ok


def test_a_purge_from_beginning_to_end(store: BlockingStore, clock: Clock) -> None:
    store.write("router", callers.grant, CALLER)
    clock.now_s += 41 * DAY_S
    done = store.run(operations.purge(store.store, "operator", SHORT))
    assert (done.rows["callers"], done.scrubbed) == (1, True)
    logged = store.read(lambda work: [s.entry for s in audit.entries(work) if s.entry.action == "retention.purged"])
    assert [(e.actor, sum(e.detail["rows"].values())) for e in logged] == [("operator", 1), ("operator", 0)]  # type: ignore[attr-defined]


def test_an_objection_outlives_everything(store: BlockingStore, clock: Clock) -> None:
    store.write("privacy", privacy.object_to, CALLER)
    clock.now_s += 10_000 * DAY_S
    store.write("purge", purge, SHORT)
    assert store.read(callers.lookup, CALLER).consent is Consent.OBJECTED


def test_a_clock_that_is_behind_purges_nothing(store: BlockingStore, clock: Clock) -> None:
    store.write("router", callers.grant, CALLER)
    clock.now_s -= 2 * 3600.0
    with pytest.raises(RequestError, match="the clock is 7200 s behind the newest entry of the audit log"):
        store.write("purge", purge, SHORT)
    with pytest.raises(RequestError, match="the clock is 7200 s behind"):
        store.read(due, SHORT)
    clock.now_s += 1.5 * 3600.0
    store.write("purge", purge, SHORT)


@pytest.mark.parametrize("days", [0.0, -1.0, float("nan"), float("inf")])
def test_days_that_cannot_be(days: float) -> None:
    with pytest.raises(RequestError, match=r"retention\.calls_days must be above 0"):
        Retention(calls_days=days)
