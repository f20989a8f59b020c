"""``simpatico doctor`` on deployments that are whole, and on those that lack something."""

from __future__ import annotations

import importlib
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from simpatico.cli import deployment
from simpatico.profiles import callers
from simpatico.profiles.store import BlockingStore
from tests.cli.conftest import Command, Done
from tests.profiles.conftest import store, url  # noqa: F401  # fixtures
from tests.profiles.samples import CALLER, Clock
from tests.server.tokens import Issuer

Examine = Callable[..., Done]
RING_TEXT = "k9 " + "czEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=" + "\n"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def examine(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Examine:
    """Return a function that runs the doctor over settings ``section__name=value``, and puts each finding into one line."""
    monkeypatch.setenv("COLUMNS", "2000")
    monkeypatch.chdir(tmp_path)
    doctor = importlib.import_module("simpatico.cli.doctor")  # the package has the function by this name
    monkeypatch.setattr(doctor, "_self_test", lambda _: iter(()))  # test_commands has it

    def run(*more: object, **settings: object) -> Done:
        settings = {"server__port": 0} | settings
        done = command("doctor", *(w for k, v in settings.items() for w in ("--set", f"{k.replace('__', '.')}={v}")), *more)
        assert done.err == ""
        return Done(done.code, "\n".join(" ".join(line.split()) for line in done.out.splitlines()), done.err)

    return run


@pytest.fixture
def memory(tmp_path: Path) -> dict[str, object]:
    """Return settings of a memory beside nothing yet."""
    ring = tmp_path / "ring"
    ring.write_text(RING_TEXT)
    ring.chmod(0o600)
    folder = tmp_path / "state"
    return {
        "database__url": f"sqlite:///{tmp_path / 'simpatico.db'}",
        "database__secrets": ring,
        "database__spool": folder / "spool.db",
        "database__anchors": folder / "anchors",
    }


def certificate(folder: Path, begin: datetime, end: datetime) -> dict[str, object]:
    """Write a certificate of its own making and its key; return the settings that name them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, end).sign(key, hashes.SHA256())
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(*private))
    (folder / "key.pem").chmod(0o600)
    return {"tls__certificate": folder / "certificate.pem", "tls__key": folder / "key.pem"}


def test_a_whole_deployment(
    examine: Examine,
    memory: dict[str, object],
    url: str,  # noqa: F811
    store: BlockingStore,  # noqa: F811
    tmp_path: Path,
) -> None:
    tls = certificate(tmp_path, datetime.now(UTC) - timedelta(1), datetime.now(UTC) + timedelta(99))
    done = examine(**(memory | tls | {"database__url": url, "access__keys": Issuer().public(tmp_path / "keys.json")}))
    assert done.code == 0, done.out
    for line in (
        "ok address 127.0.0.1:0 is free",
        f"ok tls.certificate valid until {datetime.now(UTC) + timedelta(99):%Y-%m-%d}",
        f"ok access.keys '{tmp_path}/keys.json' can be used",
        "ok database.secrets key k9 is active; 1 held",
        "this build's",
        "ok clock ",
        f"ok database.spool '{tmp_path}/state/spool.db' can be written",
        f"ok database.anchors '{tmp_path}/state/anchors' can be written",
    ):
        assert line in done.out
    assert "note" not in done.out.replace("note database.", ""), "but for a disk that is nearly full"
    assert not (tmp_path / "state").exists(), "it changes nothing"


def test_before_the_first_start(examine: Examine, memory: dict[str, object], tmp_path: Path) -> None:
    done = examine(**memory)
    assert done.code == 0, done.out
    assert f"note tables none yet: '{tmp_path}/simpatico.db' is made when the service starts" in done.out
    assert "note access control none" in done.out
    assert "ok TLS none: plain text" in done.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ring"]


def test_what_may_be_wrong_is_noted(examine: Examine, memory: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ring").chmod(0o644)
    monkeypatch.setattr(deployment, "LOW_DISK_BYTES", float("inf"))
    tls = certificate(tmp_path, datetime.now(UTC) - timedelta(1), datetime.now(UTC) + timedelta(9))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = examine(**memory, **tls, server__port=port, server__routing_port=port)
    assert done.code == 0, done.out
    for line in (
        f"note address 127.0.0.1:{port} is in use: by this service if it runs now, else choose another server.port",
        f"note address of rankings 127.0.0.1:{port} is in use: by this service if it runs now, else choose another server.routing_port",
        f"note database.secrets '{tmp_path}/ring' can be read or written by every account (mode 644): chmod 640 or 600",
        "note tls.certificate valid until",
        "note database.spool",
    ):
        assert line in done.out


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"limits__cals": 1}, "FAIL settings setting 'limits.cals' is unknown; did you mean 'limits.calls'"),
        ({"server__host": "203.0.113.7"}, "FAIL address host '203.0.113.7' can be reached from other machines"),
        (
            {"server__host": "203.0.113.7", "server__allow_insecure": "true", "access__dangerously_let_anyone_in": "true"},
            "FAIL address cannot listen on 203.0.113.7:0: Cannot assign requested address; choose another server.host",
        ),
        ({"tls__certificate": "none.pem", "tls__key": "none.key"}, "FAIL TLS cannot read tls.certificate 'none.pem': No such file"),
        ({"access__keys": "none.json"}, "FAIL access control cannot read access.keys 'none.json': No such file"),
        ({"database__secrets": "none"}, "FAIL memory cannot read database.secrets 'none': No such file"),
        ({"database__url": "postgresql://nobody@127.0.0.1:1/x"}, "FAIL memory the database cannot be reached (ConnectionRefusedError"),
        ({"database__url": "mysql://x"}, "FAIL memory database.url is of 'mysql'; use sqlite:///"),
        ({"database__url": "sqlite:///ring/x.db"}, "FAIL memory there is no folder for the database 'ring/x.db'; make it first"),
        ({"database__url": "sqlite:///."}, "FAIL memory database.url '.' cannot be written: Is a directory; give"),
        ({"database__spool": "ring/spool.db"}, "FAIL memory database.spool 'ring/spool.db' cannot be written: Not a directory; give"),
        ({"database__anchors": "."}, "FAIL memory database.anchors '.' cannot be written: Is a directory; give the service's account"),
    ],
)
def test_what_is_wrong_fails(examine: Examine, memory: dict[str, object], settings: dict[str, object], words: str) -> None:
    done = examine(**(memory | settings))
    assert done.code == 1
    assert words in done.out
    assert done.out.count("FAIL") == 1
    assert "ok model bundle" in done.out, "the rest is looked at all the same"


def test_a_certificate_that_is_over(examine: Examine, tmp_path: Path) -> None:
    done = examine(**certificate(tmp_path, datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)))
    assert done.code == 1
    assert "FAIL TLS tls.certificate is valid from 2025-01-01 to 2026-01-01, and now it is" in done.out


def test_tables_of_another_build(examine: Examine, memory: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "simpatico.db").touch()
    done = examine(**memory)
    assert done.code == 1
    assert "FAIL memory the database's tables are of revision None, this build needs" in done.out
    assert "run: simpatico database upgrade" in done.out


def test_callers_under_a_key_that_is_gone(
    examine: Examine,
    memory: dict[str, object],
    url: str,  # noqa: F811
    store: BlockingStore,  # noqa: F811
) -> None:
    store.write("router", callers.grant, CALLER)
    key_id = store.store._ring.active
    done = examine(**(memory | {"database__url": url}))
    assert done.code == 1
    assert f"FAIL memory 1 callers stand under keys that database.secrets lacks ({key_id}): put them back into it" in done.out


def test_a_database_whose_clock_is_wrong(
    examine: Examine,
    memory: dict[str, object],
    url: str,  # noqa: F811
    store: BlockingStore,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from simpatico.profiles import clocks

    told = clocks.database_time_s
    monkeypatch.setattr(clocks, "database_time_s", lambda work: told(work) - 60.0)
    done = examine(**(memory | {"database__url": url}))
    assert done.code == 1
    assert "FAIL memory the database's clock is -60 s from this machine's: let both keep network time" in done.out
