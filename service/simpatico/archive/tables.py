"""The rows of all recordings as one file, CSV or Parquet: ``file, channel, start_s, end_s``, then the features under their own names.

CSV holds nine significant digits, which is all of a float32, and an empty field for NaN. Parquet holds float32, NaN, and the unit of each
column, the feature set and the scale in its metadata. pyarrow is imported only to write Parquet.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from simpatico import __version__
from simpatico.archive.work import Rows
from simpatico.errors import ConfigError, MissingPackageError
from simpatico.features import names_of, units_of

if TYPE_CHECKING:
    from simpatico.features.results import SetName
    from simpatico.features.scale import ScaleName

__all__ = ["KEYS", "Table", "open_table", "table_format"]

KEYS: Final = ("file", "channel", "start_s", "end_s")
_KEY_UNITS: Final = ("", "", "s", "s")
_GROUP_ROWS: Final = 65_536
"""Rows of a Parquet row group: some 25 MB of functionals, so that readers can skip and memory stays bounded."""

_PIECE_ROWS: Final = 4096
"""Rows that are Python's numbers at once: as such they take ten times the memory, and an hour has 360,000 descriptors."""


class Table(Protocol):
    """A table being written; a context manager that closes the file."""

    def add(self, file: str, rows: Rows) -> None:
        """Append the rows of one recording."""

    def __enter__(self) -> Table: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


def table_format(out: Path) -> str:
    """Return "csv" or "parquet", by the suffix of the output.

    Raises
    ------
    ConfigError
        It is neither.
    MissingPackageError
        It is Parquet, and pyarrow is not installed.
    """
    suffix = out.suffix.lower()
    if suffix not in {".csv", ".parquet"}:
        raise ConfigError(f"the output {out} ends in {suffix!r}: .csv and .parquet work", field="out")
    if suffix == ".parquet":
        _arrow()
    return suffix[1:]


def open_table(path: Path, kind: str, name: SetName, scale: ScaleName = "own") -> Table:
    """Begin a table of a feature set at ``path``, of a kind that `table_format` gave."""
    return _Parquet(path, name, scale) if kind == "parquet" else _Csv(path, name)


class _Csv:
    def __init__(self, path: Path, name: SetName) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow((*KEYS, *names_of(name)))

    def add(self, file: str, rows: Rows) -> None:
        for first in range(0, len(rows), _PIECE_ROWS):
            piece = slice(first, first + _PIECE_ROWS)
            columns = (rows.channel[piece], rows.start_s[piece], rows.end_s[piece], rows.values[piece])
            for channel, start_s, end_s, values in zip(*(column.tolist() for column in columns), strict=True):
                figures = ["" if math.isnan(value) else f"{value:.9g}" for value in values]
                self._writer.writerow((file, channel, f"{start_s:.10g}", f"{end_s:.10g}", *figures))

    def __enter__(self) -> _Csv:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()


class _Parquet:
    def __init__(self, path: Path, name: SetName, scale: ScaleName) -> None:
        self._arrow, parquet = _arrow()
        pa = self._arrow
        kinds = [pa.string(), pa.int32(), pa.float64(), pa.float64(), *(pa.float32() for _ in names_of(name))]
        columns = zip((*KEYS, *names_of(name)), kinds, (*_KEY_UNITS, *units_of(name)), strict=True)
        fields = [pa.field(column, kind, metadata={"unit": unit} if unit else None) for column, kind, unit in columns]
        self._schema = pa.schema(fields, metadata={"simpatico": __version__, "feature_set": name, "scale": scale})
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._waiting: list[tuple[str, Rows]] = []
        self._count = 0

    def add(self, file: str, rows: Rows) -> None:
        self._waiting.append((file, rows))
        self._count += len(rows)
        if self._count >= _GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._count:
            return
        files = [file for file, rows in self._waiting for _ in range(len(rows))]
        parts = [rows for _, rows in self._waiting]
        values = np.concatenate([rows.values for rows in parts])
        keys = [np.concatenate(list(columns)) for columns in zip(*((r.channel, r.start_s, r.end_s) for r in parts), strict=True)]
        columns = [files, *keys, *(np.ascontiguousarray(column) for column in values.T)]
        arrays = [self._arrow.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
        self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema), row_group_size=_GROUP_ROWS)
        self._waiting, self._count = [], 0

    def __enter__(self) -> _Parquet:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            self._writer.close()


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as exc:
        raise MissingPackageError(
            "Parquet needs pyarrow, which is not installed: pip install pyarrow, or give an output that ends in .csv"
        ) from exc
    return pyarrow, parquet
