"""``simpatico token``: what it makes is taken by a service, and secrets are written for one pair of eyes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from simpatico.config import AccessSettings
from simpatico.server.access.principals import AccessRole, Principal
from simpatico.server.access.tokens import Keys, TokenReader, parse_keys
from tests.server.running import process

if TYPE_CHECKING:
    from tests.cli.conftest import Run
    from tests.conftest import SampleCall


@pytest.fixture
def pair(run: Run, tmp_path: Path) -> tuple[Path, Path]:
    private, public = tmp_path / "issuer.jwk", tmp_path / "keys.json"
    done = run("token", "key", "--private", private, "--public", public)
    assert done.returncode == 0, done.stderr
    assert json.loads(private.read_text("utf-8"))["d"] not in done.stdout + public.read_text("utf-8")
    return private, public


def test_a_token_that_a_service_takes(run: Run, pair: tuple[Path, Path], tmp_path: Path) -> None:
    private, public = pair
    more = ("--role", "qa", "--role", "admin", "--issuer", "here", "--audience", "there")
    done = run("token", "issue", "--key", private, "--subject", "desk", *more)
    assert done.returncode == 0, done.stderr
    reader = TokenReader(AccessSettings(audience="there", issuer="here"), Keys(public))
    assert reader.read(done.stdout.strip()) == Principal("desk", frozenset({AccessRole.QA, AccessRole.ADMIN}))
    assert private.stat().st_mode & 0o077 == 0
    assert public.stat().st_mode & 0o777 == 0o644


def test_rotation_adds_a_key_in_front(run: Run, pair: tuple[Path, Path], tmp_path: Path) -> None:
    private, public = pair
    first = json.loads(private.read_text("utf-8"))["kid"]
    assert run("token", "key", "--private", tmp_path / "second.jwk", "--public", public).returncode == 0
    kids = list(parse_keys(public.read_text("utf-8")))
    assert kids == [json.loads((tmp_path / "second.jwk").read_text("utf-8"))["kid"], first]


def test_a_service_that_asks_and_a_client_that_knows(
    run: Run, pair: tuple[Path, Path], tmp_path: Path, sample_calls: list[SampleCall]
) -> None:
    private, public = pair
    tokens = {role: tmp_path / f"{role}.token" for role in ("router", "admin")}
    for role, path in tokens.items():
        assert run("token", "issue", "--key", private, "--subject", "g", "--role", role, "--out", path).returncode == 0
        assert path.stat().st_mode & 0o777 == 0o600
    with process("simpatico", "serve", "--port", "0", "--set", f"access.keys={public}", "--realtime-factor", "inf") as (_, address):
        stream = ("stream", sample_calls[0].path, "--target", address, "--speed", 0, "--json")
        answers = {None: run(*stream)} | {role: run(*stream, "--token-file", path) for role, path in tokens.items()}
    assert [done.returncode for done in answers.values()] == [3, 0, 3]
    assert "the metadata 'authorization: Bearer TOKEN'" in answers[None].stderr
    assert "needs the role router; this client has admin" in answers["admin"].stderr
    assert json.loads(answers["router"].stdout)["call"]["duration_s"] > 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("issue", "--key", "{private}", "--subject", "x", "--role", "boss"), "there is no role 'boss'; there are router, qa"),
        (
            ("issue", "--key", "{private}", "--subject", "x", "--role", "qa", "--hours", "0"),
            "--hours: 0 is no length; a number above 0 works",
        ),
        (("issue", "--key", "{public}", "--subject", "x", "--role", "qa"), "not a private JWK"),
        (("issue", "--key", "/nowhere", "--subject", "x", "--role", "qa"), "cannot read '/nowhere'"),
        (("issue", "--key", "{private}", "--subject", "x", "--role", "qa", "--out", "{private}"), "a secret never replaces a file"),
        (("key", "--private", "{private}", "--public", "{public}"), "a secret never replaces a file"),
        (("key", "--private", "{private}2", "--public", "{private}"), "not a JWK set"),
        (("key", "--private", "{private}2", "--public", "/nowhere/keys.json"), "cannot write '/nowhere/keys.json'"),
    ],
)
def test_what_cannot_be_done_is_one_line(run: Run, pair: tuple[Path, Path], args: tuple[str, ...], words: str) -> None:
    private, public = pair
    before = private.read_bytes(), public.read_bytes()
    done = run("token", *(word.format(private=private, public=public) for word in args))
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert (private.read_bytes(), public.read_bytes()) == before
