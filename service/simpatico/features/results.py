"""What an extraction gives: figures with their names and units, and where in which recording they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from simpatico.core import FUNCTIONAL_NAMES, FUNCTIONAL_UNITS
from simpatico.errors import ConfigError
from simpatico.features.summary import SUMMARY_NAMES, SUMMARY_UNITS
from simpatico.types import HOP_S

__all__ = ["EDGE_ROWS", "LLD_NAMES", "MIN_ROWS", "ROW_S", "SETS", "Features", "SetName", "check_set", "names_of", "units_of"]

SetName: TypeAlias = Literal["egemaps-v02", "lld", "signals"]
SETS: Final[tuple[SetName, ...]] = get_args(SetName)
"""``egemaps-v02``: the 88 functionals; ``lld``: the 25 smoothed low-level descriptors, a row each 10 ms; ``signals``: what one utterance
sounds like, from the frames that the rest of this package works on."""

MIN_ROWS: Final = 6
"""Hops of the shortest segment that has figures: one 60 ms window, as in openSMILE."""
EDGE_ROWS: Final = 4
"""Hops at the end of a segment without a row of descriptors: openSMILE prints n - 4 rows for n hops."""
ROW_S: Final = 0.020
"""What openSMILE states as the extent of a row of descriptors: the short window."""

_FORMANT: Final = (("frequency", "Hz"), ("bandwidth", "Hz"), ("amplitudeLogRelF0", "dB"))
_LLDS: Final = (
    ("Loudness_sma3", "1"),
    ("alphaRatio_sma3", "dB"),
    ("hammarbergIndex_sma3", "dB"),
    ("slope0-500_sma3", "dB/Hz"),
    ("slope500-1500_sma3", "dB/Hz"),
    ("spectralFlux_sma3", "1"),
    *((f"mfcc{k}_sma3", "1") for k in (1, 2, 3, 4)),
    ("F0semitoneFrom27.5Hz_sma3nz", "st"),
    ("jitterLocal_sma3nz", "1"),
    ("shimmerLocaldB_sma3nz", "dB"),
    ("HNRdBACF_sma3nz", "dB"),
    ("logRelF0-H1-H2_sma3nz", "dB"),
    ("logRelF0-H1-A3_sma3nz", "dB"),
    *((f"F{k}{kind}_sma3nz", unit) for k in (1, 2, 3) for kind, unit in _FORMANT),
)
LLD_NAMES: Final[tuple[str, ...]] = tuple(name for name, _ in _LLDS)
"""openSMILE's names: ``sma3`` is smoothed over 3 rows, ``sma3nz`` over those of the 3 that are not 0."""

_COLUMNS: Final[Mapping[SetName, tuple[tuple[str, ...], tuple[str, ...]]]] = MappingProxyType(
    {
        "egemaps-v02": (FUNCTIONAL_NAMES, FUNCTIONAL_UNITS),
        "lld": (LLD_NAMES, tuple(unit for _, unit in _LLDS)),
        "signals": (SUMMARY_NAMES, SUMMARY_UNITS),
    }
)


def check_set(name: str) -> SetName:
    """Return the name of a feature set.

    Raises
    ------
    ConfigError
        There is none of that name.
    """
    for known in SETS:
        if name == known:
            return known
    raise ConfigError(f"the feature set {name!r} is not known: {', '.join(SETS)} work", field="set")


def names_of(name: SetName) -> tuple[str, ...]:
    """Names of the figures of a set, in order."""
    return _COLUMNS[name][0]


def units_of(name: SetName) -> tuple[str, ...]:
    """Units of the figures of a set, in order; "1" for a pure number."""
    return _COLUMNS[name][1]


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """The figures of one segment of one channel.

    Attributes
    ----------
    set
        One of `SETS`.
    file
        The recording as it was named, "" for samples.
    channel
        Counted from 0.
    start_s, end_s
        The segment in seconds of the recording, as it was asked for. It is measured from the nearest frame (10 ms) to the nearest.
    values
        float32, not to be written to. Of ``egemaps-v02`` and ``signals`` one figure per name, [k]; of ``lld`` one row per 10 ms, [n, 25],
        the first at ``start_s``. NaN where there is nothing that a figure could rest on: all of ``egemaps-v02`` in a segment under
        60 ms, which has no row of ``lld`` either.
    """

    set: SetName
    file: str
    channel: int
    start_s: float
    end_s: float
    values: NDArray[np.float32]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the figures; those of eGeMAPS are openSMILE's."""
        return names_of(self.set)

    @property
    def units(self) -> tuple[str, ...]:
        """Units of the figures."""
        return units_of(self.set)

    @property
    def row_starts_s(self) -> NDArray[np.float64]:
        """When each row begins, float64 [n]: every 10 ms of ``lld``, else ``start_s`` alone. Rows of ``lld`` extend over `ROW_S`."""
        rows = len(self.values) if self.set == "lld" else 1
        return np.round(self.start_s + np.arange(rows, dtype=np.float64) * HOP_S, 9)

    def __getitem__(self, name: str) -> float | NDArray[np.float32]:
        """One figure by name, or one column [n] of ``lld``."""
        try:
            column = self.names.index(name)
        except ValueError:
            raise KeyError(f"{name!r} is not in {self.set}; names are in .names") from None
        return self.values[:, column] if self.set == "lld" else float(self.values[column])

    def __iter__(self) -> Iterator[str]:
        """The names, so that ``dict`` and ``in`` work."""
        return iter(self.names)

    def keys(self) -> tuple[str, ...]:
        """The names."""
        return self.names
