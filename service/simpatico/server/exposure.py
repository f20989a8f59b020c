"""What may be served where: beyond loopback only encrypted, and only to those who are known."""

from __future__ import annotations

import logging

from simpatico.config import Settings
from simpatico.errors import ConfigError
from simpatico.server.logs import fields
from simpatico.server.loopback import is_loopback

__all__ = ["check_exposure", "warn_of_exposure"]

log = logging.getLogger(__name__)


def check_exposure(settings: Settings) -> None:
    """Refuse plain text, and a service that asks nobody who they are, where other machines can reach it.

    Raises
    ------
    ConfigError
        The address is not loopback, and nobody said that this is meant.
    """
    host = settings.server.host
    if is_loopback(host):
        return
    if settings.tls.certificate is None and not settings.server.allow_insecure:
        raise ConfigError(
            f"host {host!r} can be reached from other machines, and without TLS anybody on the way can listen: give tls.certificate and "
            f"tls.key, "
            "listen on 127.0.0.1, or set server.allow_insecure where the network itself is encrypted",
            field="server.host",
        )
    if not _asks(settings) and not settings.access.dangerously_let_anyone_in:
        raise ConfigError(
            f"host {host!r} can be reached from other machines, and anybody who reaches it could do everything: give access.keys (bearer "
            "tokens) or access.certificates (with tls.client_ca), or listen on 127.0.0.1",
            field="server.host",
        )


def warn_of_exposure(settings: Settings, address: str) -> None:
    """Say at start what is not protected."""
    if not _asks(settings):
        log.warning(
            "NO ACCESS CONTROL: whoever reaches this address may do everything; set access.keys or access.certificates",
            extra=fields(address=address),
        )
    if settings.tls.certificate is None and not is_loopback(settings.server.host):
        log.warning("PLAIN TEXT beyond loopback: whoever is on the way can listen, and take tokens", extra=fields(address=address))


def _asks(settings: Settings) -> bool:
    return settings.access.keys is not None or settings.access.certificates is not None
