"""Every command, started as a process: what it prints, and what it says when the input is wrong."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import numpy as np
import pytest
import soundfile

from simpatico import __version__
from simpatico.reports import load_schema

if TYPE_CHECKING:
    from tests.cli.conftest import Run
    from tests.conftest import SampleCall

ROOT = Path(__file__).resolve().parents[2]


def test_help_names_every_command(run: Run) -> None:
    listed = run("--help").stdout
    for command in ("analyze", "doctor", "features", "schema", "serve", "stream", "token"):
        assert command in listed
        assert run(command, "--help").returncode == 0


def test_version(run: Run) -> None:
    assert run("--version").stdout == f"simpatico {__version__}\n"


def test_analyze_writes_the_documented_json(run: Run, sample_calls: list[SampleCall], tmp_path: Path) -> None:
    done = run("analyze", sample_calls[0].path, "--json", "--out", tmp_path / "call.json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    jsonschema.Draft202012Validator(load_schema()).validate(document)
    assert json.loads((tmp_path / "call.json").read_text("utf-8")) == document
    assert document["call"]["duration_s"] == pytest.approx(sample_calls[0].manifest["duration_s"], abs=0.001)


def test_analyze_prints_a_table_that_says_what_it_is(run: Run, sample_calls: list[SampleCall]) -> None:
    done = run("analyze", sample_calls[0].path)
    assert done.returncode == 0, done.stderr
    for words in ("Perceived interaction style of the caller in this call", "agents are not scored", "floor-transfer offset"):
        assert words in done.stdout


def test_seconds_of_speech_and_of_utterances_are_told_apart(run: Run, sample_calls: list[SampleCall]) -> None:
    call = sample_calls[0].path
    document = json.loads(run("analyze", call, "--json").stdout)
    shown = " ".join(run("analyze", call).stdout.split())
    spoken_s = sum(u["end_s"] - u["start_s"] for u in document["utterances"] if u["role"] == "caller")
    assert f"from {spoken_s:.1f} s of the caller's utterances" in shown
    assert f"speech {document['quality']['caller']['speech_s']:.1f} s" in shown


def test_the_documents_keys_are_documented(run: Run) -> None:
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    keys = json.loads(run("schema").stdout)["properties"]
    assert f"The document's keys are `{', '.join(keys)}`" in page


def test_analyze_reads_standard_input(run: Run, sample_calls: list[SampleCall]) -> None:
    piped = run("analyze", "-", "--json", stdin=sample_calls[0].path.read_bytes())
    assert piped.returncode == 0, piped.stderr
    named = json.loads(run("analyze", sample_calls[0].path, "--json").stdout)
    document = json.loads(piped.stdout)
    assert document["call"].pop("call_id") == "stdin"
    named["call"].pop("call_id")
    assert document == named


def test_names_and_terminals_that_know_no_utf8(
    run: Run, sample_calls: list[SampleCall], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / os.fsdecode(b"anruf-\xfcber.wav")
    shutil.copy(sample_calls[0].path, path)
    done = run("analyze", path, "--out", tmp_path / "call.json")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "call.json").read_text("utf-8"))["call"]["call_id"] == "anruf-?ber.wav"
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    plain = run("analyze", path)
    assert plain.returncode == 0, plain.stderr
    assert "assertiveness" in plain.stdout


def test_schema_prints_the_schema(run: Run) -> None:
    assert json.loads(run("schema").stdout) == load_schema()


def test_doctor_finds_nothing_wrong_and_says_what_is_used(run: Run) -> None:
    done = run("doctor")
    assert done.returncode == 0, done.stdout
    assert "FAIL" not in done.stdout
    for words in ("SIMD", "model bundle", "onnxruntime", "self-test"):
        assert words in done.stdout


def test_doctor_says_what_is_wrong(run: Run, tmp_path: Path) -> None:
    done = run("doctor", "--bundle", tmp_path / "nowhere")
    assert done.returncode == 1
    assert "FAIL" in done.stdout
    assert "nowhere" in "".join(done.stdout.split())  # a long path is folded


def write_wav(path: Path, *, rate_hz: int = 8000, channels: int = 2, subtype: str = "PCM_16") -> Path:
    noise = np.random.default_rng(3).normal(0, 0.05, (rate_hz, channels))
    soundfile.write(path, noise, rate_hz, subtype=subtype)
    return path


def truncated(path: Path) -> Path:
    write_wav(path)
    path.write_bytes(path.read_bytes()[:-2000])
    return path


def with_nan(path: Path) -> Path:
    samples = np.zeros((8000, 2), np.float32)
    samples[123, 0] = np.nan
    soundfile.write(path, samples, 8000, subtype="FLOAT")
    return path


def text(path: Path) -> Path:
    path.write_text("this is no recording\n" * 100, "utf-8")
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path, "call.wav"),
        (truncated, "2000"),
        (with_nan, "sample 123 of channel 0"),
        (text, "call.wav"),
        (lambda path: write_wav(path, channels=17), "17 channels"),
        (lambda path: write_wav(path, rate_hz=4000), "4000 Hz"),
        (lambda path: write_wav(path, channels=1).parent, "directory"),
    ],
    ids=["missing", "truncated", "nan", "text", "17 channels", "4000 Hz", "directory"],
)
def test_bad_recordings_end_with_code_2_and_one_line(run: Run, tmp_path: Path, make: object, words: str) -> None:
    done = run("analyze", make(tmp_path / "call.wav"))  # type: ignore[operator]
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert words in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--caller-channel", 5], "caller channel 5"),
        (["--bundle", "/nowhere"], "/nowhere"),
        (["--out", "/nowhere/out.json"], "/nowhere"),
        (["--out", "/"], "is a directory"),
        (["--seed", "-5"], "--seed"),
        (["--seed", "x"], "seed"),
    ],
)
def test_bad_options_end_with_code_2(run: Run, sample_calls: list[SampleCall], args: list[object], words: str) -> None:
    done = run("analyze", sample_calls[0].path, *args)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert words in done.stderr


def test_an_empty_recording_is_answered(run: Run, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "empty.wav", np.zeros((0, 2)), 8000)
    document = json.loads(run("analyze", tmp_path / "empty.wav", "--json").stdout)
    assert document["call"]["duration_s"] == 0
    assert document["style"]["reason"] == "no_speech"


def test_stream_gives_what_analyze_gives(run: Run, service: str, sample_calls: list[SampleCall]) -> None:
    for sample in sample_calls[:2]:
        streamed = run("stream", sample.path, "--target", service, "--speed", 0, "--json")
        assert streamed.returncode == 0, streamed.stderr
        assert json.loads(streamed.stdout) == json.loads(run("analyze", sample.path, "--json").stdout)


def test_stream_shows_interim_results_at_least_every_second_of_the_call(run: Run, service: str, sample_calls: list[SampleCall]) -> None:
    done = run("stream", sample_calls[0].path, "--target", service, "--speed", 20)
    assert done.returncode == 0, done.stderr
    seconds = int(sample_calls[0].manifest["duration_s"])
    lines = [line for line in done.stdout.splitlines() if "assertiveness" in line and "±" in line]
    assert len(lines) >= seconds


def test_stream_without_a_service_ends_with_code_3(run: Run, sample_calls: list[SampleCall]) -> None:
    done = run("stream", sample_calls[0].path, "--target", "127.0.0.1:1", "--speed", 0)
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith("simpatico: 127.0.0.1:1: ")


def test_stream_over_tls_to_a_service_without_it_ends_with_one_line(run: Run, service: str, sample_calls: list[SampleCall]) -> None:
    authority = ROOT / "tests" / "server" / "certificates" / "authority.pem"
    done = run("stream", sample_calls[0].path, "--target", service, "--tls-authority", authority)
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()  # and none of gRPC's own
    assert line.startswith(f"simpatico: {service}: UNAVAILABLE: ")
    assert line.endswith("does it speak the same way (TLS or plain text)?")


def test_serve_on_a_port_in_use_ends_with_code_2(run: Run, service: str) -> None:
    done = run("serve", "--port", service.rsplit(":", 1)[1])
    assert done.returncode == 2
    assert done.stderr.splitlines() == [  # nor do gRPC's own lines come first
        f"simpatico: cannot listen on {service}: Address already in use; stop what uses it, or choose another address or port "
        "(0 takes a free one)"
    ]


def test_every_command_and_option_is_documented(run: Run) -> None:
    import typer

    from simpatico.cli import app

    documentation = (ROOT / "docs" / "cli.md").read_text("utf-8")
    pending = [("simpatico", typer.main.get_command(app))]
    while pending:
        name, command = pending.pop()
        pending += [(f"{name} {word}", below) for word, below in getattr(command, "commands", {}).items()]
        assert name in documentation
        for parameter in command.params:
            for option in parameter.opts:
                if option.startswith("--") and name != "simpatico":
                    assert f"`{option}" in documentation, f"{name} {option}"
