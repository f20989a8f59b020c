"""What the README tells a newcomer to type works as it stands there, in a folder with nothing but the sample calls."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.running import ROOT, process

README = (ROOT / "README.md").read_text("utf-8")
COMMAND = ".venv/bin/simpatico "
SHELL_BLOCKS = [text for text in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if COMMAND in text]
PYTHON_BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that holds the sample calls, for a process to work in."""
    (tmp_path / "audio_samples").symlink_to(ROOT / "audio_samples")
    if "PYTHONPATH" in os.environ:  # the tree is tested, not what is installed
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(str(ROOT / path) for path in os.environ["PYTHONPATH"].split(os.pathsep)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def typed(line: str, folder: Path) -> None:
    """Run a line that a person types."""
    line = line.replace(COMMAND, f"{sys.executable} -m simpatico ")
    done = subprocess.run(["bash", "-euc", line], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, (line, done.stderr)


def test_there_are_blocks() -> None:
    assert (len(SHELL_BLOCKS), len(PYTHON_BLOCKS)) == (2, 2)


@pytest.mark.slow
@pytest.mark.parametrize("block", SHELL_BLOCKS, ids=["alone", "with a memory"])
def test_commands(block: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "openssl" in block and not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    before, serve, after = re.split(r"^(.*simpatico serve.*)$", block, flags=re.MULTILINE)
    for line in before.splitlines():
        typed(line, folder)
    words = serve.partition("#")[0].removeprefix(COMMAND).split()
    monkeypatch.setattr("tests.server.running.ROOT", folder)
    with process("simpatico", *words, "--port", "0") as (service, address):  # the port of the README may be taken
        for line in filter(None, after.splitlines()):
            command, hash_, comment = line.partition("#")
            typed(f"{command} --target {address}" if " stream " in command else command + hash_ + comment, folder)
        service.send_signal(signal.SIGTERM)
        assert service.wait(60) == 0


@pytest.mark.parametrize("block", PYTHON_BLOCKS, ids=["analysis", "features"])
def test_python(block: str, folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", block], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
