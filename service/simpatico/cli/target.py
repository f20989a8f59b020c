"""Where a running service listens, as the commands that talk to one take it."""

from __future__ import annotations

import os
from typing import Annotated

import typer

__all__ = ["DEFAULT_TARGET", "Target", "check_target", "quiet_grpc"]

DEFAULT_TARGET = "127.0.0.1:50051"
MAX_PORT = 65_535
SCHEMES = ("dns:", "ipv4:", "ipv6:", "unix:", "unix-abstract:", "vsock:", "xds:")
"""Names that gRPC resolves itself (grpc/doc/naming.md): taken as they are."""


def quiet_grpc(verbosity: str = "NONE") -> None:
    """Keep gRPC's C++ core from printing lines of its own; to be called before gRPC is imported. GRPC_VERBOSITY, where set, wins."""
    os.environ.setdefault("GRPC_VERBOSITY", verbosity)


def check_target(text: str) -> str:
    """Return a target that can be one.

    Raises
    ------
    typer.BadParameter
        It is neither HOST:PORT nor a name with a scheme that gRPC resolves.
    """
    if text.startswith(SCHEMES):
        return text
    if "://" in text:
        raise typer.BadParameter(f"{text!r} is an address for the web; HOST:PORT alone works, such as {DEFAULT_TARGET}")
    host, _, port = text.rpartition(":")
    if not host or "/" in host:
        raise typer.BadParameter(f"{text!r} is not HOST:PORT; {_example(text)} would work")
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise typer.BadParameter(f"{text!r} has several colons; an IPv6 address stands in brackets: [::1]:50051 would work")
    if not (port.isascii() and port.isdecimal() and 1 <= int(port) <= MAX_PORT):
        raise typer.BadParameter(f"{text!r} has no port from 1 to {MAX_PORT} after the colon; {host}:50051 would work")
    return text


def _example(text: str) -> str:
    """Return the target that was probably meant."""
    name = text.strip(":/")
    return f"127.0.0.1:{name}" if name.isdecimal() else DEFAULT_TARGET if not name or "/" in name else f"{name}:50051"


Target = Annotated[str, typer.Option(metavar="HOST:PORT", callback=check_target, help="Where the service listens.")]
"""The option ``--target`` of every command that talks to a service."""
