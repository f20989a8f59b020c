"""Walls that import-linter cannot see: the C extension, and what a running service has loaded."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import simpatico

PACKAGE = Path(simpatico.__file__).parent
HEAVY = ("torch", "torchaudio", "librosa", "numba", "pandas", "pyarrow", "matplotlib")


def imported(path: Path) -> set[str]:
    """Return the dotted names that a module imports, ``from a import b`` as ``a.b``."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_c_is_reached_only_through_core() -> None:
    users = {p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*.py") if "simpatico._core" in imported(p)}
    assert users == {"core/frames.py", "core/functionals.py", "core/ranking.py"}


def test_protobuf_types_live_only_at_the_edge() -> None:
    for path in PACKAGE.rglob("*.py"):
        place = path.relative_to(PACKAGE).parts[0]
        if any(name.startswith("simpatico.v1") for name in imported(path)):
            assert place in {"server", "client", "routing_client.py", "v1"}, path


def test_the_service_loads_nothing_heavy() -> None:
    code = f"import sys, simpatico.server.app, simpatico.analysis; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_service_without_a_database_loads_none() -> None:
    """Live calls and uploads included: SQLAlchemy and what rankings calculate with are 50 MiB."""
    modules = "simpatico.server.app, simpatico.analysis, simpatico.server.analysis.stream, simpatico.server.analysis.recording"
    code = f"import sys, {modules}; print([m for m in ('sqlalchemy', 'alembic', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
