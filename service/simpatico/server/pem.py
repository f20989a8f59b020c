"""Certificates, keys and authorities in PEM files, looked at before gRPC is: it ends the process over a certificate without a key."""

from __future__ import annotations

import ssl
from pathlib import Path

from simpatico.errors import ConfigError

__all__ = ["check_authority", "check_pair", "pem_bytes"]


def pem_bytes(path: Path, name: str) -> bytes:
    """Return what a file holds.

    Raises
    ------
    ConfigError
        It cannot be read; ``name`` says which setting named it.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {name} {str(path)!r}: {error.strerror or error}", field=name) from error


def check_pair(certificate: Path, key: Path, *, field: str) -> None:
    """Refuse a certificate and a key that do not go together.

    Raises
    ------
    ConfigError
        One is no PEM file, the key is another certificate's, or it needs a password.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_password)
    except ssl.SSLError as error:
        raise ConfigError(
            f"certificate {str(certificate)!r} and key {str(key)!r} cannot be used together: {error.reason or error}; give PEM files, the "
            "key that of the certificate and without a password",
            field=field,
        ) from error


def check_authority(authority: Path, *, field: str) -> None:
    """Refuse an authority that is none.

    Raises
    ------
    ConfigError
        The file holds no certificate in PEM.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(authority)
    except ssl.SSLError as error:
        raise ConfigError(
            f"authority {str(authority)!r} cannot be used: it holds no certificate; a PEM file with BEGIN CERTIFICATE in it works",
            field=field,
        ) from error


def _no_password() -> str:
    """Answer the question that would otherwise be put to a terminal, where a service has none."""
    return ""
