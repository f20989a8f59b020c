"""Settings: what wins, what is refused, and that every key is documented."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.config import OTHER_VARIABLES, keys, load_settings, without_password
from simpatico.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("SIMPATICO_"):
            monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file that sets two keys."""
    path = tmp_path / "simpatico.toml"
    path.write_text('[server]\nport = 1001\nhost = "::1"\n[limits]\ncalls = 11\nrealtime_factor = inf\n')
    return path


def test_the_defaults_are_safe() -> None:
    settings = load_settings()
    assert settings.server.host == "127.0.0.1"
    assert not settings.server.allow_insecure
    assert settings.limits.realtime_factor == 2.0


def test_command_line_over_environment_over_file_over_default(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPATICO_SERVER__PORT", "1002")
    monkeypatch.setenv("SIMPATICO_LIMITS__CALLS", "12")
    settings = load_settings(file, {"limits.calls": 13, "limits.recordings": None})
    assert (settings.server.host, settings.server.port, settings.limits.calls) == ("::1", 1002, 13)
    assert (settings.limits.realtime_factor, settings.limits.recordings) == (float("inf"), 4)


def test_the_file_may_be_named_by_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPATICO_CONFIG", str(file))
    monkeypatch.setenv("SIMPATICO_SIMD", "portable")
    assert load_settings().server.port == 1001


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("[server]\nprt = 1", "server.prt", "'server.prt' is unknown; did you mean 'server.port'"),
        ("[servers]\nport = 1", "servers", "'servers' is unknown"),
        ("port = 1", "port", "'port' is unknown"),
        ("server = 3", "server", "'server' is 3: .*dictionary"),
        ("[server]\nport = 65536", "server.port", "'server.port' is 65536: .* less than or equal to 65535"),
        ('[limits]\ncalls = "many"', "limits.calls", "'limits.calls' is 'many': .* integer"),
        ("[limits]\nrealtime_factor = nan", "limits.realtime_factor", "is nan: .* greater than or equal to 1"),
        ("[limits]\ntrack_skew_s = inf", "limits.track_skew_s", "is inf: .* less than or equal to 3600"),
        ("[limits]\ninterim_period_s = inf", "limits.interim_period_s", "is inf: .* less than or equal to 3600"),
        ("[keepalive]\nping_s = inf", "keepalive.ping_s", "is inf: .* less than or equal to 86400"),
        ("[keepalive]\nping_timeout_s = nan", "keepalive.ping_timeout_s", "is nan: "),
        ("[keepalive]\nclient_ping_s = inf", "keepalive.client_ping_s", "is inf: .* less than or equal to 86400"),
        ("[server]\nrouting_port = 1", "", "^server.routing_port needs database.url"),
        ("[limits]\nburst_s = 0", "limits.burst_s", "greater than or equal to 1"),
        ('[tls]\nkey = "k.pem"', "tls", "certificate and key go together"),
        ('[tls]\nclient_ca = "k.pem"', "tls", "client_ca needs certificate and key"),
        ('[log]\nlevel = "loud"', "log.level", "'loud': .*'debug', 'info'"),
        ("[server", "config", "is not TOML: Expected"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, text: str, field: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_settings(path)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("SIMPATICO_SERVER__PRT", "1", "SIMPATICO_SERVER__PRT is not a setting; did you mean SIMPATICO_SERVER__PORT"),
        ("SIMPATICO_PORT", "1", "SIMPATICO_PORT is not a setting"),
        ("SIMPATICO_SERVER", "{}", "SIMPATICO_SERVER is not a setting"),
        ("SIMPATICO_SERVER__PORT", "x", "'server.port' is 'x'"),
    ],
)
def test_what_is_wrong_in_the_environment_is_named(name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=message):
        load_settings()


def test_what_is_wrong_on_the_command_line_is_named() -> None:
    with pytest.raises(ConfigError, match=r"'limits.cals' is unknown; did you mean 'limits.calls'"):
        load_settings(None, {"limits.cals": 1})


def test_a_file_that_is_not_there_and_one_that_is_not_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the configuration .*: No such file"):
        load_settings(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="is not TOML"):
        load_settings(tmp_path / "binary.toml")


def test_settings_do_not_change() -> None:
    settings: Any = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.server.port = 1


@pytest.mark.parametrize(("key", "variable", "description"), [(key, variable, text) for key, variable, _, _, text in keys()])
def test_every_key_is_described_and_documented(key: str, variable: str, description: str) -> None:
    assert description.endswith(".")
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    assert f"`{key}`" in page
    assert description in page
    assert variable == "SIMPATICO_" + key.replace(".", "__").upper()


@pytest.mark.parametrize("variable", sorted(OTHER_VARIABLES))
def test_variables_that_are_no_settings_are_documented_and_not_refused(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"| `{variable}` |" in (ROOT / "docs" / "operations.md").read_text("utf-8")
    monkeypatch.setenv(variable, "")
    load_settings()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("sqlite:///simpatico.db", "sqlite:///simpatico.db"),
        ("postgresql://simpatico@db/name", "postgresql://simpatico@db/name"),
        ("postgresql://simpatico:hush@db:5432/name", "postgresql://simpatico:***@db:5432/name"),
        ("postgresql://simpatico:hu%40sh@db/name?sslmode=require", "postgresql://simpatico:***@db/name?sslmode=require"),
        ("postgresql://simpatico:hu:s@h@db/name", "postgresql://simpatico:***@db/name"),
        ("postgresql://db/name?user=a&password=hush&sslpassword=hush", "postgresql://db/name?user=a&password=***&sslpassword=***"),
        ("postgresql://:hush@db/name", "postgresql://:***@db/name"),
        ("postgresql://simpatico:hu/sh@db/name", "postgresql://simpatico:***@db/name"),
        ("postgresql://simpatico:hu?sh@db/name", "postgresql://***"),
        ("postgresql://db/name?password=hu@sh", "postgresql://***"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown


@given(st.text("XYZ@:/?&=%#", min_size=3).filter(lambda text: any(letter in text for letter in "XYZ")))
def test_no_password_however_it_is_written_is_shown(password: str) -> None:
    """Also where it should have been escaped and was not."""
    for url in (f"postgresql://user:{password}@db/name", f"postgresql://user:{quote(password)}@db/name?sslmode=require"):
        assert not set(without_password(url)) & set("XYZ")
    assert not set(without_password(f"postgresql://db/name?user=a&password={quote(password, safe='')}&b=c")) & set("XYZ")
