"""``simpatico serve`` and ``simpatico stream`` as a user runs them, against the real analysis."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import grpc
import pytest

from simpatico.cli.stream import NOT_KEPT
from simpatico.client import AnalysisClient
from simpatico.config import keys
from simpatico.errors import SimpaticoError
from simpatico.profiles.texts import NotKept
from simpatico.v1 import routing_service_pb2 as routing_pb
from simpatico.v1 import routing_service_pb2_grpc as routing_rpc
from tests.server.running import ROOT, log_of, process, rankings_address

CALL = ROOT / "audio_samples" / "booking.wav"
WAIT_S = 60


def simpatico(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    return subprocess.run(
        [sys.executable, "-m", "simpatico", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_stream_shows_what_analyze_shows() -> None:
    with process("simpatico", "serve", "--port", "0", "--realtime-factor", "inf") as (service, address):
        as_json = simpatico("stream", str(CALL), "--target", address, "--speed", "0", "--json")
        as_table = simpatico("stream", str(CALL), "--target", address, "--speed", "100")
        service.send_signal(signal.SIGTERM)
        assert service.wait(WAIT_S) == 0
    directly = simpatico("analyze", str(CALL), "--json")
    assert as_json.returncode == 0, as_json.stderr
    assert json.loads(as_json.stdout) == json.loads(directly.stdout)
    assert as_table.returncode == 0, as_table.stderr
    assert as_table.stdout.count("assertiveness") > 30
    assert simpatico("analyze", str(CALL)).stdout in as_table.stdout


def test_a_recording_is_sent_no_faster_than_the_service_takes_it() -> None:
    """Of 45 s, four fifths of 38 go at once, the rest at the service's pace; it may stand still for 2.5 s before that is too much."""
    with process("simpatico", "serve", "--port", "0", "--set", "limits.burst_s=38", "--set", "limits.realtime_factor=3") as (_, address):
        done = simpatico("stream", str(CALL), "--target", address, "--speed", "0")
    assert done.returncode == 0, done.stderr
    assert "undetermined" in done.stdout


def test_stream_says_why_a_named_call_is_not_kept(tmp_path: Path) -> None:
    serve, key = ("simpatico", "serve", "--port", "0", "--realtime-factor", "inf"), ("--speed", "0", "--caller-key", "customer-4711")
    with process(*serve) as (_, address):
        alone = simpatico("stream", str(CALL), "--target", address, "--call-id", "a", *key)
        as_json = simpatico("stream", str(CALL), "--target", address, "--call-id", "a", "--json", *key)
    assert alone.returncode == 0, alone.stderr
    assert alone.stdout.splitlines()[-1] == "call a: not kept: the service has no database (database.url)"
    assert json.loads(as_json.stdout)["call"]["call_id"] == "a"
    assert as_json.stderr == "call a: not kept: the service has no database (database.url)\n"
    ring = tmp_path / "ring"
    ring.write_text("k1 " + base64.b64encode(bytes(range(32))).decode() + "\n")
    ring.chmod(0o600)
    memory = {"url": f"sqlite:///{tmp_path / 'db'}", "secrets": ring, "spool": tmp_path / "spool", "anchors": tmp_path / "anchors"}
    with process(*serve, *(word for name, value in memory.items() for word in ("--set", f"database.{name}={value}"))) as (_, address):
        stranger = simpatico("stream", str(CALL), "--target", address, "--call-id", "b", *key)
    assert stranger.returncode == 0, stranger.stderr
    assert stranger.stdout.splitlines()[-1].startswith("call b: not kept: its caller has not agreed to be remembered")


def test_the_command_knows_every_reason_not_to_keep_a_call() -> None:
    assert set(NOT_KEPT) == set(NotKept)


def test_stream_of_what_is_no_recording(tmp_path: Path) -> None:
    text = tmp_path / "call.wav"
    text.write_text("dear customer")
    done = simpatico("stream", str(text))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_stream_to_nobody() -> None:
    done = simpatico("stream", str(CALL), "--target", "127.0.0.1:9")
    assert done.returncode == 3
    assert "127.0.0.1:9: UNAVAILABLE" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_drain_in_the_middle_gives_the_result_so_far() -> None:
    with process("simpatico", "serve", "--port", "0", "--drain-grace", "0.2") as (service, address):
        stream = [sys.executable, "-m", "simpatico", "stream", str(CALL), "--target", address, "--speed", "1"]
        client = subprocess.Popen(stream, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
        assert client.stdout is not None
        client.stdout.readline()
        service.send_signal(signal.SIGTERM)
        out, err = client.communicate(timeout=WAIT_S)
        assert service.wait(WAIT_S) == 0
    assert client.returncode == 3
    assert "the service ended the call early (drain)" in err
    assert "Perceived interaction style" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "limits.cals=1"), "'limits.cals' is unknown; did you mean 'limits.calls'"),
        (("--set", "calls=1"), "--set 'calls=1' is not KEY=VALUE"),
        (("--port", "99999"), "'server.port' is 99999"),
        (("--host", "0.0.0.0"), "can be reached from other machines"),
        (("--config", "none.toml"), "cannot read the configuration 'none.toml'"),
        (("--bundle", "none"), "none"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(arguments: tuple[str, ...], message: str) -> None:
    done = simpatico("serve", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_port_in_use_is_one_line_and_code_2() -> None:
    with process("simpatico", "serve", "--port", "0") as (_, address):
        for more in ((), ("--workers", "2")):
            done = simpatico("serve", "--port", address.split(":")[-1], *more)
            assert done.returncode == 2
            assert done.stderr.strip().splitlines()[-1].startswith(f"simpatico: cannot listen on {address}: Address already in use; stop")


def test_handshakes_that_fail_leave_no_foreign_lines_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRPC_VERBOSITY", raising=False)
    certificates = ROOT / "tests" / "server" / "certificates"
    tls = ("--tls-certificate", str(certificates / "service.pem"), "--tls-key", str(certificates / "service.key"))
    logs = []
    for environment in ({}, {"GRPC_VERBOSITY": "INFO"}):
        with process("simpatico", "serve", "--port", "0", "--set", "log.format=json", *tls, **environment) as (service, address):
            host, _, port = address.rpartition(":")
            with socket.create_connection((host, int(port))) as plain, contextlib.suppress(ConnectionResetError):
                plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
                while plain.recv(1024):  # until the service has closed it
                    pass
            service.send_signal(signal.SIGTERM)
            assert service.wait(WAIT_S) == 0
            logs.append(log_of(service))
    assert [json.loads(line)["event"] for line in logs[0].splitlines()][-1] == "stopped"
    assert "Handshake failed" in logs[1], "as it would be"


def test_show_config_hides_the_password_of_the_database() -> None:
    shown = simpatico("serve", "--show-config", "--set", "database.url=postgresql://simpatico:hush@db/name").stdout
    assert 'url = "postgresql://simpatico:***@db/name"' in shown
    assert "hush" not in shown


def test_show_config_is_a_file_that_can_be_used(tmp_path: Path) -> None:
    shown = simpatico("serve", "--show-config", "--set", "limits.calls=7", "--realtime-factor", "inf").stdout
    tree = tomllib.loads(shown)
    assert tree["limits"]["calls"] == 7
    for key, *_ in keys():
        assert key.partition(".")[2] in shown
    file = tmp_path / "simpatico.toml"
    file.write_text(shown)
    assert simpatico("serve", "--show-config", "--config", str(file)).stdout == shown
    assert simpatico("serve", "--show-config", SIMPATICO_CONFIG=str(file)).stdout == shown


@pytest.mark.slow
def test_workers_share_a_port_replace_the_dead_and_drain() -> None:
    with process("simpatico", "serve", "--port", "0", "--workers", "2", "--realtime-factor", "inf") as (service, address):
        asked = [length_at(address) for _ in range(8)]
        children = Path(f"/proc/{service.pid}/task/{service.pid}/children")
        before = workers(children)
        assert len(before) == 2
        assert [os.getpgid(pid) for pid in before] == before, "a Ctrl-C would reach the workers twice"
        os.kill(before[0], signal.SIGKILL)
        for _ in range(600):
            after = workers(children)
            if len(after) == 2 and after != before:
                break
            signal.sigtimedwait([], 0.1)
        assert len(set(after) - set(before)) == 1
        asked += [length_at(address) for _ in range(4)]
        service.send_signal(signal.SIGTERM)
        assert service.wait(WAIT_S) == 0
        log = log_of(service)
    assert asked == [1.0] * 12
    assert log.count("worker started") == 3
    assert "worker died" in log
    assert log.count("draining") in {1, 2}  # the new one may have been told to go before it was ready


@pytest.mark.slow
def test_rankings_have_a_process_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text(f"a {base64.b64encode(bytes(range(32))).decode()}\n")
    database = (
        f"database.url=sqlite:///{tmp_path}/simpatico.db",
        f"database.secrets={tmp_path}/secrets",
        f"database.spool={tmp_path}/spool.db",
    )
    more = [option for assignment in database for option in ("--set", assignment)]
    with process("simpatico", "serve", "--port", "0", "--routing-port", "0", *more) as (service, address):
        rankings = rankings_address(service)
        assert rankings != address
        assert length_at(address) == 1.0
        with pytest.raises(SimpaticoError, match="Method not found"):
            length_at(rankings)
        assert [ranked_at(where) for where in (address, rankings)] == [["a"], ["a"]]
        children = Path(f"/proc/{service.pid}/task/{service.pid}/children")
        analysing, ranking = workers(children)
        os.kill(ranking, signal.SIGKILL)
        for _ in range(600):
            after = workers(children)
            if len(after) == 2 and ranking not in after:
                break
            signal.sigtimedwait([], 0.1)
        assert analysing in after
        assert ranked_at(rankings) == ["a"], "the new one has the same port"
        assert length_at(address) == 1.0
        service.send_signal(signal.SIGTERM)
        assert service.wait(WAIT_S) == 0


def test_a_port_for_rankings_needs_a_database() -> None:
    done = simpatico("serve", "--routing-port", "0")
    assert done.returncode == 2
    assert "server.routing_port needs database.url" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def ranked_at(address: str) -> list[str]:
    """Return the agents of a ranking, asked for over a connection of its own; declares the one agent there is."""
    with grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        routing = routing_rpc.RoutingServiceStub(channel)
        routing.UpsertAgent(routing_pb.UpsertAgentRequest(agent=routing_pb.Agent(agent_id="a")), wait_for_ready=True, timeout=WAIT_S)
        call = routing_pb.CallToRoute(call_id="x", queue="q", candidates=[routing_pb.Candidate(agent_id="a")])
        return [one.agent_id for one in routing.RankAgents(routing_pb.RankAgentsRequest(call=call), timeout=WAIT_S).agents]


def length_at(address: str) -> float:
    """Return the length of a second of silence, measured over a connection of its own."""

    async def ask() -> float:
        async with AnalysisClient(address) as client:
            return (await client.analyze_recording(bytes(8000), call_id="x", raw=("mulaw", 8000, 1))).analysis.call.duration_s

    return asyncio.run(ask())


def workers(children: Path) -> list[int]:
    """Return the workers among the children of the service; multiprocessing has a helper process there too."""
    found = []
    for pid in map(int, children.read_text().split()):
        with contextlib.suppress(OSError):  # it has just ended
            if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text():
                found.append(pid)
    return found
