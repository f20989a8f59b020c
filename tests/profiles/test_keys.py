"""Pseudonymous keys: against the textbook, through a rotation, and against nonsense."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.errors import KeyRingError, RequestError
from simpatico.profiles.keys import KeyRing, parse_key_ring

OLD, NEW = b"o" * 32, b"n" * 32


def rfc2104(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA-256 from its definition."""
    key = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key) + data).digest()
    return hashlib.sha256(bytes(b ^ 0x5C for b in key) + inner).digest()


def test_a_key_is_an_hmac_under_a_derived_secret() -> None:
    (ref,) = KeyRing({"k1": OLD}).refs("customer 4711")
    assert (ref.key_id, ref.digest) == ("k1", rfc2104(rfc2104(OLD, b"simpatico/caller"), b"customer 4711").hex())


def test_the_active_secret_comes_first_and_old_ones_still_recognise() -> None:
    before = KeyRing({"k1": OLD}).refs("a")[0]
    ring = KeyRing({"k2": NEW, "k1": OLD})
    assert ring.active == "k2"
    assert [ref.key_id for ref in ring.refs("a")] == ["k2", "k1"]
    assert ring.refs("a")[1] == before
    assert ring.refs("a")[0].digest != before.digest


def test_uses_do_not_share_keys() -> None:
    ring = KeyRing({"k1": OLD})
    assert ring.mac("caller", b"a").hex() == ring.refs("a")[0].digest
    assert ring.mac("audit", b"a") != ring.mac("caller", b"a")
    assert ring.mac("audit", b"a") == hmac.digest(hmac.digest(OLD, b"simpatico/audit", "sha256"), b"a", "sha256")


@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60))
def test_different_callers_have_different_keys(a: str, b: str) -> None:
    ring = KeyRing({"k1": OLD})
    try:
        same = ring.refs(a) == ring.refs(b)
    except RequestError:
        return
    assert same == (a == b)


@pytest.mark.parametrize("key", ["", "x" * 257, "é" * 129, "\ud800"])
def test_keys_that_cannot_be(key: str) -> None:
    with pytest.raises(RequestError, match="caller_key") as info:
        KeyRing({"k1": OLD}).refs(key)
    assert info.value.field == "caller_key"


def test_ten_megabytes_are_refused_by_length_and_not_repeated() -> None:
    with pytest.raises(RequestError, match="has 10485760 characters") as info:
        KeyRing({"k1": OLD}).refs("0123456789" * (1 << 20))
    assert len(str(info.value)) < 200
    assert "0123456789" not in str(info.value)


@pytest.mark.parametrize(
    ("secrets", "match"),
    [
        ({}, "holds no secret"),
        ({"k1": b"short"}, "has 5 bytes; it needs at least 32"),
        ({"two words": OLD}, "must be 1 to 32 letters"),
        ({"k1": OLD, "k2": OLD}, "are the same"),
    ],
)
def test_rings_that_cannot_be(secrets: dict[str, bytes], match: str) -> None:
    with pytest.raises(KeyRingError, match=match):
        KeyRing(secrets)


def test_a_secret_that_is_not_held() -> None:
    with pytest.raises(KeyRingError, match="does not hold 'k9'; it holds k1"):
        KeyRing({"k1": OLD}).mac("audit", b"", key_id="k9")


def test_a_ring_never_shows_its_secrets() -> None:
    shown = repr(KeyRing({"k1": b"sesame" * 8}))
    assert "sesame" not in shown
    assert "k1" in shown


def test_a_ring_is_read_from_text() -> None:
    text = f"# rotated in November\n\nk2 {base64.b64encode(NEW).decode()}\nk1 {base64.b64encode(OLD).decode()}\n"
    assert parse_key_ring(text).refs("a") == KeyRing({"k2": NEW, "k1": OLD}).refs("a")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("k1", "line 1 of the key ring has 1 words"),
        ("k1 !!!!", "line 1 of the key ring is not base64"),
        ("\nk1 AAAA\nk1 AAAA", "line 3.*again"),
    ],
)
def test_text_that_is_no_ring(text: str, match: str) -> None:
    with pytest.raises(KeyRingError, match=match):
        parse_key_ring(text)
