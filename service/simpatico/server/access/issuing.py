"""Keys and tokens for deployments without an identity provider: Ed25519 key pairs as JWKs, and tokens signed with them.

References
----------
Jones, M. & Sakimura, N. (2015). JSON Web Key (JWK) thumbprint. RFC 7638.
Liusvaara, I. (2017). CFRG elliptic curve signatures in JOSE. RFC 8037.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from simpatico.errors import ConfigError
from simpatico.server.access.principals import MAX_SUBJECT, AccessRole
from simpatico.server.access.tokens import ALGORITHMS, PRIVATE_MEMBERS, parse_keys

__all__ = ["issue", "new_key", "public_half", "thumbprint", "with_key"]

MAX_LIFETIME_S = 366 * 86_400.0
"""A token cannot be called back but by taking its key away from everybody."""


def new_key() -> dict[str, Any]:
    """Return a new private key; its id is the thumbprint of its public half."""
    entry: dict[str, Any] = OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate(), as_dict=True)
    return {
        "kid": thumbprint(entry),
        "use": "sig",
        "alg": "EdDSA",
        "kty": entry["kty"],
        "crv": entry["crv"],
        "x": entry["x"],
        "d": entry["d"],
    }


def thumbprint(key: Mapping[str, Any]) -> str:
    """Return the name of an Ed25519 key: SHA-256 of what makes it up (RFC 7638), in base64url."""
    named = json.dumps({name: key[name] for name in ("crv", "kty", "x")}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(named.encode()).digest()).rstrip(b"=").decode()


def public_half(key: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a service may know of a key."""
    return {name: value for name, value in key.items() if name not in PRIVATE_MEMBERS}


def with_key(keys: str, key: Mapping[str, Any]) -> str:
    """Return a JWK set, "" for none yet, with the public half of a key added in front.

    Raises
    ------
    ConfigError
        It is not a JWK set that a service would take.
    """
    held = []
    if keys:
        parse_keys(keys)
        held = json.loads(keys)["keys"]
    text = json.dumps({"keys": [public_half(key), *held]}, indent=2) + "\n"
    parse_keys(text)
    return text


def issue(
    key_text: str,
    *,
    subject: str,
    roles: Iterable[AccessRole],
    now_s: float,
    lifetime_s: float,
    audience: str = "simpatico",
    issuer: str = "",
    agent: str = "",
) -> str:
    """Return a signed token.

    Parameters
    ----------
    key_text
        Private key, a JWK.
    subject
        Who will ask.
    roles
        What they are for; at least one.
    now_s
        Since 1970, UTC.
    lifetime_s
        Seconds until the token ends, above 0, at most a year.
    audience, issuer
        As the service's settings have them.
    agent
        Id of the agent that a client with the role agent is.

    Raises
    ------
    ConfigError
        The key is not a private signing key, or a value is out of range. Messages never show the key.
    """
    names = sorted(set(roles))
    if not 0 < len(subject) <= MAX_SUBJECT:
        raise ConfigError(f"the subject must have 1 to {MAX_SUBJECT} characters, got {len(subject)}", field="subject")
    if not names:
        raise ConfigError(f"a token without a role may do nothing: give one of {', '.join(AccessRole)}", field="role")
    if (AccessRole.AGENT in names) is not bool(agent) or len(agent) > MAX_SUBJECT:
        raise ConfigError(
            f"the role agent goes with the id of an agent, of up to {MAX_SUBJECT} characters; give both, or neither", field="agent"
        )
    if not 0 < lifetime_s <= MAX_LIFETIME_S:
        raise ConfigError(
            f"a token may last more than 0 and up to {MAX_LIFETIME_S / 3600:g} hours, got {lifetime_s / 3600:g}", field="hours"
        )
    claims = {"sub": subject, "roles": names, "aud": audience, "iat": int(now_s), "exp": int(now_s + lifetime_s)}
    if issuer:
        claims["iss"] = issuer
    if agent:
        claims["agent"] = agent
    try:
        entry = json.loads(key_text)
        key = jwt.PyJWK(entry)
        if "d" not in entry or key.algorithm_name not in ALGORITHMS:
            raise ValueError
        return jwt.encode(claims, key.key, algorithm=key.algorithm_name, headers={"kid": entry["kid"]})
    except Exception:  # the library's messages show the key
        raise ConfigError("the key is not a private JWK with an id; `simpatico token key` makes one", field="key") from None
