"""What opensmile's constructor takes, and what of it works here: other sets, levels and options are refused by one clear error."""

from __future__ import annotations

import os
from enum import Enum, EnumMeta
from typing import Any, Final

from simpatico.errors import ConfigError

__all__ = ["ELSEWHERE", "FeatureLevel", "FeatureSet", "NotMeasuredError", "check_unused", "member_of", "workers_of"]

_SETS_ELSEWHERE: Final = frozenset(
    [
        "ComParE_2016",
        "GeMAPS",
        "GeMAPSv01b",
        "eGeMAPS",
        "eGeMAPSv01b",
        "emobase",
        "IS09",
        "IS10",
        "IS11",
        "IS12",
        "IS13",
        "LowLevelDescriptors_Deltas",
    ]
)
"""Sets and levels that opensmile 2.6.0 has beyond ours."""

_CONFIGURATION: Final = "repr(smile) has the configuration, its attributes each part of it"
ELSEWHERE: Final = {
    **dict.fromkeys(("to_yaml", "to_yaml_s", "to_dict", "from_yaml", "from_yaml_s", "from_dict", "is_loaded_from_dict"), _CONFIGURATION),
    **dict.fromkeys(
        ("arguments", "borrowed_arguments", "hidden_arguments", "resolvers", "params", "id", "short_id", "name"), _CONFIGURATION
    ),
    **dict.fromkeys(("config_name", "config_path", "default_config_root", "options"), "there are no configuration files"),
    **dict.fromkeys(("logfile", "loglevel"), "there is no openSMILE to log"),
    **dict.fromkeys(("process", "process_func_applies_sliding_window", "hop_dur", "win_dur"), "the methods process_... measure"),
}
"""Attributes that opensmile 2.6.0's ``Smile`` has beyond ours, and what to do instead."""


class NotMeasuredError(ConfigError, AttributeError):
    """Something of opensmile that is not here; an AttributeError, so that ``hasattr`` answers."""


class _Named(EnumMeta):
    """Enumerations that say what there is when something else is asked for."""

    def __getattr__(cls, name: str) -> Any:
        if name in cls.__members__:  # Python 3.11 looks for members here
            return cls.__members__[name]
        if name in _SETS_ELSEWHERE:
            raise NotMeasuredError(f"{cls.__name__}.{name} is not measured here: {_works(cls)}", field=cls.__name__)
        raise AttributeError(f"{cls.__name__} has no {name!r}: {_works(cls)}")


class FeatureSet(Enum, metaclass=_Named):
    """Feature sets, under opensmile's names."""

    eGeMAPSv02 = "egemaps/v02/eGeMAPSv02"  # noqa: N815


class FeatureLevel(Enum, metaclass=_Named):
    """Levels of a feature set, under opensmile's names."""

    LowLevelDescriptors = "lld"
    Functionals = "func"


def member_of(kind: type[Enum], given: object) -> Any:
    """Return the member of an enumeration that is given by itself, by opensmile's, by its name or its value.

    Raises
    ------
    NotMeasuredError
        opensmile has it, and it is not measured here; or nobody has it.
    """
    wanted = given.value if isinstance(given, Enum) else given
    for member in kind:
        if wanted in (member.name, member.value):
            return member
    name = given.name if isinstance(given, Enum) else given
    raise NotMeasuredError(f"{kind.__name__} {name!r} is not measured here: {_works(kind)}", field=kind.__name__)


def check_unused(*, options: object, loglevel: object, logfile: object, segment: object, keep_nat: bool) -> None:
    """Refuse arguments of opensmile that would have an effect there and have none here; their defaults, and any log level, pass.

    Raises
    ------
    ConfigError
        One of them asks for something; the message names it and what to do instead.
    """
    if options:
        raise ConfigError(f"options={options!r} are for openSMILE's configuration files, which are not read here: leave them out")
    if not isinstance(loglevel, int):
        raise ConfigError(f"loglevel={loglevel!r} is not a whole number: 0 to 5 work, and change nothing, as there is no openSMILE to log")
    if logfile:
        raise ConfigError(f"logfile={str(logfile)!r} would stay empty, as there is no openSMILE to log: leave it out")
    if segment is not None:
        raise ConfigError(f"segment={segment!r} is not applied here: segment first, then process_index works")
    if keep_nat:
        raise ConfigError("keep_nat=True is not done here: the end in the index is that of the signal; keep_nat=False works")


def workers_of(num_workers: int | None) -> int:
    """Return how many threads: None for as many as there are processors, as in opensmile."""
    return max(1, (os.cpu_count() or 1) if num_workers is None else num_workers)


def _works(kind: Any) -> str:
    names = [f"{kind.__name__}.{member.name}" for member in kind]
    return f"{' and '.join(names)} work{'s' if len(names) == 1 else ''}"
