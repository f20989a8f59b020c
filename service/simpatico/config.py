"""Settings: defaults, then a TOML file, then the environment, then the command line; the later wins, key by key.

A key of section ``[limits]`` named ``calls`` is ``SIMPATICO_LIMITS__CALLS`` in the environment. Unknown keys are refused wherever they
come from, because a mistyped
limit is a limit that does not hold. Every key's description is printed by ``simpatico serve --show-config`` and stands in
``docs/operations.md``. Nothing here
knows gRPC.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from simpatico.errors import ConfigError

__all__ = [
    "ENVIRONMENT_PREFIX",
    "AccessSettings",
    "AnalysisSettings",
    "CallerSettings",
    "DatabaseSettings",
    "KeepaliveSettings",
    "LimitSettings",
    "LogSettings",
    "RetentionSettings",
    "RoutingSettings",
    "ServerSettings",
    "Settings",
    "TlsSettings",
    "keys",
    "load_settings",
    "without_password",
]

ENVIRONMENT_PREFIX = "SIMPATICO_"
NESTING = "__"
CONFIG_VARIABLE = ENVIRONMENT_PREFIX + "CONFIG"
"""Path of the TOML file, when the command line names none."""
TOKEN_VARIABLE = ENVIRONMENT_PREFIX + "TOKEN_FILE"
"""Path of a client's token, when the command line names none."""
OTHER_VARIABLES = frozenset({CONFIG_VARIABLE, TOKEN_VARIABLE, ENVIRONMENT_PREFIX + "SIMD"})
"""Variables with the prefix that are not settings."""
MIB = 1024 * 1024


class Section(BaseModel):
    """One table of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=True)


class ServerSettings(Section):
    """``[server]``: where and how to listen."""

    host: str = Field(
        default="127.0.0.1", min_length=1, description="Address to listen on. Other than loopback needs TLS and access control."
    )
    port: int = Field(default=50051, ge=0, le=65535, description="Port to listen on; 0 takes a free one and prints it.")
    allow_insecure: bool = Field(default=False, description="Permit plain text on an address that other machines can reach.")
    routing_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port of a process of its own that serves rankings and callers but no calls, so that no analysis keeps them waiting; "
        "0 takes a free one and prints it. Needs database.url.",
    )
    workers: int = Field(default=1, ge=1, le=256, description="Processes that share the port. Each has the limits below to itself.")
    threads: int = Field(
        default=0, ge=0, le=256, description="Threads for analysis in each process; 0 shares the processors out among the workers."
    )
    reflection: bool = Field(default=True, description="Tell clients such as grpcurl what the service offers.")
    drain_grace_s: float = Field(
        default=30.0, ge=0, le=3600, description="Seconds that open calls may go on after SIGTERM before they get their final."
    )


class TlsSettings(Section):
    """``[tls]``: certificates, all PEM files."""

    certificate: Path | None = Field(default=None, description="Server certificate chain; turns TLS on together with key.")
    key: Path | None = Field(default=None, description="Private key of the certificate.")
    client_ca: Path | None = Field(default=None, description="Authority of client certificates; when given, clients must show one (mTLS).")

    @model_validator(mode="after")
    def _complete(self) -> TlsSettings:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together: give both, or neither")
        if self.client_ca is not None and self.certificate is None:
            raise ValueError("client_ca needs certificate and key")
        return self


class AccessSettings(Section):
    """``[access]``: who may call what. Without keys and certificates everybody may, on loopback alone."""

    keys: Path | None = Field(
        default=None,
        description="JWK set with the public keys whose bearer tokens are taken; turns access control on. Read again when it changes.",
    )
    certificates: Path | None = Field(
        default=None,
        description="TOML file with the roles of client certificates by name; turns access control on. Needs tls.client_ca.",
    )
    audience: str = Field(default="simpatico", min_length=1, description="What tokens must name as their audience.")
    issuer: str = Field(default="", description="What tokens must name as their issuer; empty for any, since the keys say enough.")
    leeway_s: float = Field(default=10.0, ge=0, le=300, description="Seconds by which the issuer's clock may differ from ours.")
    dangerously_let_anyone_in: bool = Field(
        default=False, description="Serve everything to everybody, unasked, on an address that other machines can reach."
    )


class DatabaseSettings(Section):
    """``[database]``: the memory of callers. Without it nothing is kept of anybody."""

    url: str = Field(
        default="",
        description="Memory of callers: sqlite:///FILE or postgresql://USER@HOST/NAME. Empty: nothing is kept, and neither "
        "CallerService nor RoutingService is served.",
        repr=False,
    )
    secrets: Path | None = Field(
        default=None,
        description="Key ring that callers' pseudonyms are hashed with: lines of key id and base64 secret, the newest first.",
    )
    spool: Path = Field(default=Path("simpatico-spool.db"), description="File where reports wait while the database is away.")
    anchors: Path | None = Field(
        default=None, description="File to which the end of the audit log is appended; keep it where the database's keepers cannot write."
    )
    tend_s: float = Field(default=60.0, gt=0, le=3600, description="Seconds between replays of the spool, and between anchors.")


class RetentionSettings(Section):
    """``[retention]``: how long each class of data is kept; ``simpatico purge`` ends it."""

    calls_days: float = Field(default=365.0, gt=0, le=1e5, description="Days that per-call aggregates are kept.")
    decisions_days: float = Field(default=365.0, gt=0, le=1e5, description="Days that rankings are kept, with their outcomes.")
    training_days: float = Field(default=365.0, gt=0, le=1e5, description="Days that what was set aside for training is kept.")
    callers_days: float = Field(
        default=730.0, gt=0, le=1e5, description="Days after their last call that callers who agreed are kept, with everything of theirs."
    )
    counters_days: float = Field(default=1825.0, gt=0, le=1e5, description="Days that daily counts are kept.")


class CallerSettings(Section):
    """``[callers]``: calls that name a caller; they need a database to be kept."""

    on_withdrawal: Literal["go_on", "end"] = Field(
        default="go_on",
        description="What becomes of a live call whose caller withdraws or objects: it goes on and is not kept, or it ends with CONSENT.",
    )
    require_notice: bool = Field(default=False, description="Refuse calls that name a caller without the notice that they were given.")
    identifying_keys: Literal["refuse", "accept"] = Field(
        default="refuse",
        description="What becomes of calls and consents under a caller_key that looks like a telephone number or an e-mail address.",
    )


class RoutingSettings(Section):
    """``[routing]``: rankings; they need a database."""

    answer_within_s: float = Field(
        default=0.05,
        gt=0,
        le=60,
        description="Seconds within which a ranking is answered when the request does not say.",
    )
    renew_s: float = Field(
        default=300.0,
        ge=1,
        le=86_400,
        description="Seconds between readings of agents and experiments anew, and between forgetting what is gone.",
    )


class LimitSettings(Section):
    """``[limits]``: what one process puts up with."""

    message_bytes: int = Field(default=4 * MIB, ge=1024, le=256 * MIB, description="Largest message from a client, bytes.")
    recording_bytes: int = Field(
        default=256 * MIB, ge=1024, description="Largest recording for AnalyzeRecording, bytes; it is held in memory."
    )
    recordings: int = Field(default=4, ge=1, description="Recordings analysed at once.")
    calls: int = Field(default=500, ge=1, description="Live calls open at once.")
    calls_per_stream: int = Field(default=500, ge=1, description="Live calls open at once on one stream.")
    watchers: int = Field(default=5000, ge=1, description="Desktops that watch assignments at once.")
    streams: int = Field(default=1000, ge=1, description="Streams open at once, with or without calls.")
    realtime_factor: float = Field(default=2.0, ge=1, description="Audio that a live call may bring, in times real time; inf for no limit.")
    burst_s: float = Field(
        default=30.0, ge=1, description="Seconds of audio that a live call may bring at once on top of that, for instance after a stall."
    )
    call_length_s: float = Field(default=14_400.0, gt=0, description="Longest call, seconds of audio.")
    call_idle_s: float = Field(default=60.0, gt=0, description="Seconds without a message after which an open call is given up.")
    call_paused_s: float = Field(default=600.0, gt=0, description="The same for a call that is paused, for instance on hold.")
    stream_idle_s: float = Field(default=3_600.0, gt=0, description="Seconds without a message after which a stream is closed.")
    stream_length_s: float = Field(default=86_400.0, gt=0, description="Longest stream, seconds of wall time.")
    backlog_bytes: int = Field(
        default=4 * MIB, ge=1024, description="Audio of one stream that may wait for analysis before the service stops reading, bytes."
    )
    track_skew_s: float = Field(
        default=5.0, gt=0, le=3600, description="Seconds by which one track may run ahead of the other when they are sent apart."
    )
    interim_period_s: float = Field(
        default=0.5, ge=0.1, le=3600, description="Shortest time between interim results that a client may ask for, seconds of call time."
    )


class KeepaliveSettings(Section):
    """``[keepalive]``: how dead connections are found."""

    ping_s: float = Field(
        default=30.0, gt=0, le=86_400, description="Seconds of silence on a connection after which the service pings the client."
    )
    ping_timeout_s: float = Field(
        default=10.0, gt=0, le=86_400, description="Seconds to wait for the answer before the connection is closed."
    )
    client_ping_s: float = Field(default=5.0, gt=0, le=86_400, description="Shortest time between pings that a client may send, seconds.")


class LogSettings(Section):
    """``[log]``: to standard error; never audio, never who calls."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least severe level that is written.")
    format: Literal["plain", "json"] = Field(default="plain", description="One line of text, or one JSON object, per entry.")


class AnalysisSettings(Section):
    """``[analysis]``: what measures."""

    bundle: Path | None = Field(default=None, description="Directory of the model bundle; without it, the one shipped.")
    surrogates: int = Field(
        default=199, ge=20, le=9999, description="Surrogates of influence and entrainment; the smallest p-value is 1 / (surrogates + 1)."
    )


class Settings(BaseSettings):
    """All settings. Build it with `load_settings`."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter=NESTING,
        extra="forbid",
        frozen=True,
        allow_inf_nan=True,
        nested_model_default_partial_update=True,
    )

    server: ServerSettings = ServerSettings()
    tls: TlsSettings = TlsSettings()
    access: AccessSettings = AccessSettings()
    database: DatabaseSettings = DatabaseSettings()
    retention: RetentionSettings = RetentionSettings()
    callers: CallerSettings = CallerSettings()
    routing: RoutingSettings = RoutingSettings()
    limits: LimitSettings = LimitSettings()
    keepalive: KeepaliveSettings = KeepaliveSettings()
    log: LogSettings = LogSettings()
    analysis: AnalysisSettings = AnalysisSettings()

    @model_validator(mode="after")
    def _complete(self) -> Settings:
        if self.server.routing_port is not None and not self.database.url:
            raise ValueError("server.routing_port needs database.url: without a database nobody is ranked")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Say what wins: the command line (``cli``), the environment, the file (``file``)."""
        del dotenv_settings, file_secret_settings
        given: Mapping[str, Any] = getattr(init_settings, "init_kwargs", {})
        return (
            InitSettingsSource(settings_cls, init_kwargs=dict(given.get("cli", {}))),
            env_settings,
            InitSettingsSource(settings_cls, init_kwargs=dict(given.get("file", {}))),
        )


def keys() -> Iterator[tuple[str, str, str, Any, str]]:
    """Yield (dotted key, environment variable, type, default, description) of every setting."""
    for section, info in Settings.model_fields.items():
        model = info.annotation
        assert isinstance(model, type)
        assert issubclass(model, Section)
        for name, field in model.model_fields.items():
            kind = str(getattr(field.annotation, "__name__", field.annotation)).replace("pathlib.", "")
            variable = f"{ENVIRONMENT_PREFIX}{section}{NESTING}{name}".upper()
            yield f"{section}.{name}", variable, kind, field.default, field.description or ""


def load_settings(path: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings.

    Parameters
    ----------
    path
        TOML file; without it, the one that SIMPATICO_CONFIG names, if any.
    overrides
        Dotted key to value, as the command line gives them; None values are ignored.

    Raises
    ------
    ConfigError
        The file cannot be read, a key is unknown, or a value is out of range. The message names the key, the value and what would work.
    """
    if path is None and os.environ.get(CONFIG_VARIABLE):
        path = Path(os.environ[CONFIG_VARIABLE])
    _refuse_unknown_variables()
    given: dict[str, Any] = {"file": _read(path) if path is not None else {}, "cli": _nested(overrides or {})}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise _explain(error) from error


def without_password(url: str) -> str:
    """Return a URL of a database to show, ``***`` in place of its password, also of one among its parameters.

    Where it cannot be told what is the password (a ``?`` before an ``@``: one of them should have been escaped), nothing is shown.
    """
    scheme, found, rest = url.partition("://")
    if not found:
        return url
    access, at, place = rest.rpartition("@")
    if "?" in access:
        return f"{scheme}://***"
    user, colon, _ = access.partition(":")
    place = re.sub(r"(?i)([?&][^=&]*(?:password|secret)[^=&]*=)[^&]*", r"\1***", place)
    return f"{scheme}://{user}{colon and ':***'}{at}{place}"


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {str(path)!r}: {error.strerror or error}", field="config") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"the configuration {str(path)!r} is not TOML: {error}", field="config") from error


def _nested(overrides: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    tree: dict[str, dict[str, Any]] = {}
    for key, value in overrides.items():
        if value is not None:
            section, _, name = key.partition(".")
            tree.setdefault(section, {})[name] = value
    return tree


def _refuse_unknown_variables() -> None:
    known = {variable for _, variable, *_ in keys()} | OTHER_VARIABLES
    for variable in sorted(os.environ):
        if variable.startswith(ENVIRONMENT_PREFIX) and variable.upper() not in known:
            raise ConfigError(
                f"environment variable {variable} is not a setting; did you mean {_nearest(variable, known)}?", field=variable
            )


def _nearest(name: str, known: set[str]) -> str:
    import difflib

    return (difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0) or [""])[0]


def _explain(error: ValidationError) -> ConfigError:
    """Return the first fault as one sentence."""
    fault = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        nearest = _nearest(key, {name for name, *_ in keys()})
        return ConfigError(f"setting {key!r} is unknown; did you mean {nearest!r}?", field=key)
    message = fault["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(fault["input"], BaseModel | dict) else f" is {fault['input']!r}"
    where = f"setting {key!r}{shown}: " if key else ""  # what is wrong between sections names its settings itself
    return ConfigError(f"{where}{message[:1].lower()}{message[1:]}", field=key)
