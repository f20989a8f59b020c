"""What ``simpatico doctor`` looks at of a deployment: all that ``serve`` needs and that its settings name. It changes nothing.

Each check yields what it found, or raises an error that says what would work.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from simpatico.errors import ConfigError

if TYPE_CHECKING:
    from simpatico.config import Settings

__all__ = ["CHECKS", "Finding"]

LOW_DISK_BYTES = 1 << 30
"""Below this the spool and an embedded database may soon be refused room; a report takes less than a kilobyte."""
EXPIRES_SOON_S = 14 * 86_400.0
"""Of a certificate: time enough to make another."""
CLOCKS_APART_S = 5.0
"""Between this machine and the database: consents, retention and the audit log are dated by the one, backups by the other."""


class Finding(NamedTuple):
    """Something that was looked at; ``note`` where it may be wrong."""

    key: str
    value: str
    note: bool = False


def _address(settings: Settings) -> Iterator[Finding]:
    from simpatico.server.exposure import check_exposure

    check_exposure(settings)
    yield _port(settings.server.host, settings.server.port, "server.port")
    if settings.server.routing_port is not None:
        yield _port(settings.server.host, settings.server.routing_port, "server.routing_port")


def _port(host: str, port: int, key: str) -> Finding:
    """Whether a port can be listened on now."""
    from simpatico.server.listening import probe

    name = "address" if key == "server.port" else "address of rankings"
    try:
        probe(host, port)
    except socket.gaierror as error:
        raise ConfigError(f"server.host {host!r} is no address: {error.strerror}; 127.0.0.1 works", field="server.host") from error
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise ConfigError(
                f"cannot listen on {host}:{port}: {error.strerror}; choose another server.host or {key}", field="server.host"
            ) from error
        return Finding(name, f"{host}:{port} is in use: by this service if it runs now, else choose another {key}", note=True)
    return Finding(name, f"{host}:{port} is free")


def _tls(settings: Settings) -> Iterator[Finding]:
    from simpatico.server.pem import check_authority, check_pair, pem_bytes

    tls = settings.tls
    if tls.certificate is None or tls.key is None:
        yield Finding("TLS", "none: plain text")
        return
    named = {"tls.certificate": tls.certificate, "tls.key": tls.key, "tls.client_ca": tls.client_ca}
    pem = {name: pem_bytes(path, name) for name, path in named.items() if path is not None}
    check_pair(tls.certificate, tls.key, field="tls")
    if tls.client_ca is not None:
        check_authority(tls.client_ca, field="tls.client_ca")
    for name in ("tls.certificate", "tls.client_ca"):
        if name in pem:
            yield _validity(name, pem[name])
    yield from _for_its_owner(tls.key, "tls.key")


def _validity(name: str, pem: bytes) -> Finding:
    from cryptography import x509

    found = x509.load_pem_x509_certificate(pem)
    begin, end, now = found.not_valid_before_utc, found.not_valid_after_utc, datetime.now(UTC)
    if not begin <= now <= end:
        raise ConfigError(
            f"{name} is valid from {begin:%Y-%m-%d} to {end:%Y-%m-%d}, and now it is {now:%Y-%m-%d}: renew it, or set the clock", field=name
        )
    return Finding(name, f"valid until {end:%Y-%m-%d}", note=(end - now).total_seconds() < EXPIRES_SOON_S)


def _access(settings: Settings) -> Iterator[Finding]:
    from simpatico.server.access.guard import Access

    if Access(settings).open:
        yield Finding("access control", "none: whoever reaches the address may do everything (access.keys, access.certificates)", note=True)
        return
    for name, path in (("access.keys", settings.access.keys), ("access.certificates", settings.access.certificates)):
        if path is not None:
            yield Finding(name, f"{str(path)!r} can be used")


def _memory(settings: Settings) -> Iterator[Finding]:
    from simpatico.server.memory import key_ring

    database = settings.database
    if not database.url:
        yield Finding("memory", "none: no caller is remembered, and nobody routed (database.url)")
        return
    ring = key_ring(database)
    assert database.secrets is not None
    yield Finding("database.secrets", f"key {ring.active} is active; {len(ring.key_ids)} held")
    yield from _for_its_owner(database.secrets, "database.secrets")
    yield from _tables(settings)
    yield _room(database.spool, "database.spool")
    yield from _waiting(database.spool)
    if database.anchors is not None:
        yield _room(database.anchors, "database.anchors")


def _tables(settings: Settings) -> Iterator[Finding]:
    from simpatico.cli.memory import open_memory
    from simpatico.profiles.callers import held_under
    from simpatico.profiles.clocks import database_time_s
    from simpatico.profiles.migrate import newest
    from simpatico.server.memory import key_ring

    file = _file_of(settings.database.url)
    if file is not None:
        if not file.parent.is_dir():
            raise ConfigError(f"there is no folder for the database {str(file)!r}; make it first", field="database.url")
        yield _room(file, "database.url")
        if not file.exists():
            yield Finding("tables", f"none yet: {str(file)!r} is made when the service starts", note=True)
            return
    with open_memory(settings) as store:
        held = store.read(held_under)
        before_s = time.time()
        apart_s = store.read(database_time_s) - before_s
        waited_s = time.time() - before_s
    yield Finding("tables", f"of revision {newest()}, this build's")
    unknown = set(held) - set(key_ring(settings.database).key_ids)
    if unknown:
        lost = sum(held[key_id] for key_id in unknown)
        raise ConfigError(
            f"{lost} callers stand under keys that database.secrets lacks ({', '.join(sorted(unknown))}): put them back into it",
            field="database.secrets",
        )
    if not -CLOCKS_APART_S <= apart_s <= CLOCKS_APART_S + waited_s:
        raise ConfigError(f"the database's clock is {apart_s:+.0f} s from this machine's: let both keep network time", field="database.url")
    yield Finding("clock", f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, as the database's")


def _file_of(url: str) -> Path | None:
    """Return the file of an embedded database."""
    return Path(url.partition(":///")[2].partition("?")[0]) if url.startswith("sqlite") else None


def _room(path: Path, name: str) -> Finding:
    """Look whether a file can be written, or made with its folders."""
    folder = path.absolute().parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        if path.exists():
            with path.open("ab"):
                pass
        with tempfile.TemporaryFile(dir=folder):  # SQLite makes files beside it
            pass
    except OSError as error:
        raise ConfigError(
            f"{name} {str(path)!r} cannot be written: {error.strerror}; give the service's account the right, or another path", field=name
        ) from None
    free = shutil.disk_usage(folder).free
    return Finding(name, f"{str(path)!r} can be written, {free / 1e9:.1f} GB are free", note=free < LOW_DISK_BYTES)


def _waiting(path: Path) -> Iterator[Finding]:
    from simpatico.profiles.spool import Spool

    if not path.exists():
        return
    spool = Spool(path)
    try:
        waiting = spool.waiting()
    finally:
        spool.close()
    yield Finding("spool", f"{waiting} reports wait for the database")


def _for_its_owner(path: Path, name: str) -> Iterator[Finding]:
    """Note a secret that others can read."""
    mode = os.stat(path).st_mode & 0o777
    if mode & 0o007:
        yield Finding(name, f"{str(path)!r} can be read or written by every account (mode {mode:o}): chmod 640 or 600", note=True)


CHECKS: tuple[tuple[str, Callable[[Settings], Iterator[Finding]]], ...] = (
    ("address", _address),
    ("TLS", _tls),
    ("access control", _access),
    ("memory", _memory),
)
"""Name and check, in the order in which ``serve`` would stumble."""
