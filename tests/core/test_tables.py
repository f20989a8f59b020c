"""The generated tables are what their formulas give."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

TABLES = Path(__file__).parents[2] / "service" / "core" / "tables"


@pytest.mark.parametrize(("script", "tables"), [("generate", "tables.inc"), ("generate_egemaps", "egemaps_tables.inc")])
def test_tables_are_up_to_date(script: str, tables: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TABLES))
    module = importlib.import_module(script)
    assert module.render() == (TABLES / tables).read_text(encoding="ascii"), f"run python service/core/tables/{script}.py"
