"""``simpatico token``: keys and bearer tokens for deployments that have no identity provider."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from simpatico.cli.usage import above_zero, plain_text
from simpatico.errors import ConfigError, OutputError
from simpatico.output import whole_file

__all__ = ["token"]

token = typer.Typer(help="Make keys and bearer tokens, where there is no identity provider to do it.", no_args_is_help=True)


@token.command()
def key(
    *,
    private: Annotated[Path, typer.Option(help="New file for the private key (JWK), for its owner's eyes alone. Keep it off the service.")],
    public: Annotated[Path, typer.Option(help="JWK set that the service reads (access.keys); made, or the key is added to it.")],
) -> None:
    """Make a signing key. To rotate, make another one into the same set; take the old one out when its tokens have ended."""
    import json

    from simpatico.server.access.issuing import new_key, with_key

    if private.absolute() == public.absolute():
        raise ConfigError(
            f"--private and --public both name {str(private)!r}: two files, of which the service reads the public one", field="public"
        )
    made = new_key()
    keys = with_key(_read(public) if public.exists() else "", made)
    _write_private(private, json.dumps(made, indent=2) + "\n")
    _replace(public, keys)
    typer.echo(f"key {made['kid']}: private half in {private}, public half in {public}")


@token.command()
def issue(
    *,
    key: Annotated[Path, typer.Option(help="Private key, as `simpatico token key` made it.")],
    subject: Annotated[str, typer.Option(callback=plain_text, help="Who will ask: the name of a gateway, a desk, a person.")],
    role: Annotated[list[str], typer.Option(help="What they are for: router, qa, researcher, privacy, admin, agent; repeatable.")],
    agent: Annotated[str, typer.Option(callback=plain_text, help="Id of the agent whose desktop it is, with the role agent.")] = "",
    hours: Annotated[float, typer.Option(callback=above_zero, help="How long the token lasts.")] = 1.0,
    audience: Annotated[str, typer.Option(callback=plain_text, help="As the service's access.audience.")] = "simpatico",
    issuer: Annotated[str, typer.Option(callback=plain_text, help="As the service's access.issuer.")] = "",
    out: Annotated[Path | None, typer.Option(help="New file for it, readable by its owner alone, instead of standard output.")] = None,
) -> None:
    """Issue a token. It cannot be called back but by taking its key from the service, so let it be short."""
    from simpatico.server.access.issuing import issue as issued
    from simpatico.server.access.principals import AccessRole

    unknown = [name for name in role if name not in set(AccessRole)]
    if unknown:
        raise ConfigError(f"there is no role {unknown[0]!r}; there are {', '.join(AccessRole)}", field="role")
    text = issued(
        _read(key),
        subject=subject,
        roles=[AccessRole(name) for name in role],
        now_s=time.time(),
        lifetime_s=hours * 3600.0,
        audience=audience,
        issuer=issuer,
        agent=agent,
    )
    if out is None:
        typer.echo(text)
    else:
        _write_private(out, text + "\n")


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {str(path)!r}: {getattr(error, 'strerror', None) or 'not text'}") from error


def _write_private(path: Path, text: str) -> None:
    """Write a file that was not there before, for its owner's eyes from the first moment on."""
    try:
        with whole_file(path, new=True, mode=0o600) as file:
            file.write(text)
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r}: {error.strerror or error}; a secret never replaces a file") from error


def _replace(path: Path, text: str) -> None:
    """Write a file at once: a service that reads it meanwhile sees the old keys or the new ones."""
    try:
        with whole_file(path, mode=0o644) as file:
            file.write(text)
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
