"""Pseudonymous keys: what stands for a caller, and the secrets it is made with.

The rules:

1. A caller is known by the tenant's own pseudonym (a customer number, say), never by their voice. It is hashed with a secret of the
   deployment as soon as it arrives; the pseudonym itself is never stored, logged, or repeated in a message.
2. Every secret has a name, its *key id*, which is stored beside what was made with it. The first secret of a ring is the active one; the
   others are kept to recognise what they once made.
3. Rotation: put a new secret first. A caller seen again under an older secret is re-keyed then, because only then the pseudonym is at hand:
   a hash cannot be turned into another one. Those who do not call again are purged by retention, or moved at once from a list of
   pseudonyms (`docs/database.md`). An old secret can be dropped when nobody is left under it.
4. Different uses never share a key: each gets its own, derived from the secret and the name of the use.

References
----------
Krawczyk, H., Bellare, M. & Canetti, R. (1997). HMAC: keyed-hashing for message authentication. RFC 2104.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from simpatico.errors import KeyRingError, RequestError

__all__ = ["MAX_CALLER_KEY_BYTES", "MIN_SECRET_BYTES", "CallerRef", "KeyRing", "checked_key", "parse_key_ring"]

MAX_CALLER_KEY_BYTES = 256
"""Bytes of a tenant's pseudonym in UTF-8: more than any identifier in use. Of e-mail addresses, where a deployment takes them, the
longest has 254 (RFC 5321)."""
MIN_SECRET_BYTES = 32
"""As many as the hash has: a shorter key weakens HMAC (RFC 2104, section 3)."""
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")


@dataclass(frozen=True, slots=True)
class CallerRef:
    """A pseudonymised caller: ``digest`` is 64 hexadecimal digits, made with the secret named ``key_id``."""

    key_id: str
    digest: str


class KeyRing:
    """The deployment's secrets.

    Parameters
    ----------
    secrets
        Key id (1 to 32 letters, digits, ``._-``) to secret (at least 32 bytes), the active one first. None may occur twice.

    Raises
    ------
    KeyRingError
        When there is none, or one is too short, misnamed or repeated. Messages never show a secret.
    """

    def __init__(self, secrets: Mapping[str, bytes]) -> None:
        if not secrets:
            raise KeyRingError("the key ring holds no secret; it needs at least one", field="secrets")
        for key_id, secret in secrets.items():
            if not _KEY_ID.fullmatch(key_id):
                raise KeyRingError(f"key id {key_id[:40]!r} must be 1 to 32 letters, digits, '.', '_' or '-'", field="secrets")
            if len(secret) < MIN_SECRET_BYTES:
                raise KeyRingError(f"secret {key_id!r} has {len(secret)} bytes; it needs at least {MIN_SECRET_BYTES}", field="secrets")
        if len(set(secrets.values())) < len(secrets):
            raise KeyRingError(f"two of the secrets {', '.join(secrets)} are the same; a rotation needs a new one", field="secrets")
        self._secrets = dict(secrets)
        self._begun: dict[tuple[str, str], hmac.HMAC] = {}

    def __repr__(self) -> str:
        """Name the keys, never show them."""
        return f"KeyRing({', '.join(self._secrets)})"

    @property
    def active(self) -> str:
        """Id of the secret that new keys are made with."""
        return next(iter(self._secrets))

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Ids of all secrets, the active one first."""
        return tuple(self._secrets)

    def refs(self, caller_key: str) -> tuple[CallerRef, ...]:
        """Return what stands for a caller under each secret, the active one first.

        Parameters
        ----------
        caller_key
            The tenant's pseudonym: 1 to 256 bytes of UTF-8. Taken as it is: no case is folded, no space removed.

        Raises
        ------
        RequestError
            When it is empty, too long or not text. The message says its length only.
        """
        encoded = checked_key(caller_key)
        return tuple(CallerRef(key_id, self._mac(key_id, "caller", encoded).hex()) for key_id in self._secrets)

    def mac(self, purpose: str, data: bytes, *, key_id: str | None = None) -> bytes:
        """Return 32 bytes that only a holder of the secret can make for these data and this purpose.

        Raises
        ------
        KeyRingError
            When the ring does not hold ``key_id`` (None for the active one).
        """
        chosen = self.active if key_id is None else key_id
        if chosen not in self._secrets:
            raise KeyRingError(f"the key ring does not hold {chosen!r}; it holds {', '.join(self._secrets)}", field="secrets")
        return self._mac(chosen, purpose, data)

    def _mac(self, key_id: str, purpose: str, data: bytes) -> bytes:
        begun = self._begun.get((key_id, purpose))
        if begun is None:
            derived = hmac.digest(self._secrets[key_id], b"simpatico/" + purpose.encode("ascii"), "sha256")
            begun = self._begun[key_id, purpose] = hmac.new(derived, digestmod=hashlib.sha256)
        made = begun.copy()
        made.update(data)
        return made.digest()


def checked_key(caller_key: str, field: str = "caller_key") -> bytes:
    """Return the bytes of a tenant's pseudonym; of a huge one no copy is made. Raises as `KeyRing.refs`, naming ``field``."""
    if len(caller_key) > MAX_CALLER_KEY_BYTES:
        raise RequestError(f"caller_key has {len(caller_key)} characters; it may have at most {MAX_CALLER_KEY_BYTES} bytes", field=field)
    try:
        encoded = caller_key.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RequestError("caller_key is not text: it holds a lone surrogate; send UTF-8", field=field) from error
    if not 0 < len(encoded) <= MAX_CALLER_KEY_BYTES:
        raise RequestError(f"caller_key has {len(encoded)} bytes; it needs 1 to {MAX_CALLER_KEY_BYTES}", field=field)
    return encoded


def parse_key_ring(text: str) -> KeyRing:
    """Read a key ring: one ``key-id base64-secret`` a line, the active one first; empty lines and lines with ``#`` in front are skipped.

    Raises
    ------
    KeyRingError
        When a line is not of that form. The message names the line, never its content.
    """
    secrets: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2:
            raise KeyRingError(f"line {number} of the key ring has {len(words)} words; it needs a key id and a secret", field="secrets")
        if words[0] in secrets:
            raise KeyRingError(f"line {number} of the key ring names {words[0][:40]!r} again; key ids must differ", field="secrets")
        try:
            secrets[words[0]] = base64.b64decode(words[1], validate=True)
        except (binascii.Error, ValueError) as error:
            raise KeyRingError(
                f"the secret on line {number} of the key ring is not base64; make one with: openssl rand -base64 32", field="secrets"
            ) from error
    return KeyRing(secrets)
