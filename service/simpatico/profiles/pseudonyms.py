"""Is a caller's key a pseudonym? Told by its form alone, and only where the form leaves no doubt. Pure.

A telephone number or an e-mail address is no pseudonym: it leads to a person without anybody's records, all numbers there are can be hashed
once a secret has leaked, and it is handed on: a number to its next owner, a family's to whoever calls. Names cannot be told from
other words, and digits alone are as well a customer number: those are left to whoever chooses the keys.
"""

from __future__ import annotations

import re
import unicodedata

from simpatico.errors import RequestError

__all__ = ["check_pseudonym", "identifies"]

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^\W\d_]{2,}")
"""A mailbox at a domain name (RFC 5321), wherever it stands; the top of the domain is letters."""
_SCHEME = re.compile(r"(?:tel|sips?|callto|mailto|whatsapp):")
"""RFC 3966 and 3261, and what desktops register."""
_NUMBER = re.compile(
    r"""\+ .*                                 # +49 30 1234567: international, as in ITU-T E.123
      | \( \+? \d{1,5} \) .*                 # (030) 1234567
      | 0\d* [ /] .*                         # 030 1234567, 030/1234567
      | (?: 1[-. ] )? \d{3} ([-. ]) \d{3} \1 \d{4}  # 555-123-4567, North America
    """,
    re.VERBOSE,
)
_NUMBER_CHARACTERS = re.compile(r"[\d +()/.\-]*")
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")
NUMBER_DIGITS = range(7, 16)
"""Of a telephone number: at most 15 (ITU-T E.164); below 7 nobody can be called from elsewhere."""


def identifies(caller_key: str) -> str | None:
    """Return what a key looks like that leads to a person without the tenant's records; None for a pseudonym.

    Parameters
    ----------
    caller_key
        At most some hundreds of characters.
    """
    text = " ".join(unicodedata.normalize("NFKC", caller_key).translate(_DASHES).casefold().split())
    if _ADDRESS.search(text):
        return "an e-mail address"
    if _SCHEME.match(text):
        return "a telephone number or an address"
    digits = sum(character.isdigit() for character in text)
    if digits in NUMBER_DIGITS and _NUMBER_CHARACTERS.fullmatch(text) and _NUMBER.fullmatch(text):
        return "a telephone number"
    return None


def check_pseudonym(caller_key: str, field: str = "caller_key") -> None:
    """Refuse a key that leads to a person by itself.

    Raises
    ------
    RequestError
        The message says what it looks like and never repeats it.
    """
    looks_like = identifies(caller_key)
    if looks_like is not None:
        raise RequestError(
            f"caller_key looks like {looks_like}: send a pseudonym that leads to nobody without your own records, such as a customer "
            'number; where pseudonyms do look like this, set callers.identifying_keys to "accept"',
            field=field,
        )
