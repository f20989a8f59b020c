"""Build the source distribution and the wheel as a user would, install the wheel on a machine without a compiler, and use it.

``python tools/package_test.py`` needs git, a C compiler and the ``build`` package, and goes through these steps:

1. copy the tree, and lay into the copy what a tree that was worked in holds: caches, an extension built in place, backups;
2. build a wheel from that copy, and a source distribution and from it another wheel, each in an isolated environment of the declared
   build tools;
3. look into both wheels: tag, files, licence, requirements, entry point;
4. install the second one into a fresh virtual environment, from wheels only, with nothing else on ``PATH``;
5. there, outside the tree: import, doctor, analyse a sample, serve and stream one, and see that nothing heavy came along.
"""

from __future__ import annotations

import email
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "build", "dist", "__pycache__", ".*_cache", ".hypothesis", "*.so")
BY_PRODUCTS = (
    "service/simpatico/__pycache__/types.cpython-311.pyc",
    "service/simpatico/server/__pycache__/app.cpython-311.pyc",
    "service/simpatico/_core.abi3.so",
    "service/simpatico/audio/.call.py.swp",
    "service/simpatico/signals/ticks.py~",
    "models/prior-1/1.1.0/__pycache__/card.cpython-311.pyc",
)
"""Laid into the tree before the wheel is built from it; none may be in the wheel."""
HEAVY = ("torch", "librosa", "numba", "pandas", "matplotlib", "opensmile")
"""Not to be found beside an installed package: hundreds of megabytes, and needed by training, tests or benches only."""
SAMPLE = "booking.wav"
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def run(command: Sequence[str | Path], *, cwd: Path, **variables: str) -> str:
    """Output of a command; all of it is shown when the command fails."""
    environment = {**os.environ, **variables}
    done = subprocess.run(command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def expect(condition: object, what: str) -> None:
    """Stop with a message unless the condition holds."""
    if not condition:
        raise SystemExit(f"package test: {what}")


def tracked_files() -> Iterator[str]:
    """Files of the tree that are tracked or could be; without git, all but by-products."""
    if (ROOT / ".git").exists():
        listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT).split("\0")
        yield from (name for name in listed if name and (ROOT / name).is_file())


def copy_tree(copy: Path) -> None:
    """A git repository with the files of this tree as its one commit: source distributions are made from commits."""
    names = list(tracked_files())
    for name in names:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    if not names:
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
    run(["git", "init", "--quiet"], cwd=copy)
    run(["git", "add", "--all"], cwd=copy)
    run(["git", "-c", "user.name=package test", "-c", "user.email=test@example.invalid", "commit", "--quiet", "-m", "copy"], cwd=copy)


def package_files(copy: Path) -> set[str]:
    """What the wheel is to hold beside the extension and its own metadata."""
    tracked = run(["git", "ls-files", "service/simpatico", "models/prior-1"], cwd=copy).split()
    return {name.removeprefix("service/").replace("models/", "simpatico/_models/", 1) for name in tracked}


def only(folder: Path, pattern: str) -> Path:
    """The one file of a folder that matches."""
    found = list(folder.glob(pattern))
    expect(len(found) == 1, f"one {pattern} was to be built, found {[path.name for path in found]}")
    return found[0]


def build_wheel(source: Path, to: Path, *settings: str) -> Path:
    """The wheel that ``pip wheel`` makes of a source tree, with settings for its build."""
    options = [f"--config-settings=setup-args={setting}" for setting in settings]
    run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", to, *options, "."], cwd=source)
    return only(to, "*.whl")


def build_sdist(source: Path, to: Path) -> Path:
    """The source distribution, unpacked."""
    run([sys.executable, "-m", "build", "--sdist", "--outdir", to, "."], cwd=source)
    with tarfile.open(only(to, "*.tar.gz")) as archive:
        archive.extractall(to, filter="data")
    return next(path for path in to.iterdir() if path.is_dir())


def check_wheel(path: Path, files: set[str]) -> None:
    """Tag, files, licence, requirements and entry point of a wheel."""
    tag = path.name.split("-", 2)[2]
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    expected_tag = f"{python}-{python}t-" if FREE_THREADED else "cp311-abi3-"
    expect(tag.startswith(expected_tag), f"the tag of {path.name} does not begin with {expected_tag}")
    with zipfile.ZipFile(path) as wheel:
        names = {name for name in wheel.namelist() if not name.endswith("/")}
        metadata_folder = next(name.split("/")[0] for name in names if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(wheel.read(f"{metadata_folder}/METADATA"))
        entry_points = wheel.read(f"{metadata_folder}/entry_points.txt").decode()
    content = {name for name in names if not name.startswith(metadata_folder)}
    extensions = {name for name in content if name.endswith(".so")}
    expect(len(extensions) == 1, f"one extension was expected in {path.name}, found {sorted(extensions)}")
    expect(content - extensions == files, f"{path.name}: surplus {sorted(content - extensions - files)}, missing {sorted(files - content)}")
    expect("simpatico/py.typed" in content, "py.typed is missing: type checkers would ignore the annotations")
    expect(any(name.endswith("/model.onnx") for name in content), "the model bundle is missing")
    expect(f"{metadata_folder}/licenses/LICENSE" in names, "the licence is missing")
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    required = [text.replace(" ", "") for text in metadata.get_all("Requires-Dist", []) if "extra ==" not in text]
    expect(sorted(required) == sorted(declared), f"the wheel requires {required}, pyproject.toml says {declared}")
    expect("simpatico = simpatico.cli:main" in entry_points, "the command `simpatico` is missing")


def install(wheel: Path, folder: Path) -> Path:
    """A fresh environment with the wheel and what it declares; returns its ``bin``. Nothing else is on PATH: no compiler."""
    run([sys.executable, "-m", "venv", folder], cwd=folder.parent)
    bin_folder = folder / "bin"
    expect(shutil.which("cc", path=str(bin_folder)) is None, "a compiler is in the fresh environment")
    pip = [bin_folder / "python", "-m", "pip"]
    run([*pip, "install", "--quiet", "--only-binary", ":all:", wheel], cwd=folder.parent, PATH=str(bin_folder))
    run([*pip, "check"], cwd=folder.parent, PATH=str(bin_folder))
    return bin_folder


def use(bin_folder: Path, where: Path) -> None:
    """What a user does first, outside the tree, with nothing of this process's environment that could help."""
    python, simpatico = bin_folder / "python", bin_folder / "simpatico"
    clean = {"PATH": str(bin_folder), "PYTHONPATH": "", "SIMPATICO_SIMD": ""}
    sample = Path(shutil.copy2(ROOT / "audio_samples" / SAMPLE, where))
    for module in ("demo.py", "demo_memory.py", "demo_past.py"):
        shutil.copy2(ROOT / "tools" / module, where)
    origin = run([python, "-c", "import simpatico; print(simpatico.__file__)"], cwd=where, **clean).strip()
    expect(Path(origin).is_relative_to(bin_folder.parent), f"simpatico was imported from {origin}")
    print(run([simpatico, "doctor"], cwd=where, **clean), end="")
    document = json.loads(run([simpatico, "analyze", sample, "--json"], cwd=where, **clean))
    expect(document["call"]["duration_s"] > 40, f"the sample was heard as {document['call']}")
    run([python, where / "demo.py", sample, "--speed", "50"], cwd=where, **clean)
    heavy = f"import importlib.util as u; print([name for name in {HEAVY} if u.find_spec(name)])"
    found = run([python, "-c", heavy], cwd=where, **clean).strip()
    expect(found == "[]", f"{found} came along with the package")


def main() -> None:
    """Go through the steps, saying each."""
    with tempfile.TemporaryDirectory(prefix="simpatico-package-") as name:
        folder = Path(name)
        copy = folder / "tree"
        copy_tree(copy)
        files = package_files(copy)
        sdist = build_sdist(copy, folder / "sdist")
        for by_product in BY_PRODUCTS:
            (copy / by_product).parent.mkdir(exist_ok=True)
            (copy / by_product).write_bytes(b"by-product")
        print("package: wheels from a used tree and from the source distribution", flush=True)
        # It is looked into and not used: without the kernels it is built in a third of the time.
        check_wheel(build_wheel(copy, folder / "direct", "-Dsimd=portable"), files)
        wheel = build_wheel(sdist, folder / "wheel")
        check_wheel(wheel, files)
        size_kib = wheel.stat().st_size / 1024
        print(f"package: {wheel.name}, {size_kib:.0f} KiB, {len(files)} files; installing it without a compiler", flush=True)
        (folder / "elsewhere").mkdir()
        use(install(wheel, folder / "installed"), folder / "elsewhere")
    print("package: passed")


if __name__ == "__main__":
    main()
