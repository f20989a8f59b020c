"""Keys and tokens that tests make."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jwt

from simpatico.server.access.issuing import issue, new_key, with_key
from simpatico.server.access.principals import AccessRole

SUBJECT = "gateway-1"


class Issuer:
    """Who makes tokens: one key, whose public half it can write down."""

    def __init__(self) -> None:
        self.key = new_key()

    def public(self, path: Path, others: str = "") -> Path:
        """Write the JWK set that a service reads."""
        path.write_text(with_key(others, self.key), "utf-8")
        return path

    def token(self, *roles: str, lifetime_s: float = 600.0, now_s: float | None = None, audience: str = "simpatico") -> str:
        """Return a token that is good unless the arguments say otherwise."""
        now_s = time.time() if now_s is None else now_s
        given = [AccessRole(role) for role in roles or ("router",)]
        agent = SUBJECT if AccessRole.AGENT in given else ""
        return issue(json.dumps(self.key), subject=SUBJECT, roles=given, now_s=now_s, lifetime_s=lifetime_s, audience=audience, agent=agent)

    def odd(self, *, drop: str = "", kid: str | None = None, **claims: Any) -> str:
        """Return a token that is signed well and says what one should not say."""
        said = {"sub": SUBJECT, "roles": ["router"], "aud": "simpatico", "exp": int(time.time()) + 600} | claims
        said.pop(drop, None)
        headers = {"kid": self.key["kid"] if kid is None else kid}
        return jwt.encode(said, jwt.PyJWK(self.key).key, algorithm="EdDSA", headers=headers)
