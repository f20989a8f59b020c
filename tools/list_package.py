"""Print the files of a folder that belong in a wheel, one per line, relative to the working directory; the build asks.

A folder that was worked in also holds what Python, editors and builds left there, and none of it may ship: caches, compiled files,
extensions built in place, hidden files and backups.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

LEFT_OUT_SUFFIXES = {".pyc", ".pyo", ".so", ".orig", ".rej", ".swp"}


def is_shipped(path: Path) -> bool:
    """Whether a file belongs to the package and is not a by-product."""
    by_product = path.suffix in LEFT_OUT_SUFFIXES or path.name.endswith("~") or any(part.startswith(".") for part in path.parts)
    return path.is_file() and not by_product and "__pycache__" not in path.parts


def files(folder: Path) -> Iterator[Path]:
    """The files to ship, sorted."""
    return filter(is_shipped, sorted(folder.rglob("*")))


if __name__ == "__main__":
    for file in files(Path(sys.argv[1])):
        print(file.as_posix())
