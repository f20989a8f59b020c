"""A table of figures that prints and that Markdown shows the same."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Table", "cell", "markdown", "share"]


@dataclass(slots=True)
class Table:
    """Columns and rows of strings, with what stands above and below them."""

    title: str
    intro: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    outro: str = ""

    def add(self, *cells: object) -> None:
        """Add a row; it must be as long as the head."""
        if len(cells) != len(self.columns):
            raise ValueError(f"the table has {len(self.columns)} columns, got a row of {len(cells)}")
        self.rows.append(tuple(str(cell) for cell in cells))


def cell(value: float, digits: int = 2) -> str:
    """Return a number for a cell; a minus before zeros is dropped."""
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def share(count: float, total: int) -> str:
    """Return a share in per cent with its Monte-Carlo standard error, as "4.8 ± 0.7 %"."""
    p = count / total
    return f"{100 * p:.1f} ± {100 * (max(p * (1 - p), 1 / total / 4) / total) ** 0.5:.1f} %"


def markdown(table: Table) -> str:
    """Return the table as Markdown, columns aligned so that it reads as plain text too."""
    widths = [max(len(row[i]) for row in [table.columns, *table.rows]) for i in range(len(table.columns))]
    padded = [[text.ljust(width) for text, width in zip(row, widths, strict=True)] for row in [table.columns, *table.rows]]
    lines = ["| " + " | ".join(row) + " |" for row in padded]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    parts = [f"### {table.title}", table.intro, "\n".join([lines[0], rule, *lines[1:]]), table.outro]
    return "\n\n".join(part for part in parts if part) + "\n"
