"""Callers: consent before anything, keys through a rotation, calls kept and taken out again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from simpatico.errors import ConsentError, DuplicateCallError, RequestError, UnknownCallerError, UnknownCallError
from simpatico.profiles import audit, callers, calls, counters, decisions, privacy, training
from simpatico.profiles.fusion import AxisEvidence, fuse_calls
from simpatico.profiles.habits import HISTORY_CALLS, Habits
from simpatico.profiles.keys import KeyRing
from simpatico.profiles.record_codec import pack_record
from simpatico.profiles.records import CallerProfile, CallRecord, Consent
from simpatico.profiles.schema import metadata
from simpatico.profiles.store import BlockingStore, Work
from simpatico.profiles.texts import NotKept
from simpatico.routing.types import Source
from tests.profiles.samples import CALLER, NOW_S, Clock, a_call, a_decision

NEW_RING = KeyRing({"k2": b"test secret of the deployment, two", "k1": b"test secret of the deployment, one"})
ONLY_NEW = KeyRing({"k2": b"test secret of the deployment, two"})


def sizes(work: Work) -> dict[str, int]:
    """Return rows by table, empty ones left out."""
    found = {name: work.connection.execute(select(func.count()).select_from(table)).scalar_one() for name, table in metadata.tables.items()}
    return {name: count for name, count in found.items() if count}


def test_a_stranger_is_nobody(store: BlockingStore) -> None:
    assert store.read(callers.lookup, CALLER) == CallerProfile()
    assert store.read(callers.lookup, CALLER).belief is None


def test_without_consent_nothing_but_counters(store: BlockingStore) -> None:
    assert store.write("router", calls.keep, CALLER, a_call()) is NotKept.NO_CONSENT
    assert store.write("router", decisions.log, None, [a_decision(kept=False)]) == 0
    assert store.write("router", training.set_aside, CALLER, "call-1", "norms", {"z": [1.0]}) is False
    rows = store.read(sizes)
    assert set(rows) == {"counters"}
    assert store.read(counters.totals) == {"calls.not_kept": 1, "decisions.not_kept": 1, "training.not_kept": 1}


def test_consent_then_a_call(store: BlockingStore) -> None:
    granted = store.write("router", callers.grant, CALLER, "notice-7")
    assert (granted.consent, granted.notice_id, granted.calls, granted.belief) == (Consent.GRANTED, "notice-7", 0, None)
    assert store.write("router", calls.keep, CALLER, a_call()) is None
    profile = store.read(callers.lookup, CALLER)
    assert (profile.calls, profile.model) == (1, "prior-1/1.1.0")
    assert profile.axes["assertiveness"] == fuse_calls([AxisEvidence(0.6, 0.8, 0.1)])
    assert profile.habits == Habits.of([p for p in [a_call().past] if p])
    belief = profile.belief
    assert belief is not None
    assert belief.sources == {Source.PROFILE}
    assert [axis.name for axis in belief.axes] == ["assertiveness", "responsiveness"]


def test_granting_again_keeps_everything(store: BlockingStore) -> None:
    store.write("router", callers.grant, CALLER, "notice-7")
    store.write("router", calls.keep, CALLER, a_call())
    before = store.read(callers.lookup, CALLER)
    assert store.write("router", callers.grant, CALLER, "notice-7") == before
    assert store.write("router", callers.grant, CALLER, "notice-8") == replace(before, notice_id="notice-8")


def test_the_profile_is_always_what_its_calls_give(store: BlockingStore) -> None:
    store.write("router", callers.grant, CALLER)
    for i in range(6):
        record = a_call(
            f"call-{i}", reason=["billing", "delivery", ""][i % 3], shift=0.1 * i, model="prior-1/1.1.0" if i else "older/0.9.0"
        )
        store.write("router", calls.keep, CALLER, record)
    profile = store.read(callers.lookup, CALLER)
    assert profile.calls == 6
    # The call of another bundle counts as a call and for habits, not for style.
    assert profile.axes["assertiveness"] == fuse_calls([AxisEvidence(0.1 * i, 0.8, 0.1) for i in range(1, 6)])
    assert profile.habits.reasons == {"billing": 2, "delivery": 2}
    assert profile.habits.moves == {("billing", "delivery"): 2, ("delivery", "billing"): 1}


def test_a_call_with_no_evidence_is_kept_too(store: BlockingStore) -> None:
    store.write("router", callers.grant, CALLER)
    silent = replace(a_call(), style={"assertiveness": AxisEvidence(0.0, 0.0, float("inf"))}, speech_s=0.0, reason="")
    assert store.write("router", calls.keep, CALLER, silent) is None
    assert store.read(callers.lookup, CALLER).axes["assertiveness"].calls == 0
    assert store.read(callers.lookup, CALLER).belief is None


def test_the_same_call_twice_is_once_and_another_of_its_id_is_refused(store: BlockingStore) -> None:
    store.write("router", callers.grant, CALLER)
    assert store.write("router", calls.keep, CALLER, a_call()) is None
    assert store.write("router", calls.keep, CALLER, a_call()) is None
    assert store.read(callers.lookup, CALLER).calls == 1
    with pytest.raises(DuplicateCallError, match="another call 'call-1' is held"):
        store.write("router", calls.keep, CALLER, a_call(shift=0.9))
    store.write("router", callers.grant, "someone else")
    with pytest.raises(DuplicateCallError):
        store.write("router", calls.keep, "someone else", a_call())


def test_a_call_during_which_consent_ended_is_not_kept_though_it_was_given_anew(store: BlockingStore) -> None:
    before = store.write("router", callers.grant, CALLER).caller_id
    store.write("router", privacy.withdraw, CALLER)
    after = store.write("router", callers.grant, CALLER).caller_id
    assert after != before
    assert store.write("router", calls.keep, CALLER, a_call("call-1"), known_as=before) is NotKept.WITHDRAWN
    assert store.write("router", calls.keep, CALLER, a_call("call-2"), known_as=after) is None
    assert store.write("router", calls.keep, CALLER, a_call("call-3")) is None
    assert store.read(callers.lookup, CALLER).calls == 2
    assert store.read(counters.totals)["calls.not_kept"] == 1


def test_detaching_a_call_leaves_the_profile_of_the_others(store: BlockingStore, clock: Clock) -> None:
    def fill(caller: str, ids: list[int]) -> CallerProfile:
        store.write("router", callers.grant, caller)
        for i in ids:
            store.write("router", calls.keep, caller, a_call(f"{caller}-{i}", reason="ab"[i % 2], shift=0.3 * i))
        return store.read(callers.lookup, caller)

    without = fill("never had it", [0, 2, 3])
    profile = fill(CALLER, [0, 1, 2, 3])
    decision = a_decision(f"{CALLER}-1")
    store.write("router", decisions.log, profile.caller_id, [decision])
    store.write("router", training.set_aside, CALLER, f"{CALLER}-1", "norms", {"z": [1.0]})
    removed = store.write("privacy", calls.detach, CALLER, f"{CALLER}-1")
    assert removed == {"outcomes": 0, "decisions": 1, "training": 1, "calls": 1, "spool": 0}
    after = store.read(callers.lookup, CALLER)
    assert (after.axes, after.habits, after.calls) == (without.axes, without.habits, without.calls)
    last = list(store.read(lambda work: list(audit.entries(work))))[-1].entry
    assert (last.action, last.subject) == ("call.detached", profile.audit_ref)
    with pytest.raises(UnknownCallError, match="no such call"):
        store.write("privacy", calls.detach, CALLER, f"{CALLER}-1")


def test_what_callers_have_said_by_our_own_ids(store: BlockingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    from simpatico.profiles import privacy

    monkeypatch.setattr(callers, "PAGE", 2)
    ids = {name: store.write("router", callers.grant, name).caller_id for name in ("a", "b", "c", "d", "e")}
    store.write("privacy", privacy.object_to, "b")
    store.write("privacy", privacy.erase, "c")
    store.write("privacy", privacy.withdraw, "d")
    store.write("router", callers.grant, "d")
    said = store.read(callers.said, ids.values())
    assert said == {ids["a"]: Consent.GRANTED, ids["b"]: Consent.OBJECTED, ids["e"]: Consent.GRANTED}


def test_detaching_the_only_call_leaves_no_profile(store: BlockingStore) -> None:
    store.write("router", callers.grant, CALLER)
    store.write("router", calls.keep, CALLER, a_call())
    store.write("privacy", calls.detach, CALLER, "call-1")
    profile = store.read(callers.lookup, CALLER)
    assert (profile.calls, profile.axes, profile.consent) == (0, {}, Consent.GRANTED)


def test_a_rotation_recognises_and_rekeys(store: BlockingStore, reopen: Callable[..., BlockingStore]) -> None:
    for name in ("a", "b", "c"):
        store.write("router", callers.grant, name)
        store.write("router", calls.keep, name, a_call(f"call-{name}"))
    before = store.read(callers.lookup, "a")
    rotated = reopen(NEW_RING)
    assert rotated.read(callers.lookup, "a") == before
    assert rotated.read(callers.held_under) == {"k1": 3}
    rotated.write("router", calls.keep, "a", a_call("call-a2"))
    assert rotated.read(callers.held_under) == {"k1": 2, "k2": 1}
    assert rotated.write("admin", callers.rekey, ["a", "b", "unknown"]) == 1
    assert rotated.read(callers.held_under) == {"k1": 1, "k2": 2}
    rotated.write("router", callers.grant, "c", "another notice")
    assert rotated.read(callers.held_under) == {"k2": 3}
    store.write("router", callers.grant, "d")
    only_new = reopen(ONLY_NEW)
    assert only_new.read(callers.lookup, "a").calls == 2
    assert only_new.read(callers.lookup, "b").calls == 1
    assert only_new.read(callers.lookup, "d") == CallerProfile()
    assert rotated.read(audit.verify_log).ok


def test_an_objection_is_not_undone_by_a_form(store: BlockingStore) -> None:
    from simpatico.profiles import privacy

    store.write("privacy", privacy.object_to, CALLER)
    with pytest.raises(ConsentError, match="has objected"):
        store.write("router", callers.grant, CALLER)
    assert store.write("router", calls.keep, CALLER, a_call()) is NotKept.OBJECTED


def test_reading_a_profile_is_audited_and_looking_it_up_writes_nothing(store: BlockingStore) -> None:
    granted = store.write("router", callers.grant, CALLER)
    entries = store.read(audit.head).seq
    store.read(callers.lookup, CALLER)
    assert store.read(audit.head).seq == entries
    store.write("qa", callers.read_profile, CALLER)
    last = store.read(lambda work: list(audit.entries(work)))[-1].entry
    assert (last.actor, last.action, last.subject) == ("qa", "profile.read", granted.audit_ref)
    with pytest.raises(UnknownCallerError):
        store.write("qa", callers.read_profile, "stranger")


def test_everyone_is_the_sum_of_callers(store: BlockingStore) -> None:
    for name in ("a", "b"):
        store.write("router", callers.grant, name)
        for i in range(3):
            store.write("router", calls.keep, name, a_call(f"{name}{i}", reason="billing" if i else name))
    assert store.read(callers.everyone).reasons == {"billing": 4, "a": 1, "b": 1}


def test_a_long_history_is_bounded(store: BlockingStore) -> None:
    def many(work: Work) -> None:
        callers.grant(work, CALLER)
        row = callers.require(work, CALLER)
        for i in range(HISTORY_CALLS + 3):
            values = pack_record(a_call(f"call-{i}", reason="old" if i < 3 else "new"))
            work.connection.execute(metadata.tables["calls"].insert().values(caller_id=row.caller_id, kept_at_s=NOW_S, **values))
        calls.rebuild(work, row.caller_id)

    store.write("router", many)
    profile = store.read(callers.lookup, CALLER)
    assert profile.calls == HISTORY_CALLS + 3
    assert profile.habits.reasons == {"new": HISTORY_CALLS}
    assert profile.axes["assertiveness"].calls == HISTORY_CALLS


def test_a_clock_that_goes_backwards_does_not_age_a_caller(store: BlockingStore, clock: Clock) -> None:
    store.write("router", callers.grant, CALLER)
    clock.now_s -= 1e6
    store.write("router", calls.keep, CALLER, a_call())
    assert store.read(lambda work: callers.require(work, CALLER).seen_at_s) == NOW_S


HUGE = "0123456789" * (1 << 20)


@pytest.mark.parametrize("key", [HUGE, "", "\ud800"])
def test_keys_that_cannot_be_change_nothing(store: BlockingStore, key: str) -> None:
    for query in (callers.grant, callers.read_profile):
        with pytest.raises(RequestError, match="caller_key"):
            store.write("router", query, key)
    with pytest.raises(RequestError, match="caller_key"):
        store.read(callers.lookup, key)
    assert store.read(sizes) == {}


NAN = float("nan")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"call_id": ""}, "call_id must be text of 1 to 256"),
        ({"call_id": "x" * 257}, "got 257 characters"),
        ({"call_id": "a\0b"}, "holds NUL"),
        ({"duration_s": NAN}, "duration_s must be a finite number.*nan"),
        ({"speech_s": -1.0}, "speech_s"),
        ({"started_at_s": float("inf")}, "started_at_s"),
        ({"figures": {"activity": NAN}}, "figures.activity"),
        ({"figures": {f"f{i}": 0.0 for i in range(65)}}, "65 figures; at most 64"),
        ({"reason": "x" * 257}, "reason"),
    ],
)
def test_calls_that_cannot_be(change: dict[str, object], match: str) -> None:
    with pytest.raises(RequestError, match=match):
        replace(a_call(), **change)


def test_a_record_holds_nothing_of_the_pair_or_the_agent(store: BlockingStore) -> None:
    # Whoever adds a field here should think of docs/callers.md and of the law.
    assert set(CallRecord.__dataclass_fields__) == {
        "call_id", "started_at_s", "time", "reason", "duration_s", "speech_s", "model", "style", "figures", "notice_id"
    }  # fmt: skip
    assert set(metadata.tables["calls"].columns.keys()) == {
        "call_seq", "caller_id", "call_id", "started_at_s", "weekday", "hour", "reason", "notice_id", "duration_s", "speech_s", "model",
        "style", "figures", "kept_at_s",
    }  # fmt: skip
