"""What the page on operations tells people to type works: run as it stands there."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer

from bench.outages.postgres import POSTGRES
from simpatico.cli import app
from simpatico.client import AnalysisClient, ClientTls, Final
from simpatico.errors import RemoteError
from simpatico.profiles import audit, callers, operations
from simpatico.profiles.keys import parse_key_ring
from simpatico.profiles.store import BlockingStore
from tests.profiles.samples import CALLER, RING
from tests.server.calls import begin, cut, noise
from tests.server.running import Start

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "operations.md").read_text("utf-8")


def block(contains: str, kind: str = "sh") -> str:
    """Return the only code block of a kind that contains a text."""
    (found,) = [text for text in re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL) if contains in text]
    return str(found)


def shell(text: str, folder: Path, **environment: str) -> str:
    """Run what a person would type, in a folder."""
    path = f"{POSTGRES}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder, env={**os.environ, "PATH": path, **environment}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def needs(program: str) -> None:
    if not shutil.which(program, path=f"{POSTGRES}:{os.environ['PATH']}"):
        pytest.skip(f"{program} is not installed")


def test_a_key_ring_is_made_and_rotated(tmp_path: Path) -> None:
    needs("openssl")
    for _ in range(2):
        (found,) = {line for text in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in text.splitlines() if "> secrets)" in line}
        shell(found, tmp_path)
    assert parse_key_ring((tmp_path / "secrets").read_text()).key_ids == ("2026-11",)
    shell(block("secrets.new"), tmp_path)
    assert parse_key_ring((tmp_path / "secrets").read_text()).key_ids == ("2027-02", "2026-11")
    assert oct((tmp_path / "secrets").stat().st_mode & 0o777) == "0o600"


async def test_certificates_of_an_own_authority_let_the_gateway_in_and_nobody_else(start: Start, tmp_path: Path) -> None:
    needs("openssl")
    await asyncio.to_thread(shell, block("openssl req -x509"), tmp_path)
    (tmp_path / "roles.toml").write_text(block("# roles.toml", "toml"))
    server = await start(
        tls__certificate=str(tmp_path / "server.pem"),
        tls__key=str(tmp_path / "server.key"),
        tls__client_ca=str(tmp_path / "authority.pem"),
        access__certificates=str(tmp_path / "roles.toml"),
    )
    address = server.address.replace("127.0.0.1", "localhost")
    own = {"certificate": tmp_path / "gateway.pem", "key": tmp_path / "gateway.key"}
    samples = noise(1.0)
    async with AnalysisClient(address, tls=ClientTls(authority=tmp_path / "authority.pem", **own)) as client, client.stream() as stream:
        await begin(stream, "a", options={"no_interims": True})
        await stream.send(cut("a", samples))
        await stream.end("a")
        await stream.close()
        assert [update.call_id for update in [u async for u in stream] if isinstance(update, Final)] == ["a"]
    async with AnalysisClient(address, tls=ClientTls(authority=tmp_path / "authority.pem")) as nobody:
        with pytest.raises(RemoteError, match="UNAVAILABLE"):
            await nobody.analyze_recording(bytes(8000), call_id="x", raw=("f32", 8000, 1))


def filled(url: str, anchors: Path) -> None:
    with BlockingStore(url, RING) as store:
        store.write("router", callers.grant, CALLER)
        store.run(operations.anchor(store.store, anchors))


def check_restored(url: str, folder: Path) -> None:
    """What came after the backup is not there, the check says so, and goes on with new anchors."""
    with BlockingStore(url, RING) as store:
        assert store.read(callers.lookup, CALLER).caller_id is not None
        assert store.read(callers.lookup, "later").caller_id is None
        faults = store.read(audit.verify_log, audit.read_anchors(folder / "anchors")).faults
        assert [fault.kind for fault in faults] == ["truncated"]
        shell(block("anchors-until"), folder)
        store.run(operations.anchor(store.store, folder / "anchors"))
        assert store.read(audit.verify_log, audit.read_anchors(folder / "anchors")).ok


def after_the_backup(url: str, folder: Path) -> None:
    with BlockingStore(url, RING) as store:
        store.write("router", callers.grant, "later")
        store.run(operations.anchor(store.store, folder / "anchors"))


def test_sqlite_is_backed_up_while_it_is_used_and_restored(tmp_path: Path) -> None:
    needs("sqlite3")
    url = f"sqlite:///{tmp_path}/simpatico.db"
    filled(url, tmp_path / "anchors")
    with BlockingStore(url, RING):
        shell(block("VACUUM INTO"), tmp_path)
    after_the_backup(url, tmp_path)
    shell(block("cp backup.db"), tmp_path)
    check_restored(url, tmp_path)


def test_postgresql_is_backed_up_while_it_is_used_and_restored(postgres_url: str, tmp_path: Path) -> None:
    needs("pg_dump")
    url = postgres_url
    filled(url, tmp_path / "anchors")
    with BlockingStore(url, RING):
        shell(block("pg_dump"), tmp_path, DATABASE_URL=url)
    after_the_backup(url, tmp_path)
    shell(block("pg_restore"), tmp_path, DATABASE_URL=url)
    check_restored(url, tmp_path)


COMMAND = re.compile(r"(?:^|[ /;(])simpatico ([^\n]*)$", re.MULTILINE)


def shell_blocks(page: Path) -> list[str]:
    """Return what a shell, cron or systemd reads."""
    blocks = re.findall(r"^```([a-z]*)\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [text for kind, text in blocks if kind in ("", "sh", "ini")]


def test_examples_are_found() -> None:
    found = [line.split() for text in shell_blocks(DOCS / "operations.md") for line in COMMAND.findall(text)]
    assert {("audit", "verify"), ("token", "issue")} <= {tuple(words[:2]) for words in found}
    assert [words[0] for words in found].count("purge") == 2, "cron's and systemd's"


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda path: str(path.name))
def test_commands_in_examples_exist_with_their_options(page: Path) -> None:
    root = typer.main.get_command(app)
    for text in shell_blocks(page):
        for line in COMMAND.findall(text):
            found: Any = root
            for word in line.split():
                if not getattr(found, "commands", None):
                    break
                assert word in found.commands, f"simpatico {line}"
                found = found.commands[word]
            known = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
            said = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", line.partition("#")[0])) - {"--help"}
            assert said <= known, f"simpatico {line}: {sorted(said - known)}"


def test_every_setting_in_an_example_is_one(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "simpatico", "serve", "--show-config"], capture_output=True, text=True, timeout=300, check=True
    ).stdout
    known = {f"{table}.{key}" for table, keys in tomllib.loads(shown).items() for key in keys}
    known |= {f"{table}.{key}" for table, key in re.findall(r"^\[(\w+)\](?:.(?!^\[))*?^# (\w+) =$", shown, re.MULTILINE | re.DOTALL)}
    for page in DOCS.glob("*.md"):
        for key in re.findall(r"--set ([a-z_]+\.[a-z_]+)=", page.read_text("utf-8")):
            assert key in known or f"# {key.partition('.')[2]} =" in shown, f"{page.name}: {key}"
