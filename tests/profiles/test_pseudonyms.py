"""What is told from a pseudonym by its form, and what must not be."""

from __future__ import annotations

import base64
import hashlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.errors import RequestError
from simpatico.profiles.keys import MAX_CALLER_KEY_BYTES
from simpatico.profiles.pseudonyms import check_pseudonym, identifies

NUMBERS = [
    "+4930123456",
    "+49 30 1234567",
    " +1 (555) 123-4567 ",
    "+1.555.123.4567",
    "\uff0b\uff14\uff19\uff13\uff10\uff11\uff12\uff13\uff14\uff15\uff16",
    "+49\u00a030\u20111234567",
    "(030) 1234567",
    "(+49) 30 1234567",
    "030 1234567",
    "0171/1234567",
    "555-123-4567",
    "1-555-123-4567",
    "555.123.4567",
]
ADDRESSES = ["ann@example.org", "Ann Smith <ann.smith+calls@mail.example.co.uk>", "ANN@EXAMPLE.ORG", "\u00e4nn@m\u00fcller.de"]
URIS = ["tel:+4930123456", "TEL:4711", "sip:4711@pbx", "sips:ann@pbx", "mailto:ann@intranet"]
PSEUDONYMS = [
    "customer-4711",
    "4711",
    "4930123456",
    "0000100042",
    "004930123456",
    "DE-2026-000123",
    "12-345-678",
    "123-45-6789-0",
    "+4711",
    "+12345678901234567",
    "K+N 1234567",
    "ann@crm",
    "4711@tenant.7",
    "@4711",
    "hotel: 17",
    "Grüße 4711",
    "\x00\x01",
]


@pytest.mark.parametrize("key", NUMBERS)
def test_telephone_numbers_are_told(key: str) -> None:
    assert identifies(key) == "a telephone number"


@pytest.mark.parametrize("key", ADDRESSES)
def test_addresses_are_told(key: str) -> None:
    assert identifies(key) == "an e-mail address"


@pytest.mark.parametrize("key", URIS)
def test_uris_are_told(key: str) -> None:
    assert identifies(key) == "a telephone number or an address"


@pytest.mark.parametrize("key", PSEUDONYMS)
def test_pseudonyms_pass(key: str) -> None:
    assert identifies(key) is None


@given(st.binary(min_size=1, max_size=64), st.integers(0, 10**18))
def test_what_systems_make_of_customers_passes(data: bytes, number: int) -> None:
    digest = hashlib.sha256(data).digest()
    made = (
        digest.hex(),
        base64.urlsafe_b64encode(digest).decode(),
        str(uuid.UUID(bytes=digest[:16])),
        str(number),
        f"{number:020d}",
        f"C-{number}",
    )
    assert [identifies(key) for key in made] == [None] * len(made)


@given(st.integers(10**6, 10**15 - 1), st.sampled_from(["", " ", "-"]))
def test_every_international_number_is_told(number: int, between: str) -> None:
    assert identifies("+" + between.join(str(number))) == "a telephone number"


@given(st.text(max_size=MAX_CALLER_KEY_BYTES))
def test_any_text_can_be_asked_about(key: str) -> None:
    assert identifies(key) in {None, "a telephone number", "an e-mail address", "a telephone number or an address"}


def test_the_error_says_what_would_work_and_never_the_key() -> None:
    with pytest.raises(RequestError, match=r"looks like a telephone number: send a pseudonym .* callers.identifying_keys") as caught:
        check_pseudonym("+49 30 1234567", "start.caller.caller_key")
    assert caught.value.field == "start.caller.caller_key"
    assert "1234567" not in str(caught.value)
