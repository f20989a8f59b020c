"""Bearer tokens: JSON Web Tokens signed by one of the deployment's keys.

The rules:

1. Keys come from a file of *public* keys, a JWK set. A secret shared with every issuer could be used by each of them to make any token, so
   symmetric keys are refused, and so are private ones, which the service has no use for.
2. The algorithm is the key's, never the token's choice: ``none``, and a public key taken for a shared secret, cannot be asked for.
3. A token must name its subject, its audience and its end. Roles that are not known here are passed over.
4. The file is read again when it changes. Rotation: add the new key, issue with it, and take the old one out when its tokens have ended.
   A file that cannot be read leaves the keys as they were, and an error in the log.
5. Nothing of a token is written to the log or into a message.

References
----------
Jones, M., Bradley, J. & Sakimura, N. (2015). JSON Web Token. RFC 7519.
Jones, M. (2015). JSON Web Key. RFC 7517.
Sheffer, Y., Hardt, D. & Jones, M. (2020). JSON Web Token best current practices. RFC 8725.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from simpatico.config import AccessSettings
from simpatico.errors import ConfigError, UnauthenticatedError
from simpatico.server.access.principals import MAX_SUBJECT, AccessRole, Principal

__all__ = ["ALGORITHMS", "MAX_TOKEN_CHARS", "Keys", "TokenReader", "parse_keys"]

ALGORITHMS = frozenset({"EdDSA", "ES256", "ES384", "RS256", "PS256"})
"""Signatures that are taken: public-key ones that RFC 8725 has nothing against."""
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Members of a JWK that are secret (RFC 7518, section 6)."""
MIN_RSA_BITS = 2048
"""RFC 7518, section 3.3."""
MAX_KEYS = 64
MAX_FILE_BYTES = 1 << 20
MAX_TOKEN_CHARS = 4096
"""Twice what identity providers usually issue; nothing longer is decoded."""
LOOK_S = 1.0
"""How often, at most, it is looked whether the file has changed."""

log = logging.getLogger(__name__)


def parse_keys(text: str) -> dict[str, jwt.PyJWK]:
    """Return the signing keys of a JWK set by their ids.

    Raises
    ------
    ConfigError
        It is not a JWK set, holds no key, one that is secret, weak, of another algorithm, or two of one id. Messages never show a key.
    """
    try:
        entries = json.loads(text)["keys"]
        assert isinstance(entries, list)
    except (ValueError, KeyError, TypeError, AssertionError, RecursionError):
        raise _bad('it is not a JWK set; {"keys": [...]} as `simpatico token key` writes it would work') from None
    if len(entries) > MAX_KEYS:
        raise _bad(f"it has {len(entries)} keys; at most {MAX_KEYS} work")
    keys: dict[str, jwt.PyJWK] = {}
    for number, entry in enumerate(entries):
        if isinstance(entry, dict) and entry.get("use", "sig") != "sig":
            continue
        kid, key = _key(entry, f"key {number}")
        if kid in keys:
            raise _bad(f"two keys have the id {kid[:40]!r}")
        keys[kid] = key
    if not keys:
        raise _bad("it holds no key that signs, so nobody could get in")
    return keys


def _key(entry: Any, name: str) -> tuple[str, jwt.PyJWK]:
    kid = entry.get("kid") if isinstance(entry, dict) else None
    if not isinstance(kid, str) or not kid:
        raise _bad(f'{name} has no id; give it one as "kid"')
    if entry.get("kty") == "oct" or PRIVATE_MEMBERS & entry.keys():
        raise _bad(f"{name} ({kid[:40]!r}) is secret; put its public half here, of EdDSA, ES256, ES384, RS256 or PS256")
    try:
        key = jwt.PyJWK(entry)
    except Exception:  # the library's messages show the key
        raise _bad(f"{name} ({kid[:40]!r}) cannot be used as a public key") from None
    if key.algorithm_name not in ALGORITHMS:
        raise _bad(f"{name} ({kid[:40]!r}) is for {key.algorithm_name}; {', '.join(sorted(ALGORITHMS))} work")
    if isinstance(key.key, RSAPublicKey) and key.key.key_size < MIN_RSA_BITS:
        raise _bad(f"{name} ({kid[:40]!r}) has {key.key.key_size} bits; RSA needs at least {MIN_RSA_BITS}")
    return kid, key


def _bad(why: str) -> ConfigError:
    return ConfigError(f"access.keys: {why}", field="access.keys")


class Keys:
    """The keys of a file, read again when it changes.

    Parameters
    ----------
    path
        JWK set.
    clock
        Seconds of a monotonic clock.

    Raises
    ------
    ConfigError
        The file cannot be read or used.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._looked_s = clock()
        self._stamp = self._look()
        self._keys = self._read()

    def find(self, kid: object) -> jwt.PyJWK | None:
        """Return the key of that id; without an id, the only key there is."""
        self._refresh()
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid) if isinstance(kid, str) else None

    def _refresh(self) -> None:
        now_s = self._clock()
        if now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        stamp = self._look()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._keys = self._read()
            log.info("keys of tokens read anew")
        except ConfigError as error:
            log.error("keys of tokens could not be read anew, those of before are in force: %s", error)

    def _look(self) -> tuple[int, ...]:
        """Return what changes when the file does; () while there is none."""
        try:
            found = self._path.stat()
        except OSError:
            return ()
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> dict[str, jwt.PyJWK]:
        try:
            with self._path.open("rb") as file:
                text = file.read(MAX_FILE_BYTES + 1).decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "not text in UTF-8"
            raise ConfigError(f"cannot read access.keys {str(self._path)!r}: {why}", field="access.keys") from None
        if len(text) > MAX_FILE_BYTES:
            raise _bad(f"{str(self._path)!r} is larger than {MAX_FILE_BYTES} bytes")
        return parse_keys(text)


class TokenReader:
    """Says whose a token is.

    Parameters
    ----------
    settings
        Audience, issuer and leeway.
    keys
        Whose signatures count.
    """

    def __init__(self, settings: AccessSettings, keys: Keys) -> None:
        self._settings = settings
        self._keys = keys

    def read(self, token: str) -> Principal:
        """Check a token.

        Raises
        ------
        UnauthenticatedError
            It says nothing that can be trusted; the message says why, without a word of it.
        """
        if len(token) > MAX_TOKEN_CHARS:
            raise _refused(f"has {len(token)} characters; at most {MAX_TOKEN_CHARS} are read")
        claims = self._claims(token)
        subject, roles = claims["sub"], claims.get("roles", [])
        if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT:
            raise _refused(f"names no subject of 1 to {MAX_SUBJECT} characters")
        if not isinstance(roles, list):
            raise _refused('has roles that are not a list; ["router"] would work')
        agent = claims.get("agent", "")
        if not isinstance(agent, str) or len(agent) > MAX_SUBJECT:
            raise _refused(f"names an agent that is not text of up to {MAX_SUBJECT} characters")
        known = {str(role) for role in AccessRole}
        return Principal(subject, frozenset(AccessRole(role) for role in roles if isinstance(role, str) and role in known), agent)

    def _claims(self, token: str) -> Mapping[str, Any]:
        settings = self._settings
        try:
            key = self._keys.find(jwt.get_unverified_header(token).get("kid"))
            if key is None:
                raise _refused("is signed by no key of this service; get one from its issuer")
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm_name],
                audience=settings.audience,
                issuer=settings.issuer or None,
                leeway=settings.leeway_s,
                options={"require": ["exp", "sub", "aud"]},
            )
        except UnauthenticatedError:
            raise
        except Exception as error:  # a parser of hostile text: whatever it stumbles over, the token is not good
            why = next((words for kind, words in _WHY if isinstance(error, kind)), "is not a token that can be read")
            raise _refused(why) from None
        return claims


_WHY: tuple[tuple[type[Exception], str], ...] = (
    (jwt.ExpiredSignatureError, "has expired; get a new one"),
    (jwt.ImmatureSignatureError, "is not valid yet; are the clocks right?"),
    (jwt.InvalidAudienceError, "is for another audience (access.audience)"),
    (jwt.InvalidIssuerError, "is of another issuer (access.issuer)"),
    (jwt.MissingRequiredClaimError, "lacks one of the claims exp, sub, aud and, where access.issuer is set, iss"),
    (jwt.InvalidAlgorithmError, "is signed by another algorithm than its key is for"),
    (jwt.InvalidSignatureError, "has a signature that does not fit"),
)


def _refused(why: str) -> UnauthenticatedError:
    return UnauthenticatedError(f"the bearer token {why}", field="authorization")
