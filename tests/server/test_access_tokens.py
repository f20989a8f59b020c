"""Bearer tokens: which are believed, which keys are taken, and that nothing of either is told."""

from __future__ import annotations

import base64
import json
import logging
import os
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from simpatico.config import AccessSettings
from simpatico.errors import ConfigError, UnauthenticatedError
from simpatico.server.access.issuing import issue, new_key, public_half, thumbprint, with_key
from simpatico.server.access.principals import AccessRole, Principal
from simpatico.server.access.tokens import LOOK_S, MAX_KEYS, MAX_TOKEN_CHARS, Keys, TokenReader, parse_keys
from tests.server.running import Clock
from tests.server.tokens import SUBJECT, Issuer

ISSUER = Issuer()


def reader_of(path: Path, **settings: Any) -> TokenReader:
    return TokenReader(AccessSettings(keys=path, **settings), Keys(path))


@pytest.fixture
def reader(tmp_path: Path) -> TokenReader:
    return reader_of(ISSUER.public(tmp_path / "keys.json"))


def test_a_good_token(reader: TokenReader) -> None:
    assert reader.read(ISSUER.token("qa", "router")) == Principal(SUBJECT, frozenset({AccessRole.QA, AccessRole.ROUTER}))


def test_roles_that_are_not_known_are_passed_over(reader: TokenReader) -> None:
    assert reader.read(ISSUER.odd(roles=["emperor", "qa", 3, ["admin"]])).roles == {AccessRole.QA}
    assert reader.read(ISSUER.odd(drop="roles")).roles == frozenset()


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned() -> str:
    claims = {"sub": SUBJECT, "roles": ["admin"], "aud": "simpatico", "exp": int(time.time()) + 600}
    return f"{segment({'alg': 'none', 'kid': ISSUER.key['kid']})}.{segment(claims)}."


def by_the_public_key_as_a_secret() -> str:
    """Return the classic confusion: HMAC with what everybody may know."""
    public = base64.urlsafe_b64decode(ISSUER.key["x"] + "=")
    claims = {"sub": SUBJECT, "roles": ["admin"], "aud": "simpatico", "exp": int(time.time()) + 600}
    return jwt.encode(claims, public, algorithm="HS256", headers={"kid": ISSUER.key["kid"]})


def with_another_payload() -> str:
    head, _, signature = ISSUER.token("qa").split(".")
    return f"{head}.{ISSUER.token('admin').split('.')[1]}.{signature}"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ISSUER.token(now_s=time.time() - 7200), "has expired"),
        (lambda: ISSUER.odd(nbf=int(time.time()) + 120), "not valid yet"),
        (lambda: ISSUER.odd(iat=int(time.time()) + 120), "not valid yet"),
        (lambda: ISSUER.token(audience="elsewhere"), "another audience"),
        (lambda: ISSUER.odd(drop="exp"), "lacks one of the claims"),
        (lambda: ISSUER.odd(drop="sub"), "lacks one of the claims"),
        (lambda: ISSUER.odd(drop="aud"), "lacks one of the claims"),
        (lambda: ISSUER.odd(sub="x" * 257), "names no subject"),
        (lambda: ISSUER.odd(sub=""), "names no subject"),
        (lambda: ISSUER.odd(roles="admin"), "roles that are not a list"),
        (lambda: ISSUER.odd(exp=float("inf")), "not a token that can be read"),
        (lambda: ISSUER.odd(exp="soon"), "not a token that can be read"),
        (lambda: Issuer().token("admin"), "signed by no key"),
        (lambda: Issuer().odd(kid=ISSUER.key["kid"]), "signature that does not fit"),
        (with_another_payload, "signature that does not fit"),
        (unsigned, "another algorithm"),
        (by_the_public_key_as_a_secret, "another algorithm"),
        (lambda: "x" * (MAX_TOKEN_CHARS + 1), "has 4097 characters"),
        (lambda: ISSUER.token() + "A" * MAX_TOKEN_CHARS, "at most 4096"),
        (lambda: f"{base64.urlsafe_b64encode(b'[' * 2000).decode()}.e30.x", "not a token that can be read"),
        (lambda: "", "not a token that can be read"),
        (lambda: "a.b.c", "not a token that can be read"),
    ],
)
def test_tokens_that_are_not_believed(reader: TokenReader, make: Any, message: str) -> None:
    text = make()
    with pytest.raises(UnauthenticatedError, match=message) as caught:
        reader.read(text)
    assert caught.value.field == "authorization"
    assert caught.value.__cause__ is None
    for part in text.split("."):
        assert len(part) < 8 or part not in str(caught.value)


def test_a_little_difference_between_clocks_is_borne(tmp_path: Path) -> None:
    path = ISSUER.public(tmp_path / "keys.json")
    ended = ISSUER.odd(exp=int(time.time()) - 5)
    assert reader_of(path, leeway_s=30.0).read(ended).subject == SUBJECT
    with pytest.raises(UnauthenticatedError, match="has expired"):
        reader_of(path, leeway_s=0.0).read(ended)


def test_the_issuer_when_one_is_set(tmp_path: Path) -> None:
    reader = reader_of(ISSUER.public(tmp_path / "keys.json"), issuer="https://id.example")
    assert reader.read(ISSUER.odd(iss="https://id.example")).subject == SUBJECT
    with pytest.raises(UnauthenticatedError, match="another issuer"):
        reader.read(ISSUER.odd(iss="https://id.example.org"))
    with pytest.raises(UnauthenticatedError, match="lacks one of the claims"):
        reader.read(ISSUER.odd())


@given(st.one_of(st.text(max_size=60), st.binary(max_size=60).map(lambda b: base64.urlsafe_b64encode(b).decode() + ".e30.")))
def test_no_text_is_believed_or_breaks_anything(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz-keys.json"
    if not path.exists():
        ISSUER.public(path)
    with pytest.raises(UnauthenticatedError):
        reader_of(path).read(text)


def test_rotation_without_a_restart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    clock, path, new = Clock(), tmp_path / "keys.json", Issuer()
    keys = Keys(ISSUER.public(path), clock)
    reader = TokenReader(AccessSettings(keys=path), keys)

    def both() -> list[bool]:
        clock.now_s += LOOK_S
        answers = []
        for who in (ISSUER, new):
            try:
                answers.append(bool(reader.read(who.token())))
            except UnauthenticatedError:
                answers.append(False)
        return answers

    assert both() == [True, False]
    new.public(path, others=path.read_text("utf-8"))
    assert both() == [True, True]
    path.write_text("{", "utf-8")
    assert both() == [True, True], "a file that cannot be read leaves the keys as they were"
    path.unlink()
    assert both() == [True, True]
    new.public(path)
    assert both() == [False, True]
    assert [record.levelname for record in caplog.records if "keys of tokens" in record.message] == ["INFO", "ERROR", "ERROR", "INFO"]
    assert all(who.key[member] not in caplog.text for who in (ISSUER, new) for member in ("x", "d"))


def test_a_token_without_a_key_id_is_for_the_only_key(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    bare = jwt.encode({"sub": "s", "aud": "simpatico", "exp": int(time.time()) + 60}, jwt.PyJWK(ISSUER.key).key, algorithm="EdDSA")
    assert reader_of(ISSUER.public(path)).read(bare).subject == "s"
    with pytest.raises(UnauthenticatedError, match="signed by no key"):
        reader_of(Issuer().public(path, others=path.read_text("utf-8"))).read(bare)


def rsa_key(bits: int = 2048) -> dict[str, Any]:
    made = RSAAlgorithm.to_jwk(rsa.generate_private_key(public_exponent=65537, key_size=bits), as_dict=True)
    return {"kid": "rsa", **made}


def ec_key() -> dict[str, Any]:
    return {"kid": "ec", **ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)}


@pytest.mark.parametrize("key", [rsa_key(), ec_key(), {**rsa_key(), "alg": "PS256"}, new_key()])
def test_keys_of_every_kind(tmp_path: Path, key: dict[str, Any]) -> None:
    path = tmp_path / "keys.json"
    key = {name: value for name, value in key.items() if name != "key_ops"}
    path.write_text(json.dumps({"keys": [public_half(key)]}), "utf-8")
    token = issue(json.dumps(key), subject=SUBJECT, roles=[AccessRole.QA], now_s=time.time(), lifetime_s=60.0)
    assert reader_of(path).read(token).roles == {AccessRole.QA}


PUBLIC = public_half(ISSUER.key)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a JWK set"),
        ("[" * 100_000, "not a JWK set"),
        ('{"keys": 3}', "not a JWK set"),
        ("[]", "not a JWK set"),
        ('{"keys": []}', "holds no key"),
        (json.dumps({"keys": [{**PUBLIC, "use": "enc"}]}), "holds no key"),
        (json.dumps({"keys": [3]}), "key 0 has no id"),
        (json.dumps({"keys": [{**PUBLIC, "kid": ""}]}), "key 0 has no id"),
        (json.dumps({"keys": [PUBLIC, PUBLIC]}), "two keys have the id"),
        (json.dumps({"keys": [ISSUER.key]}), "is secret; put its public half"),
        (json.dumps({"keys": [{"kid": "s", "kty": "oct", "k": "c2VjcmV0"}]}), "is secret"),
        (json.dumps({"keys": [{**PUBLIC, "x": "AA"}]}), "cannot be used as a public key"),
        (json.dumps({"keys": [{**PUBLIC, "alg": "none"}]}), "cannot be used as a public key"),
        (json.dumps({"keys": [{**public_half(rsa_key()), "alg": "RS512"}]}), "is for RS512"),
        (json.dumps({"keys": [public_half(rsa_key(1024))]}), "has 1024 bits"),
        (json.dumps({"keys": [{**PUBLIC, "kid": str(n)} for n in range(MAX_KEYS + 1)]}), "has 65 keys"),
    ],
)
def test_keys_that_are_not_taken(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        parse_keys(text)
    assert caught.value.field == "access.keys"
    assert ISSUER.key["d"] not in str(caught.value)


@pytest.mark.parametrize(("content", "message"), [(None, "No such file"), (b"\xff\xfe", "not text"), (b" " * (1 << 20) + b"{}", "larger")])
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "keys.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        Keys(path)


def test_the_file_is_not_looked_at_for_every_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ISSUER.public(tmp_path / "keys.json")
    clock = Clock()
    keys = Keys(path, clock)
    looked = []
    real = Path.stat
    monkeypatch.setattr(Path, "stat", lambda self, **more: looked.append(self) or real(self, **more))
    for _ in range(10):
        assert keys.find(ISSUER.key["kid"]) is not None
    assert looked == []
    clock.now_s += LOOK_S
    keys.find(None)
    assert looked == [path]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"subject": ""}, "1 to 256 characters, got 0"),
        ({"roles": []}, "without a role"),
        ({"lifetime_s": 0.0}, "up to 8784 hours, got 0"),
        ({"lifetime_s": 3.2e7}, "up to 8784 hours"),
        ({"lifetime_s": float("nan")}, "up to 8784 hours, got nan"),
        ({"key_text": "{}"}, "not a private JWK"),
        ({"key_text": json.dumps(PUBLIC)}, "not a private JWK"),
        ({"key_text": "no JSON"}, "not a private JWK"),
    ],
)
def test_tokens_that_are_not_issued(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"key_text": json.dumps(ISSUER.key), "subject": "s", "roles": [AccessRole.QA], "now_s": 0.0, "lifetime_s": 60.0}
    assert issue(**good)
    with pytest.raises(ConfigError, match=message) as caught:
        issue(**{**good, **change})
    assert ISSUER.key["d"] not in str(caught.value)


def test_a_key_is_named_by_its_thumbprint() -> None:
    # The key and thumbprint of RFC 8037, appendix A.3.
    key = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert thumbprint(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_set_that_cannot_be_used_gets_no_key() -> None:
    with pytest.raises(ConfigError, match="not a JWK set"):
        with_key("[]", new_key())


def test_os_errors_are_not_hidden(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    path = ISSUER.public(tmp_path / "keys.json")
    path.chmod(0)
    with pytest.raises(ConfigError, match="Permission denied"):
        Keys(path)
