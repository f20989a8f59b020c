"""Who may call what, over a real connection: the table, tokens, certificates, what is open on purpose, and what the log keeps to itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from simpatico.client import AnalysisClient, ClientTls, Final, token_from
from simpatico.errors import ConfigError, RemoteError
from simpatico.server.access import methods
from simpatico.server.access.certificates import principal_of, read_certificates
from simpatico.server.access.guard import Access, Guard
from simpatico.server.access.methods import MAY_CALL, Everybody
from simpatico.server.access.principals import ANYBODY, AccessRole, Principal, asking
from simpatico.server.analysis.service import SERVICE_NAME
from simpatico.server.app import Application
from simpatico.server.exposure import check_exposure
from tests.server.calls import TIMEOUT_S, begin, cut, failure, noise, of, rest_of
from tests.server.fakes import FakeAnalyzer
from tests.server.running import Running, Start, settings_with
from tests.server.test_grpc_app import AUTHORITY, CERTIFICATES, CLIENT, reason_of, tls
from tests.server.tokens import SUBJECT, Issuer

ISSUER = Issuer()
SECOND = noise(1.0, 1).tobytes()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return ISSUER.public(tmp_path / "keys.json")


@pytest.fixture
async def asking_server(start: Start, keys: Path) -> Running:
    """Return a server that asks for tokens."""
    return await start(access__keys=str(keys))


async def upload(address: str, token: Any = None, **more: Any) -> float:
    async with AnalysisClient(address, token=token, **more) as client:
        result = await client.analyze_recording(SECOND, call_id="x", raw=("f32", 8000, 1), timeout_s=TIMEOUT_S)
    return result.analysis.call.duration_s


async def refusal(address: str, token: Any = None, **more: Any) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        await upload(address, token, **more)
    return caught.value


async def test_the_table_names_what_is_registered_and_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("k AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    memory = {"database__url": f"sqlite:///{tmp_path}/x.db", "database__secrets": str(tmp_path / "secrets")}
    server, found = grpc.aio.server(), set[str]()
    monkeypatch.setattr(server, "add_generic_rpc_handlers", lambda handlers: [found.update(h._method_handlers) for h in handlers])
    named = lambda service, handlers: found.update(f"/{service}/{name}" for name in handlers)  # noqa: E731
    monkeypatch.setattr(server, "add_registered_method_handlers", named)
    Application(settings_with(**memory), FakeAnalyzer).register(server)
    assert f"/{SERVICE_NAME}/StreamAnalyze" in found
    assert found == set(MAY_CALL)


def test_only_health_is_open_to_strangers() -> None:
    opened = {name for name, rule in MAY_CALL.items() if isinstance(rule, Everybody)}
    assert opened == {f"/grpc.health.v1.Health/{name}" for name in ("Check", "List", "Watch")}
    assert all(rule for name, rule in MAY_CALL.items() if name not in opened)


async def test_a_method_that_is_not_in_the_table_may_be_called_by_nobody(start: Start, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    less = {name: rule for name, rule in MAY_CALL.items() if "AnalyzeRecording" not in name}
    monkeypatch.setattr(methods, "MAY_CALL", less)
    everything = ISSUER.token(*AccessRole)
    for server, token in ((await start(access__keys=str(keys)), everything), (await start(), None)):
        error = await refusal(server.address, token)
        assert (error.status, error.reason) == ("PERMISSION_DENIED", "FORBIDDEN")
        assert "needs the role none" in str(error)


@pytest.mark.parametrize("role", AccessRole)
async def test_roles_are_held_to_the_table(asking_server: Running, role: AccessRole) -> None:
    token = ISSUER.token(role)
    if role in MAY_CALL[f"/{SERVICE_NAME}/AnalyzeRecording"]:  # type: ignore[operator]
        assert await upload(asking_server.address, token) == 1.0
    else:
        error = await refusal(asking_server.address, token)
        assert (error.status, error.reason, error.field) == ("PERMISSION_DENIED", "FORBIDDEN", "authorization.roles")
        assert f"needs the role qa or researcher or router; this client has {role}" in str(error)
    async with AnalysisClient(asking_server.address, token=token) as client, client.stream() as stream:
        if role is AccessRole.ROUTER:
            await begin(stream, "a", channels=1)
            await stream.send(cut("a", noise(1.0, 1)))
            assert isinstance(of(await rest_of(stream), "a")[-1], Final)
        else:
            with pytest.raises(RemoteError, match="needs the role router") as caught:
                await rest_of(stream)
            assert caught.value.reason == "FORBIDDEN"


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (None, "send the metadata 'authorization: Bearer TOKEN'"),
        (ISSUER.token(now_s=time.time() - 7200), "has expired"),
        (ISSUER.odd(nbf=int(time.time()) + 3600), "not valid yet"),
        (Issuer().token(), "signed by no key"),
        (ISSUER.token(audience="elsewhere"), "another audience"),
        ("eyJhbGciOiJub25lIn0.e30.", "signed by no key|another algorithm"),
        ("x" * 6000, "has 6000 characters"),
    ],
)
async def test_who_is_not_known_does_not_get_in(asking_server: Running, token: str | None, message: str) -> None:
    error = await refusal(asking_server.address, token)
    assert (error.status, error.reason, error.field) == ("UNAUTHENTICATED", "UNAUTHENTICATED", "authorization")
    assert token is None or token[:30] not in str(error)
    with pytest.raises(RemoteError, match=message):
        await upload(asking_server.address, token)
    async with AnalysisClient(asking_server.address, token=token) as client, client.stream() as stream:
        with pytest.raises(RemoteError, match=message):
            await rest_of(stream)
    assert asking_server.application.shared.open_calls == 0


async def test_a_token_beyond_all_measure_does_not_get_in(asking_server: Running) -> None:
    """gRPC itself stops metadata of a megabyte, before anything of ours sees it."""
    assert (await refusal(asking_server.address, "x" * 1_000_000)).status in {"RESOURCE_EXHAUSTED", "UNAVAILABLE", "UNAUTHENTICATED"}


@pytest.mark.parametrize(
    "headers",
    [
        [("authorization", "Basic dXNlcjpwYXNz")],
        [("authorization", "Bearer")],
        [("authorization", "Bearer "), ("x", "y")],
        [("authorization", "Bearer {token}"), ("authorization", "Bearer {token}")],
        [("authentication", "Bearer {token}")],
    ],
)
async def test_headers_that_are_no_bearer_token(asking_server: Running, headers: list[tuple[str, str]]) -> None:
    token = ISSUER.token()
    async with asking_server.channel() as channel:
        call = channel.stream_stream(f"/{SERVICE_NAME}/StreamAnalyze")(metadata=[(k, v.format(token=token)) for k, v in headers])
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
    assert (caught.value.code(), reason_of(caught.value)) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")


async def test_the_scheme_may_be_written_as_one_likes(asking_server: Running) -> None:
    async with asking_server.channel() as channel:
        call = channel.stream_stream(f"/{SERVICE_NAME}/StreamAnalyze")(metadata=[("authorization", f"bearer {ISSUER.token()}")])
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF


async def test_health_is_open_and_reflection_is_not(asking_server: Running) -> None:
    async def services(metadata: list[tuple[str, str]]) -> int:
        async with asking_server.channel() as channel:
            call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(metadata=metadata)
            await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
            answer = await call.read()
            return len(answer.list_services_response.service)

    async with asking_server.channel() as channel:
        health = health_pb2_grpc.HealthStub(channel)
        assert (await health.Check(health_pb2.HealthCheckRequest())).status == health_pb2.HealthCheckResponse.SERVING
        watch = health.Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await services([])
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    for role in AccessRole:
        assert await services([("authorization", f"Bearer {ISSUER.token(role)}")]) >= 3
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await services([("authorization", f"Bearer {ISSUER.odd(roles=[])}")])
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_method_that_is_not_there_is_said_not_to_be_there(asking_server: Running) -> None:
    async with asking_server.channel() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(f"/{SERVICE_NAME}/Guess")(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_nothing_of_a_token_is_logged(asking_server: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    tokens = (ISSUER.token(), ISSUER.token("admin"), Issuer().token(), "no-token-but-still-a-secret")
    assert await upload(asking_server.address, tokens[0]) == 1.0
    for token in tokens[1:]:
        await refusal(asking_server.address, token)
    assert [r.message for r in caplog.records].count("request refused") == 3
    written = "\n".join(f"{record.message} {record.__dict__}" for record in caplog.records)
    assert SUBJECT not in written
    for token in tokens:
        assert not [part for part in token.split(".") if part[-20:] in written]


async def test_without_keys_loopback_is_open_and_says_so_loudly(start: Start, keys: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = await start()
    assert [r.levelname for r in caplog.records if "NO ACCESS CONTROL" in r.message] == ["WARNING"]
    assert await upload(server.address) == 1.0
    assert await upload(server.address, "no token at all") == 1.0
    caplog.clear()
    await start(access__keys=str(keys))
    assert "ACCESS" not in caplog.text


async def test_plain_text_beyond_loopback_is_said_loudly(start: Start, keys: Path, caplog: pytest.LogCaptureFixture) -> None:
    await start(access__keys=str(keys), server__host="0.0.0.0", server__allow_insecure=True)
    assert [r.levelname for r in caplog.records if "PLAIN TEXT" in r.message] == ["WARNING"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_beyond_loopback_only_those_who_are_known(host: str, keys: Path) -> None:
    encrypted = tls("service.pem", "service.key")
    with pytest.raises(ConfigError, match=r"anybody who reaches it could do everything: give access.keys") as caught:
        Application(settings_with(server__host=host, **encrypted), FakeAnalyzer)
    assert caught.value.field == "server.host"
    with pytest.raises(ConfigError, match="anybody on the way can listen"):
        check_exposure(settings_with(server__host=host, access__keys=str(keys)))
    check_exposure(settings_with(server__host=host, access__keys=str(keys), **encrypted))
    check_exposure(settings_with(server__host=host, access__dangerously_let_anyone_in=True, **encrypted))


ROLES = '[roles]\n"simpatico test client" = ["qa"]\n"127.0.0.1" = ["router", "admin"]\n'


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    path = tmp_path / "certificates.toml"
    path.write_text(ROLES)
    return path


MUTUAL = tls("service.pem", "service.key", "authority.pem")
SERVICE_AS_CLIENT = ClientTls(AUTHORITY, CERTIFICATES / "service.pem", CERTIFICATES / "service.key")


async def test_certificates_have_roles(start: Start, certificates: Path) -> None:
    server = await start(access__certificates=str(certificates), **MUTUAL)
    assert await upload(server.address, tls=CLIENT) == 1.0
    async with AnalysisClient(server.address, tls=CLIENT) as client, client.stream() as stream:
        with pytest.raises(RemoteError, match="needs the role router; this client has qa") as caught:
            await rest_of(stream)
    assert caught.value.status == "PERMISSION_DENIED"
    async with AnalysisClient(server.address, tls=SERVICE_AS_CLIENT) as client, client.stream() as stream:
        assert await rest_of(stream) == []
    assert "leave it out" in str(await refusal(server.address, ISSUER.token(), tls=CLIENT))


async def test_a_certificate_that_nobody_listed_has_no_roles(start: Start, certificates: Path) -> None:
    certificates.write_text('[roles]\n"someone else" = ["router"]\n')
    server = await start(access__certificates=str(certificates), **MUTUAL)
    error = await refusal(server.address, tls=CLIENT)
    assert (error.status, error.reason) == ("PERMISSION_DENIED", "FORBIDDEN")


async def test_a_token_decides_over_a_certificate(start: Start, certificates: Path, keys: Path) -> None:
    server = await start(access__certificates=str(certificates), access__keys=str(keys), **MUTUAL)
    assert await upload(server.address, tls=CLIENT) == 1.0
    assert (await refusal(server.address, ISSUER.token("privacy"), tls=CLIENT)).status == "PERMISSION_DENIED"
    assert (await refusal(server.address, Issuer().token("router"), tls=CLIENT)).status == "UNAUTHENTICATED"


async def test_tokens_over_tls(start: Start, keys: Path) -> None:
    server = await start(access__keys=str(keys), **tls("service.pem", "service.key"))
    assert await upload(server.address, ISSUER.token(), tls=ClientTls(AUTHORITY)) == 1.0
    assert (await refusal(server.address, tls=ClientTls(AUTHORITY))).status == "UNAUTHENTICATED"


def test_names_of_certificates() -> None:
    roles = {"san": frozenset({AccessRole.QA}), "cn": frozenset({AccessRole.ADMIN}), "b": frozenset({AccessRole.ROUTER})}
    alternative, common = "x509_subject_alternative_name", "x509_common_name"
    assert principal_of({}, roles) is None
    assert principal_of({"transport_security_type": [b"ssl"]}, roles) is None
    assert principal_of({common: [b"cn"]}, roles) == Principal("cn", roles["cn"])
    assert principal_of({common: [b"cn"], alternative: [b"other"]}, roles) == Principal("other", frozenset())
    assert principal_of({alternative: [b"x", b"san", b"b"]}, roles) == Principal("san", roles["san"] | roles["b"])
    assert principal_of({common: [b"\xff"]}, roles) == Principal("\ufffd", frozenset())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs one table"),
        ("[roles]", "needs one table"),
        ('[roles]\na = ["qa"]\n[more]', "needs one table"),
        ("roles = 3", "needs one table"),
        ('[roles]\na = "qa"', "'a' needs a list of roles"),
        ("[roles]\na = []", "'a' needs a list of roles"),
        ("[roles]\na = [1]", "'a' needs a list of roles"),
        ('[roles]\na = ["root"]', "'a' has the role 'root'; there are router, qa, researcher, privacy, admin"),
        ("[roles", "is not TOML"),
    ],
)
def test_files_of_certificates_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        read_certificates(path)
    assert caught.value.field == "access.certificates"


def test_certificates_need_an_authority_and_a_file(tmp_path: Path, certificates: Path) -> None:
    with pytest.raises(ConfigError, match=r"give tls.client_ca too"):
        Access(settings_with(access__certificates=str(certificates)))
    with pytest.raises(ConfigError, match="No such file"):
        Access(settings_with(access__certificates=str(tmp_path / "none"), **MUTUAL))
    with pytest.raises(ConfigError, match=r"cannot read access.keys"):
        Application(settings_with(access__keys=str(tmp_path / "none")), FakeAnalyzer)


def test_who_asks_is_known_to_what_serves(keys: Path) -> None:
    with pytest.raises(LookupError):
        asking()
    access = Access(settings_with(access__keys=str(keys)))
    method = f"/{SERVICE_NAME}/StreamAnalyze"
    assert access.admit(method, [("authorization", f"Bearer {ISSUER.token()}")], {}) == Principal(SUBJECT, frozenset({AccessRole.ROUTER}))
    assert Access(settings_with()).admit(method, [], {}) == ANYBODY


async def test_a_defect_of_the_guard_keeps_everybody_out(asking_server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("secret")

    monkeypatch.setattr(Access, "admit", broken)
    error = await refusal(asking_server.address, ISSUER.token())
    assert (error.status, error.reason) == ("INTERNAL", "INTERNAL")
    assert "secret" not in str(error)
    assert Guard  # the name that the application registers


async def test_faults_of_one_call_are_as_before(asking_server: Running) -> None:
    async with AnalysisClient(asking_server.address, token=ISSUER.token()) as client, client.stream() as stream:
        await begin(stream, "a", channels=1)
        await begin(stream, "a", channels=1)
        assert failure(await rest_of(stream), "a").reason == "DUPLICATE_CALL"


@pytest.mark.parametrize("target", ["192.0.2.1:50051", "example.org:443", "dns:///example.org:443", "[2001:db8::1]:1"])
def test_a_token_does_not_go_out_in_plain_text(target: str) -> None:
    with pytest.raises(ConfigError, match="in plain text") as caught:
        AnalysisClient(target, token="secret-token")
    assert "secret-token" not in str(caught.value)


@pytest.mark.parametrize("target", ["127.0.0.1:1", "localhost:1", "[::1]:1", "dns:///localhost:1"])
async def test_at_home_it_may(target: str) -> None:
    async with AnalysisClient(target, token="t"):
        pass
    async with AnalysisClient("192.0.2.1:1", token="t", plain_text_token=True):
        pass


async def test_a_token_is_asked_for_each_time(asking_server: Running) -> None:
    tokens: Iterator[str] = iter([ISSUER.token(), ISSUER.token("admin")])
    async with AnalysisClient(asking_server.address, token=lambda: next(tokens)) as client:
        await client.analyze_recording(SECOND, call_id="x", raw=("f32", 8000, 1))
        with pytest.raises(RemoteError, match="this client has admin"):
            await client.analyze_recording(SECOND, call_id="x", raw=("f32", 8000, 1))


@pytest.mark.parametrize(
    ("text", "message"), [("", "holds 0 words"), ("a b", "holds 2 words"), ("é", "not a token"), (None, "No such file")]
)
def test_files_that_hold_no_token(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "token"
    if text is not None:
        path.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=message):
        token_from(path)()


def test_a_file_that_holds_one(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc\n")
    assert token_from(tmp_path / "token")() == "abc"
