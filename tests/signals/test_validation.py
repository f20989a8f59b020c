"""The command that makes docs/validation.md works, on a handful of runs, and the page is what it makes."""

from __future__ import annotations

import re

import pytest

from bench.studies.table import markdown
from bench.validation import PAGE, all_tables


@pytest.mark.slow
def test_every_study_fills_its_table_and_the_page_has_them_all() -> None:
    titles = []
    for table in all_tables(0.004):
        assert table.rows
        assert re.search(r"\bnan\b|\binf\b", markdown(table)) is None
        titles.append(f"### {table.title}")
    page = PAGE.read_text(encoding="utf-8")
    headings = re.findall(r"^### .*$", page, flags=re.MULTILINE)
    assert [title for title in headings if title in titles] == titles
