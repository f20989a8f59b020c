"""A caller from the first call to the last trace, with the real service as processes of its own: streamed, ranked, kept, ranked again from
the profile before they speak, shown what is held, erased."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from numpy.typing import NDArray

from simpatico.client import AnalysisClient, Caller, CallFailed, CallStream, Chunk, Event, Final, Interim, Update
from simpatico.profiles import audit, callers, training
from simpatico.profiles.keys import parse_key_ring
from simpatico.profiles.schema import PERSONAL, metadata
from simpatico.profiles.store import Store, Work
from simpatico.v1 import caller_service_pb2 as callers_pb
from simpatico.v1 import caller_service_pb2_grpc as callers_rpc
from simpatico.v1 import routing_service_pb2 as pb
from simpatico.v1 import routing_service_pb2_grpc as rpc
from tests.conftest import SAMPLES, SampleCall
from tests.profiles.samples import as_stored
from tests.server.running import log_of, process, rankings_address

KEY = "customer-4711-Aubergine"
RATE_HZ = 8000
SAMPLE = SAMPLES / "booking.wav"
WAIT_S = 60.0
LONG_S = 30.0
"""An answer that is not a question of time."""
TEACHING_CALLS = 60
pytestmark = pytest.mark.slow

ASKED = 12
"""Connections over which a ranking is asked: the kernel gives each second one to a worker by chance, and all to one in 1 of 32 runs."""


@dataclass
class Service:
    """A running service of two workers and a process for rankings, and where its files are. ``addresses`` of routing take turns."""

    address: str
    addresses: Iterator[str]
    folder: Path
    process: Any

    @property
    def store(self) -> Store:
        """A connection of our own to its database."""
        return Store(f"sqlite:///{self.folder}/simpatico.db", parse_key_ring((self.folder / "secrets").read_text()))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Return a service that learns every second."""
    (tmp_path / "secrets").write_text(f"2026-11 {base64.b64encode(bytes(range(32))).decode()}\n")
    settings = {
        "database.url": f"sqlite:///{tmp_path}/simpatico.db",
        "database.secrets": str(tmp_path / "secrets"),
        "database.spool": str(tmp_path / "spool.db"),
        "database.anchors": str(tmp_path / "anchors"),
        "database.tend_s": 1,
        "routing.renew_s": 1,
        "routing.answer_within_s": LONG_S,
    }
    options = [option for key, value in settings.items() for option in ("--set", f"{key}={value}")]
    command = ("simpatico", "serve", "--port", "0", "--routing-port", "0", "--workers", "2", "--realtime-factor", "inf", *options)
    with process(*command, OMP_NUM_THREADS="1") as (running, address):
        yield Service(address, itertools.cycle((address, rankings_address(running))), tmp_path, running)


@asynccontextmanager
async def connected(service: Service) -> AsyncIterator[tuple[Any, Any]]:
    """Yield stubs of routing and callers over a connection of their own: to a worker of the kernel's choice, or on the port of rankings."""
    async with grpc.aio.insecure_channel(next(service.addresses), options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        yield rpc.RoutingServiceStub(channel), callers_rpc.CallerServiceStub(channel)


async def rank(service: Service, call_id: str, key: str = KEY) -> Any:
    """Ask who should take the call."""
    candidates = [pb.Candidate(agent_id=name, idle_s=10.0) for name in ("bad", "good", "other")]
    async with connected(service) as (routing, _):
        call = pb.CallToRoute(call_id=call_id, caller_key=key, queue="sales", candidates=candidates)
        return await routing.RankAgents(pb.RankAgentsRequest(call=call))


async def report(service: Service, request_id: str, decision_id: str, taken_by: str, *, resolved: bool) -> None:
    """Report an outcome; the worker that is asked may not know yet of the decision that another has made."""
    request = pb.RecordOutcomeRequest(
        request_id=request_id, decision_id=decision_id, outcome=pb.Outcome(resolved=resolved), taken_by=taken_by
    )
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                async with connected(service) as (routing, _):
                    assert (await routing.RecordOutcome(request)).kept
                return
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    raise
                await asyncio.sleep(0.05)


async def ask(service: Service, method: str, **fields: Any) -> Any:
    """Ask CallerService."""
    async with connected(service) as (_, desk):
        return await getattr(desk, method)(getattr(callers_pb, f"{method}Request")(**fields))


async def teach(service: Service) -> None:
    """Declare agents, and let other callers' calls go well with one of them; wait until every worker has learned."""
    async with connected(service) as (routing, _):
        for name in ("bad", "good", "other"):
            await routing.UpsertAgent(pb.UpsertAgentRequest(agent=pb.Agent(agent_id=name)))
    assert (await rank(service, "before")).neutral_reason == "no_outcomes_yet"
    await ask(service, "SetConsent", caller_key="somebody", consent=callers_pb.CONSENT_GRANTED)
    for i in range(TEACHING_CALLS):
        decision = await rank(service, f"past-{i}", "somebody")
        await report(service, f"past-{i}", decision.decision_id, ("good", "bad")[i % 2], resolved=i % 2 == 0)
    async with asyncio.timeout(WAIT_S):
        while any([(await rank(service, "waiting")).neutral for _ in range(ASKED)]):
            await asyncio.sleep(0.2)


class Call:
    """A live call: its stream, what came back, and how far it is."""

    def __init__(self, stream: CallStream, call_id: str, samples: NDArray[np.float32]) -> None:
        self.stream, self.call_id = stream, call_id
        self._samples, self._sent = samples, 0
        self._updates = aiter(stream)

    async def until(self, seconds: float) -> Interim:
        """Send audio up to that second of the call, and return the interim result that follows."""
        end = min(round(seconds * RATE_HZ), len(self._samples))
        for first in range(self._sent, end, 8000):
            data = np.ascontiguousarray(self._samples[first : min(first + 8000, end)], "<f4").tobytes()
            await self.stream.send([Chunk(self.call_id, first, data)])
        self._sent = end
        while True:
            update = await self.next()
            if isinstance(update, Interim) and update.analysis.call.duration_s >= int(end / RATE_HZ):
                return update

    async def next(self) -> Update:
        async with asyncio.timeout(WAIT_S):
            update = await anext(self._updates)
        assert not isinstance(update, CallFailed), update
        return update

    async def event(self, kind: str) -> str:
        while not isinstance(update := await self.next(), Event) or update.kind != kind:
            assert not isinstance(update, Final)
        return update.label

    async def final(self) -> Final:
        await self.stream.end(self.call_id)
        while not isinstance(update := await self.next(), Final):
            pass
        return update


@asynccontextmanager
async def calling(service: Service, call_id: str, samples: NDArray[np.float32], reason: str = "cards") -> AsyncIterator[Call]:
    async with AnalysisClient(service.address) as client, client.stream() as stream:
        await stream.start(
            call_id,
            encoding="f32",
            sample_rate_hz=RATE_HZ,
            channels=2,
            caller=Caller(KEY, reason=reason),
            options={"interim_period_s": 1.0},
        )
        yield Call(stream, call_id, samples)


async def everywhere(service: Service, call_id: str, basis: list[str]) -> list[Any]:
    """Rank over several connections, until the answers of all workers rest on ``basis``; return them."""
    async with asyncio.timeout(WAIT_S):
        while True:
            answers = [await rank(service, call_id) for _ in range(ASKED)]
            if all(list(answer.basis) == basis for answer in answers):
                return answers
            await asyncio.sleep(0.05)


async def from_call_to_call(service: Service, samples: NDArray[np.float32], seconds: float) -> list[str]:
    """Play item by item what a caller goes through; return the ids of what was decided and kept."""
    await teach(service)
    async with calling(service, "first-call", samples) as call:
        assert await call.event("consent") == "unknown"
        heard = await call.until(seconds / 2)
        midway = await everywhere(service, "first-call", ["live"])
        assert not any(answer.kept or answer.neutral for answer in midway)
        await call.stream.consent("first-call", "granted", "notice-7")
        assert await call.event("consent") == "granted"
        more = await call.until(seconds)
        assert more.analysis.style.evidence_s > heard.analysis.style.evidence_s
        at_the_end = (await everywhere(service, "first-call", ["live"]))[0]
        assert at_the_end.kept
        assert {other.without for other in at_the_end.counterfactuals} >= {"live_evidence", "style"}
        await report(service, "outcome-1", at_the_end.decision_id, at_the_end.agents[0].agent_id, resolved=True)
        final = await call.final()
        assert final.ended_by == "end"
        assert final.kept is not False, "it is, or that takes a busy machine longer than the final waits"
    async with asyncio.timeout(WAIT_S):
        while (await ask(service, "GetCaller", caller_key=KEY)).calls == 0:
            await asyncio.sleep(0.05)
    before_speaking = (await everywhere(service, "second-call", ["profile"]))[0]
    assert (before_speaking.neutral, before_speaking.kept) == (False, True)
    assert "profile" in {other.without for other in before_speaking.counterfactuals}
    await report(service, "outcome-2", before_speaking.decision_id, "good", resolved=True)
    profile = await ask(service, "GetCaller", caller_key=KEY)
    assert (profile.calls, profile.notice_id, dict(profile.reasons)) == (1, "notice-7", {"cards": 1})
    for axis, estimate in zip(profile.axes, final.analysis.style.axes, strict=True):
        assert axis.calls == 1
        assert 0.0 < axis.sd < 1.0, (axis, estimate)
    return [at_the_end.decision_id, before_speaking.decision_id]


async def rows_of(store: Store, key: str) -> dict[str, list[dict[str, Any]]]:
    """Return every personal row of a caller, as stored, without ids that mean nothing outside the database."""

    def query(work: Work) -> dict[str, list[dict[str, Any]]]:
        caller_id = callers.lookup(work, key).caller_id
        found = {}
        for table in PERSONAL:
            columns = table.c
            mine = (
                columns.decision_id.in_(metadata.tables["decisions"].select().with_only_columns(metadata.tables["decisions"].c.decision_id)
                .where(metadata.tables["decisions"].c.caller_id == caller_id))
                if table.name == "outcomes"
                else columns.caller_id == caller_id
            )  # fmt: skip
            rows = work.connection.execute(table.select().where(mine).order_by(*table.primary_key.columns))
            found[table.name] = [{k: v for k, v in row._mapping.items() if k != "caller_id"} for row in rows]
        return found

    return await store.read(query)


async def shown_then_erased(service: Service, decision_ids: list[str]) -> list[str]:
    """Export, compare with what is stored, erase; return every string that could lead back to the caller."""
    store = service.store
    await store.write("test", training.set_aside, KEY, "first-call", "norms", {"aubergine-feature": 0.5})
    profile = await store.read(callers.lookup, KEY)
    assert profile.caller_id
    held = await rows_of(store, KEY)
    async with asyncio.timeout(WAIT_S):
        while await asyncio.sleep(0.5) or (later := await rows_of(store, KEY)) != held:  # the last decisions may be on their way
            held = later
    assert {name: len(rows) > 0 for name, rows in held.items()} == dict.fromkeys(held, True)
    export = await ask(service, "ExportCaller", caller_key=KEY)
    document = json.loads(export.json)
    assert {name: document[name] for name in ("calls", "outcomes", "training")} == {
        name: held[name] for name in ("calls", "outcomes", "training")
    }
    assert [as_stored(decision) for decision in document["decisions"]] == held["decisions"]
    assert document["profile"] == held["profiles"][0]
    assert document["consent"]["notice_id"] == held["callers"][0]["notice_id"] == "notice-7"
    assert set(decision_ids) <= {row["decision_id"] for row in document["decisions"]}
    assert all(word in export.html for word in ("first-call", "notice-7", *decision_ids))
    receipt = (await ask(service, "EraseCaller", caller_key=KEY)).receipt
    assert dict(receipt.rows) == {name: len(rows) for name, rows in held.items()}
    async with asyncio.timeout(WAIT_S):
        while not await store.scrub():  # a reader in the other worker may hold the write-ahead log for a moment
            await asyncio.sleep(0.1)
    await store.close()
    digest = held["callers"][0]["key_digest"]
    ids = [row["decision_id"] for row in held["decisions"]]
    return [
        KEY,
        digest,
        profile.caller_id,
        profile.audit_ref,
        "first-call",
        "second-call",
        "notice-7",
        "aubergine-feature",
        "outcome-1",
        *ids,
    ]


def found_in(folder: Path, traces: list[str], *, but: str = "") -> list[tuple[str, str]]:
    """Return (file, trace) for every file that holds one."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {"simpatico.db", "spool.db"} <= {path.name for path in files}
    return [(path.name, trace) for path in files for trace in traces if trace != but and trace.encode() in path.read_bytes()]


async def test_a_callers_way(service: Service, sample_calls: list[SampleCall]) -> None:
    await way(service, sample_calls[0].samples)


@pytest.mark.calls
async def test_a_real_callers_way(service: Service, harper_valley: list[Any]) -> None:
    await way(service, harper_valley[0].samples())


async def way(service: Service, samples: NDArray[np.float32]) -> None:
    """Go all the way, and look for traces: in files while the service runs, in its log, and when it has stopped."""
    ids = await from_call_to_call(service, samples, seconds=float(int(min(len(samples) / RATE_HZ, 40.0))))
    before = found_in(service.folder, [*ids, "first-call", "notice-7"])
    assert before, "the search finds what is there"
    traces = await shown_then_erased(service, ids)
    audit_ref = traces[3]
    assert found_in(service.folder, traces, but=audit_ref) == []
    assert await ask_refused(service, "GetCaller") == "NOT_FOUND"
    assert list((await rank(service, "third-call")).basis) == ["prior"]
    service.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(service.process.wait, WAIT_S) == 0
    assert found_in(service.folder, traces, but=audit_ref) == []
    log = log_of(service.process)
    assert [trace for trace in traces if trace in log] == []
    assert "Traceback" not in log
    await check_audit(service.store, audit_ref, traces)


async def ask_refused(service: Service, method: str) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ask(service, method, caller_key=KEY)
    return caught.value.code().name


async def check_audit(store: Store, audit_ref: str, traces: list[str]) -> None:
    """The log verifies, names export and erasure by a reference that leads nowhere, and holds nothing else of the caller."""

    def query(work: Work) -> list[Any]:
        assert audit.verify_log(work).ok
        return [sealed.entry for sealed in audit.entries(work)]

    entries = await store.read(query)
    await store.close()
    mine = [entry.action for entry in entries if entry.subject == audit_ref]
    assert [action for action in mine if action.startswith("caller.")] == ["caller.exported", "caller.erased"]
    text = json.dumps([(e.actor, e.action, e.subject, e.detail) for e in entries])
    assert [trace for trace in traces if trace != audit_ref and trace in text] == []
    assert not re.search("aubergine|cards", text, re.IGNORECASE)


async def test_a_withdrawal_reaches_the_call_whichever_worker_is_told(service: Service, sample_calls: list[SampleCall]) -> None:
    for i in range(ASKED):
        await ask(service, "SetConsent", caller_key=KEY, consent=callers_pb.CONSENT_GRANTED)
        async with calling(service, f"call-{i}", sample_calls[0].samples) as call:
            assert await call.event("consent") == "granted"
            await call.until(2.0)
            await ask(service, "SetConsent", caller_key=KEY, consent=callers_pb.CONSENT_UNKNOWN)
            assert await call.event("consent") == "unknown"
            assert not (await call.final()).kept
    assert await ask_refused(service, "GetCaller") == "NOT_FOUND"


async def test_the_command_names_the_caller(service: Service) -> None:
    """Streamed by a stranger, then by who agreed; each run is a call of its own."""

    def streamed(*more: str) -> str:
        command = [sys.executable, "-m", "simpatico", "stream", str(SAMPLE), "--target", service.address, "--speed", "0"]
        work = subprocess.run([*command, *more], capture_output=True, text=True, timeout=2 * WAIT_S, check=False)
        assert work.returncode == 0, work.stderr
        return work.stdout

    named = ("--caller-key", KEY, "--reason", "booking", "--notice", "n7", "--utc-offset-min", "60")
    said = await asyncio.to_thread(streamed, *named)
    assert "what the caller said about being remembered: unknown" in said
    assert re.search(r"call booking\.wav-\w+: not kept", said)
    await ask(service, "SetConsent", caller_key=KEY, consent=callers_pb.CONSENT_GRANTED)
    for _ in range(2):
        assert re.search(r"call booking\.wav-\w+: kept, as its caller agrees", said := await asyncio.to_thread(streamed, *named)) or late(
            said
        )
    assert "call mine: kept" in (said := await asyncio.to_thread(streamed, "--call-id", "mine", "--caller-key", KEY)) or late(said)
    async with asyncio.timeout(WAIT_S):
        while (profile := await ask(service, "GetCaller", caller_key=KEY)).calls < 3:
            await asyncio.sleep(0.05)
    assert (profile.calls, dict(profile.reasons)) == (3, {"booking": 2})


def late(said: str) -> bool:
    """Whether nothing was said of keeping: a busy machine takes longer for it than the final waits."""
    return "kept" not in said
