"""Generate service/simpatico/v1 from proto/simpatico/v1, or with --check say whether what is committed is what would be generated.

Needs the pinned grpcio-tools and mypy-protobuf of the ``dev`` extra: other versions write other text.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
OUTPUT = ROOT / "service"
PACKAGE = Path("simpatico") / "v1"
SUFFIXES = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi")


def generate(directory: Path) -> None:
    """Write the package's modules below ``directory``."""
    sources = sorted(str(p.relative_to(PROTO)) for p in (PROTO / PACKAGE).glob("*.proto"))
    outputs = [f"--{kind}_out={directory}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
    # protoc finds the mypy plugins on the path; they are installed beside this interpreter.
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO}", *outputs, *sources]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, "PATH": path})
    if done.returncode:
        raise SystemExit(f"protoc failed with code {done.returncode}:\n{done.stderr}")
    for module in (directory / PACKAGE).glob("*_pb2_grpc.py*"):
        if not (PROTO / PACKAGE / f"{module.name.split('_pb2_grpc')[0]}.proto").read_text("utf-8").count("\nservice "):
            module.unlink()  # a file without a service needs no stubs


def modules(directory: Path) -> set[str]:
    """Return the names of the generated modules in ``directory``."""
    return {p.name for p in (directory / PACKAGE).glob("*") if p.name.endswith(SUFFIXES)}


def main() -> int:
    """Generate or check; the exit code is 1 when the committed code differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the committed code differs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        fresh = Path(temporary)
        generate(fresh)
        names = modules(fresh) | modules(OUTPUT)
        stale = sorted(n for n in names if not _same(fresh / PACKAGE / n, OUTPUT / PACKAGE / n))
        if options.check:
            if stale:
                print(f"differs from proto/: {', '.join(stale)}; run `make proto` and commit the result", file=sys.stderr)
            return 1 if stale else 0
        for name in stale:
            target = OUTPUT / PACKAGE / name
            if (fresh / PACKAGE / name).exists():
                shutil.copyfile(fresh / PACKAGE / name, target)
            else:
                target.unlink()
    print(f"{len(names)} modules, {len(stale)} rewritten")
    return 0


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and filecmp.cmp(one, other, shallow=False)


if __name__ == "__main__":
    sys.exit(main())
