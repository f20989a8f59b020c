"""``simpatico serve``: the gRPC service until SIGTERM."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simpatico.cli.target import quiet_grpc

if TYPE_CHECKING:
    from simpatico.config import Settings

__all__ = ["assigned", "serve"]


def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on (server.host).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one (server.port).")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with settings; SIMPATICO_CONFIG names one too.")] = None,
    routing_port: Annotated[
        int | None, typer.Option(help="Port of a process of its own for rankings; 0 takes a free one (server.routing_port).")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that share the port (server.workers).")] = None,
    bundle: Annotated[Path | None, typer.Option(help="Directory of a model bundle (analysis.bundle).")] = None,
    realtime_factor: Annotated[
        float | None, typer.Option(help="Audio that a call may bring, in times real time (limits.realtime_factor).")
    ] = None,
    drain_grace: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="How long open calls may go on after SIGTERM (server.drain_grace_s).")
    ] = None,
    tls_certificate: Annotated[Path | None, typer.Option(help="Server certificate, PEM (tls.certificate).")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key, PEM (tls.key).")] = None,
    tls_client_ca: Annotated[Path | None, typer.Option(help="Authority of client certificates, PEM; demands them (tls.client_ca).")] = None,
    allow_insecure: Annotated[bool | None, typer.Option(help="Permit plain text beyond loopback (server.allow_insecure).")] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any other setting, for instance limits.calls=100; repeatable.")
    ] = None,
    show_config: Annotated[bool, typer.Option("--show-config", help="Print all settings with their meaning, as TOML, and stop.")] = False,
) -> None:
    """Serve analyses over gRPC. Settings: options win over SIMPATICO_ variables, these over the file, this over the defaults."""
    from simpatico.config import load_settings

    overrides = assigned(assignments or []) | {
        key: value
        for key, value in {
            "server.host": host,
            "server.port": port,
            "server.routing_port": routing_port,
            "server.workers": workers,
            "server.drain_grace_s": drain_grace,
            "server.allow_insecure": allow_insecure,
            "analysis.bundle": bundle,
            "limits.realtime_factor": realtime_factor,
            "tls.certificate": tls_certificate,
            "tls.key": tls_key,
            "tls.client_ca": tls_client_ca,
        }.items()
        if value is not None
    }
    settings = load_settings(config, overrides)
    if show_config:
        typer.echo(_as_toml(settings))
        return
    _run(settings)


def _run(settings: Settings) -> None:
    import asyncio

    quiet_grpc("ERROR")  # a line for each failed handshake, which any scanner of ports can have, and in no format of ours
    from simpatico.server.app import serve as serve_one
    from simpatico.server.logs import configure_logging
    from simpatico.server.workers import serve_with_workers

    configure_logging(settings.log)
    if settings.server.workers > 1 or settings.server.routing_port is not None:
        serve_with_workers(settings, _announce)
    else:
        asyncio.run(serve_one(settings, _announce))


def _announce(address: str, routing_address: str | None = None) -> None:
    print(f"serving on {address}", flush=True)
    if routing_address is not None:
        print(f"serving rankings on {routing_address}", flush=True)


def assigned(assignments: list[str]) -> dict[str, Any]:
    """Return KEY=VALUE pairs as a mapping; values are TOML where they can be, else text."""
    import tomllib

    from simpatico.errors import ConfigError

    overrides: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or "." not in key:
            raise ConfigError(f"--set {assignment!r} is not KEY=VALUE; limits.calls=100 would work", field="set")
        try:
            overrides[key.strip()] = tomllib.loads(f"x = {text}")["x"]
        except tomllib.TOMLDecodeError:
            overrides[key.strip()] = text
    return overrides


def _as_toml(settings: Settings) -> str:
    import json

    from simpatico.config import keys, without_password

    lines: list[str] = []
    section = ""
    for key, _, _, _, description in keys():
        table, _, name = key.partition(".")
        if table != section:
            lines += ["", f"[{table}]"] if lines else [f"[{table}]"]
            section = table
        value = getattr(getattr(settings, table), name)
        if key == "database.url":
            value = without_password(value)
        shown = f"# {name} =" if value is None else f"{name} = {json.dumps(str(value) if isinstance(value, Path) else value)}"
        lines += [f"# {description}", shown.replace("Infinity", "inf")]
    return "\n".join(lines)
