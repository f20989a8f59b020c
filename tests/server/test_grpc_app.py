"""Listening: health, reflection, a client that knows nothing but reflection, TLS, exposure, messages that gRPC itself handles."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from simpatico.client import AnalysisClient, ClientTls
from simpatico.errors import ConfigError, ListenError, RemoteError
from simpatico.server.analysis.service import SERVICE_NAME
from simpatico.server.app import Application
from simpatico.server.exposure import check_exposure
from simpatico.types import AudioFormat
from simpatico.v1 import analysis_service_pb2 as pb
from tests.server.calls import TIMEOUT_S, begin, noise
from tests.server.fakes import FakeAnalyzer, expected_final
from tests.server.running import Running, Start, settings_with

CERTIFICATES = Path(__file__).parent / "certificates"
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.mark.parametrize("name", ["", SERVICE_NAME])
async def test_health_is_serving_and_then_not(start: Start, name: str) -> None:
    server = await start(server__drain_grace_s=60.0)
    async with server.channel() as channel, server.client() as client, client.stream() as stream:
        await begin(stream, "keeps the service up")
        await anext(aiter(stream))
        health = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service=name)
        assert (await health.Check(request)).status == SERVING
        watch = health.Watch(request)
        assert (await watch.read()).status == SERVING
        draining = asyncio.create_task(server.application.drain())
        assert (await watch.read()).status == NOT_SERVING
        assert (await health.Check(request)).status == NOT_SERVING
        watch.cancel()
        await stream.close()
        await draining


async def test_health_of_an_unknown_service(server: Running) -> None:
    async with server.channel() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service="no.such.Service"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


class Reflected:
    """A client that has seen no proto file and no generated code: all it knows, the service has told it."""

    def __init__(self, address: str) -> None:
        self.channel = grpc.insecure_channel(address)
        self.database = ProtoReflectionDescriptorDatabase(self.channel)
        self.pool = descriptor_pool.DescriptorPool(self.database)

    def message(self, name: str) -> Any:
        """Return a message class."""
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(f"simpatico.v1.{name}"))

    def recording(self, data: bytes) -> Any:
        """Upload raw audio and return the answer."""
        method = self.pool.FindServiceByName(SERVICE_NAME).FindMethodByName("AnalyzeRecording")
        request = message_factory.GetMessageClass(method.input_type)
        answer = message_factory.GetMessageClass(method.output_type)

        def requests() -> Iterator[Any]:
            first = request()
            first.header.call_id = "from afar"
            first.header.format.encoding, first.header.format.sample_rate_hz, first.header.format.channels = "f32", 8000, 2
            yield first
            yield request(data=data)

        call = self.channel.stream_unary(f"/{SERVICE_NAME}/{method.name}", request.SerializeToString, answer.FromString)
        return call(requests(), timeout=TIMEOUT_S)


async def test_a_client_made_from_reflection_alone_gets_the_right_answer(server: Running) -> None:
    samples = noise(1.0)

    def ask() -> tuple[list[str], Any, list[str]]:
        client = Reflected(server.address)
        try:
            service = client.pool.FindServiceByName(SERVICE_NAME)
            methods = [m.name for m in service.methods]
            return sorted(client.database.get_services()), client.recording(samples.tobytes()), methods
        finally:
            client.channel.close()

    services, answer, methods = await asyncio.to_thread(ask)
    expected = expected_final("from afar", samples, AudioFormat(8000, 2, "f32"))
    assert services == ["grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection", SERVICE_NAME]
    assert methods == ["StreamAnalyze", "AnalyzeRecording"]
    assert answer.analysis.call.call_id == "from afar"
    assert answer.analysis.style.axes[0].mean == expected.style.axes[0].mean
    assert not isinstance(answer, pb.AnalyzeRecordingResponse)


async def test_reflection_tells_the_same_as_the_proto_files(server: Running) -> None:
    def ask() -> descriptor_pb2.FileDescriptorProto:
        client = Reflected(server.address)
        try:
            found: descriptor_pb2.FileDescriptorProto = client.database.FindFileContainingSymbol(SERVICE_NAME)
            return found
        finally:
            client.channel.close()

    expected = descriptor_pb2.FileDescriptorProto()
    pb.DESCRIPTOR.CopyToProto(expected)
    assert await asyncio.to_thread(ask) == expected


async def test_reflection_can_be_switched_off(start: Start) -> None:
    server = await start(server__reflection=False)

    def ask() -> list[str]:
        client = Reflected(server.address)
        try:
            return list(client.database.get_services())
        finally:
            client.channel.close()

    with pytest.raises(grpc.RpcError) as caught:
        await asyncio.to_thread(ask)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED  # type: ignore[attr-defined]


def tls(*names: str) -> dict[str, str]:
    """Return settings that name certificates."""
    keys = ("tls__certificate", "tls__key", "tls__client_ca")
    return {key: str(CERTIFICATES / name) for key, name in zip(keys, names, strict=False)}


AUTHORITY = CERTIFICATES / "authority.pem"
CLIENT = ClientTls(AUTHORITY, CERTIFICATES / "client.pem", CERTIFICATES / "client.key")
STRANGER = ClientTls(AUTHORITY, CERTIFICATES / "stranger.pem", CERTIFICATES / "stranger.key")


async def answer_over(address: str, security: ClientTls | None) -> float:
    """Return the length that the service finds."""
    async with AnalysisClient(address, tls=security) as client:
        result = await client.analyze_recording(np.zeros(8000, "<f4").tobytes(), call_id="t", raw=("f32", 8000, 1), timeout_s=TIMEOUT_S)
    return result.analysis.call.duration_s


async def test_tls(start: Start) -> None:
    server = await start(**tls("service.pem", "service.key"))
    assert await answer_over(server.address, ClientTls(AUTHORITY)) == 1.0
    for wrong in (None, ClientTls(CERTIFICATES / "stranger.pem")):
        with pytest.raises(RemoteError, match="TLS or plain text") as caught:
            await answer_over(server.address, wrong)
        assert caught.value.status == "UNAVAILABLE"


async def test_mutual_tls(start: Start) -> None:
    server = await start(**tls("service.pem", "service.key", "authority.pem"))
    assert await answer_over(server.address, CLIENT) == 1.0
    for wrong in (ClientTls(AUTHORITY), STRANGER):
        with pytest.raises(RemoteError) as caught:
            await answer_over(server.address, wrong)
        assert caught.value.status == "UNAVAILABLE"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("none.pem", "service.key"), "cannot read tls.certificate .*none.pem': No such file"),
        (("service.pem", "client.key"), "cannot be used together: .*MISMATCH"),
        (("make.sh", "service.key"), "cannot be used together"),
        (("service.pem", "service.key", "make.sh"), "authority .*make.sh. cannot be used: it holds no certificate"),
    ],
)
async def test_certificates_that_cannot_be_used(start: Start, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        await start(**tls(*names))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_plain_text_stays_at_home(host: str) -> None:
    with pytest.raises(ConfigError, match=r"can be reached from other machines, .* set server.allow_insecure") as caught:
        Application(settings_with(server__host=host), FakeAnalyzer)
    assert caught.value.field == "server.host"
    check_exposure(settings_with(server__host=host, server__allow_insecure=True, access__dangerously_let_anyone_in=True))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1", "[::1]"])
def test_loopback_may_be_plain(host: str) -> None:
    check_exposure(settings_with(server__host=host))


async def test_two_services_do_not_share_a_port_by_accident(start: Start) -> None:
    server = await start()
    port = int(server.address.split(":")[-1])
    with pytest.raises(ListenError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use") as caught:
        await start(server__port=port)
    assert caught.value.field == "server.port"


async def test_an_address_that_is_not_ours(start: Start) -> None:
    with pytest.raises(ListenError, match=r"cannot listen on 192.0.2.1:0: Cannot assign requested address"):
        await start(server__host="192.0.2.1", server__allow_insecure=True, access__dangerously_let_anyone_in=True)


async def raw_stream(server: Running, *messages: bytes) -> grpc.aio.AioRpcError:
    """Send bytes as messages of StreamAnalyze and return the error that ends it."""
    async with server.channel() as channel:
        call = channel.stream_stream(f"/{SERVICE_NAME}/StreamAnalyze")(iter(messages), timeout=TIMEOUT_S)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in call:
                pass
    return caught.value


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """Return the reason in the details of a status."""
    status = status_pb2.Status.FromString(dict(error.trailing_metadata() or ())["grpc-status-details-bin"])  # type: ignore[arg-type]
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.domain == "simpatico"
    assert status.message == error.details()
    return str(info.reason)


async def test_bytes_that_are_no_message(server: Running) -> None:
    error = await raw_stream(server, b"\xff\xff\xff")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert reason_of(error) == "REQUEST"
    assert error.details() == "3 bytes came that are not a simpatico.v1.StreamAnalyzeRequest: use the proto of package simpatico.v1"


async def test_messages_over_the_limit(start: Start) -> None:
    """Just over it our own error names the remedy; far over it gRPC does not even take the message in."""
    server = await start(message_bytes=10_000)
    error = await raw_stream(server, pb.StreamAnalyzeRequest(start=pb.StartCall(call_id="x" * 11_000)).SerializeToString())
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert reason_of(error) == "MESSAGE_TOO_LARGE"
    assert "at most 10000 are taken: send less in each, or raise limits.message_bytes" in (error.details() or "")
    far = await raw_stream(server, bytes(100_000))
    assert far.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert server.application.shared.streams == set()


@pytest.mark.parametrize("permitted", [True, False])
async def test_pings_are_permitted_as_often_as_configured(start: Start, permitted: bool, capfd: pytest.CaptureFixture[str]) -> None:
    """A gateway that pings an idle connection is not thrown out (with grpc's default it would be), one that pings too often is."""
    server = await start(keepalive__client_ping_s=0.1 if permitted else 300.0)
    options = [("grpc.keepalive_time_ms", 200), ("grpc.http2.max_pings_without_data", 0), ("grpc.keepalive_permit_without_calls", 1)]
    async with grpc.aio.insecure_channel(server.address, options=options) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == SERVING
        said = ""
        for _ in range(35 if permitted else 200):
            await asyncio.sleep(0.1)
            said += capfd.readouterr().err
            if "too_many_pings" in said:  # gRPC itself says so, when it loses the connection
                break
        watch.cancel()
    assert ("too_many_pings" in said) != permitted
