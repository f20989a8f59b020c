"""The generated tables are what their formulas give."""

from __future__ import annotations

import importlib.util
from pathlib import Path

TABLES = Path(__file__).parents[2] / "service" / "core" / "tables"


def test_tables_are_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("generate", TABLES / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.render() == (TABLES / "tables.inc").read_text(encoding="ascii"), "run python service/core/tables/generate.py"
