"""An address to listen on: the options, credentials and port of a server, and what is wrong with them.

Whatever can be wrong is looked for before gRPC is asked, which would print the lines of its C++ core first.
"""

from __future__ import annotations

import socket

import grpc

from simpatico.config import Settings, TlsSettings
from simpatico.errors import ListenError
from simpatico.server.pem import check_authority, check_pair, pem_bytes

__all__ = ["bind", "listen_error", "options_of", "probe"]

CORE_MESSAGE_FACTOR = 2
"""How far beyond the limit gRPC itself lets a message in, so that our own error, which names the remedy, can be given for what is a
little too large."""


def bind(server: grpc.aio.Server, settings: Settings, *, share_port: bool) -> str:
    """Give a server its port; return HOST:PORT.

    Parameters
    ----------
    share_port
        Other processes of this service hold the port too.

    Raises
    ------
    ListenError
        The address cannot be had; the message says why.
    ConfigError
        A certificate, key or authority cannot be used.
    """
    host, port = settings.server.host, settings.server.port
    credentials = _credentials(settings.tls)
    why = "" if share_port else _refusal(host, port)
    if why:
        raise listen_error(host, port, why)
    shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
    address = f"{shown}:{port}"
    try:
        bound = server.add_insecure_port(address) if credentials is None else server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise listen_error(host, port, _refusal(host, port)) from error
    return f"{shown}:{bound}"


def listen_error(host: str, port: int, why: str) -> ListenError:
    """Return the error for an address that cannot be had, with the system's reason."""
    return ListenError(
        f"cannot listen on {host}:{port}: {why or 'the address cannot be used'}; stop what uses it, or choose another address or port "
        "(0 takes a free one)",
        field="server.port",
    )


def options_of(settings: Settings, *, share_port: bool) -> list[tuple[str, int]]:
    """Return gRPC's options for a server."""
    keepalive = settings.keepalive
    return [
        ("grpc.max_receive_message_length", settings.limits.message_bytes * CORE_MESSAGE_FACTOR),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", int(share_port)),
        ("grpc.keepalive_time_ms", round(keepalive.ping_s * 1000)),
        ("grpc.keepalive_timeout_ms", round(keepalive.ping_timeout_s * 1000)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.http2.min_ping_interval_without_data_ms", round(keepalive.client_ping_s * 1000)),
    ]


def probe(host: str, port: int) -> None:
    """Bind an address for a moment, as gRPC binds it, which does not say why when it cannot.

    Raises
    ------
    socket.gaierror
        The host is no address.
    OSError
        The system does not give the address; ``EADDRINUSE`` where somebody has it.
    """
    family, kind, proto, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, proto) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)


def _refusal(host: str, port: int) -> str:
    """Why the system would not give the address, or ""."""
    try:
        probe(host, port)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _credentials(tls: TlsSettings) -> grpc.ServerCredentials | None:
    if tls.certificate is None or tls.key is None:
        return None
    certificate, key = pem_bytes(tls.certificate, "tls.certificate"), pem_bytes(tls.key, "tls.key")
    authority = pem_bytes(tls.client_ca, "tls.client_ca") if tls.client_ca is not None else None
    check_pair(tls.certificate, tls.key, field="tls")
    if tls.client_ca is not None:
        check_authority(tls.client_ca, field="tls.client_ca")
    return grpc.ssl_server_credentials([(key, certificate)], root_certificates=authority, require_client_auth=authority is not None)
