"""Client certificates: the names in them -> roles, from a TOML file.

::

    [roles]
    "gateway.example.org" = ["router"]

TLS has checked the certificate against ``tls.client_ca`` before; here it is only asked what its holder may do. A certificate is known by
its subject alternative names; by its common name only when it has none (RFC 6125, section 6.4.4). Roles of several names add up. The
name of a certificate with the role agent is the agent's id.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from simpatico.errors import ConfigError
from simpatico.server.access.principals import MAX_SUBJECT, AccessRole, Principal

__all__ = ["principal_of", "read_certificates"]

_ALTERNATIVE, _COMMON = "x509_subject_alternative_name", "x509_common_name"
_SHOWN = ", ".join(AccessRole)


def read_certificates(path: Path) -> dict[str, frozenset[AccessRole]]:
    """Return roles by name.

    Raises
    ------
    ConfigError
        The file cannot be read, names nobody, or gives a role that there is not.
    """
    try:
        tree = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise _bad(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _bad(f"{str(path)!r} is not TOML: {error}") from error
    roles = tree.get("roles")
    if set(tree) != {"roles"} or not isinstance(roles, dict) or not roles:
        raise _bad(f'{str(path)!r} needs one table, [roles], with entries such as "gateway.example.org" = ["router"]')
    return {name: _roles(name, given) for name, given in roles.items()}


def _roles(name: str, given: object) -> frozenset[AccessRole]:
    if not isinstance(given, list) or not given or not all(isinstance(role, str) for role in given):
        raise _bad(f'{name!r} needs a list of roles, for instance ["router"]')
    unknown = [role for role in given if role not in set(AccessRole)]
    if unknown:
        raise _bad(f"{name!r} has the role {unknown[0]!r}; there are {_SHOWN}")
    return frozenset(AccessRole(role) for role in given)


def _bad(why: str) -> ConfigError:
    return ConfigError(f"access.certificates: {why}", field="access.certificates")


def principal_of(peer: Mapping[str, Iterable[bytes]], roles: Mapping[str, frozenset[AccessRole]]) -> Principal | None:
    """Return who holds the certificate, as gRPC's auth context describes it; None when there is none with a name.

    A certificate whose names are not in the file has no roles.
    """
    names = [name.decode("utf-8", "replace") for name in peer.get(_ALTERNATIVE, ()) or peer.get(_COMMON, ())]
    if not names:
        return None
    known = next((name for name in names if name in roles), names[0])
    found: frozenset[AccessRole] = frozenset().union(*(roles.get(name, frozenset()) for name in names))
    return Principal(known[:MAX_SUBJECT], found, known[:MAX_SUBJECT] if AccessRole.AGENT in found else "")
