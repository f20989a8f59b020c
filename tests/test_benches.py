"""Benches that compare with packages which are not installed say so in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.reference import MissingReferenceError, reference

ROOT = Path(__file__).resolve().parents[1]
HIDE = """
import sys
from importlib.machinery import PathFinder

class Hide(PathFinder):
    @staticmethod
    def find_spec(name, path=None, target=None):
        return None if name.partition(".")[0] in ("opensmile", "parselmouth") else PathFinder.find_spec(name, path, target)

sys.meta_path[:] = [Hide if finder is PathFinder else finder for finder in sys.meta_path]
sys.argv = [sys.argv[0], "--help"]
import runpy
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=False)
"""


@pytest.mark.parametrize("name", ["egemaps_agreement", "egemaps_truth"])
def test_a_bench_without_what_it_compares_with_ends_in_one_line(name: str) -> None:
    code = HIDE.replace("sys.argv[0]", repr(f"bench.{name}"))
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.endswith("is not installed: pip install '.[reference]' in a clone")
    assert line.startswith("this bench compares with opensmile")


def test_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    assert reference("json.decoder").JSONDecoder
    with pytest.raises(MissingReferenceError, match="this bench compares with nopackage, which is not installed: pip install"):
        reference("nopackage.part")
