"""How a client connects: TLS, tokens, and what becomes of a status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import grpc

from simpatico.errors import ConfigError, RemoteError
from simpatico.server.pem import check_authority, check_pair, pem_bytes
from simpatico.server.status import DETAILS_KEY, remote_error

__all__ = ["ClientTls", "Token", "host_of", "raise_remote", "raise_status", "token_from"]

FAILED_WRITE = "Internal error from Core"
"""What grpc.aio makes of a stream's status when a write meets the stream's end, whatever the status was."""


@dataclass(frozen=True, slots=True)
class ClientTls:
    """PEM files: the authority of the service's certificate (None: the system's), and the client's own for mTLS."""

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """Return what gRPC takes.

        Raises
        ------
        ConfigError
            A file cannot be read or is not PEM, or a certificate comes without its key.
        """
        if (self.certificate is None) != (self.key is None):
            alone = f"certificate {str(self.certificate)!r} has no key" if self.key is None else f"key {str(self.key)!r} has no certificate"
            raise ConfigError(f"the client's own {alone}: both work together, or neither, with the authority alone", field="tls")
        names = (("authority", self.authority), ("key", self.key), ("certificate", self.certificate))
        pem = [None if path is None else pem_bytes(path, name) for name, path in names]
        if self.authority is not None:
            check_authority(self.authority, field="tls")
        if self.certificate is not None and self.key is not None:
            check_pair(self.certificate, self.key, field="tls")
        return grpc.ssl_channel_credentials(*pem)


Token: TypeAlias = str | Callable[[], str]
"""A bearer token, or what returns the one to use now; it is asked for each RPC, so that tokens may be short."""


def token_from(path: Path) -> Callable[[], str]:
    """Return what reads a token from a file each time, so that whoever renews it there need not tell.

    Raises
    ------
    ConfigError
        When it is called and the file cannot be read, or holds other than one line.
    """

    def read() -> str:
        try:
            lines = path.read_text("ascii").split()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "not a token"
            raise ConfigError(f"cannot read the token in {str(path)!r}: {why}", field="token") from None
        if len(lines) != 1:
            raise ConfigError(f"{str(path)!r} holds {len(lines)} words; it needs one, a token", field="token")
        return lines[0]

    return read


def host_of(target: str) -> str:
    """Return the host of a gRPC target: of "dns:///host:port" as of "[::1]:port"."""
    return target.rpartition("/")[2].rpartition(":")[0]


def raise_remote(error: grpc.aio.AioRpcError, target: str) -> NoReturn:
    """Raise the error that an RPC ended with, as `RemoteError`."""
    raise_status(error.code(), error.details() or "", error.trailing_metadata(), target)


def raise_status(code: grpc.StatusCode, message: str, metadata: Any, target: str) -> NoReturn:
    details = next((value for key, value in metadata or () if key == DETAILS_KEY), None)
    if details is None and (code is grpc.StatusCode.OK or message == FAILED_WRITE):
        raise RemoteError(
            f"{target}: the service closed the stream, or the connection broke, while something was being sent; open a new stream",
            status=grpc.StatusCode.UNAVAILABLE.name,
            reason="CLOSED",
        )
    if details is None:
        message = f"{target}: {code.name}: {message}"
        if code is grpc.StatusCode.UNAVAILABLE:
            message += "; is the service running there, and does it speak the same way (TLS or plain text)?"
    raise remote_error(code, message, details) from None
