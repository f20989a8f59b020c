"""Wrong usage of any command: one line on standard error that names the value and what would work, and exit code 2."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import typer

from simpatico.cli import app, main
from simpatico.cli.stream import _named_after
from simpatico.cli.target import check_target
from simpatico.cli.usage import one_line
from simpatico.server.analysis.session import check_call_id
from tests.conftest import SAMPLES

Say = Callable[..., str]


def commands(command: Any = None, words: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Every command that there is, with the words that call it."""
    command = typer.main.get_command(app) if command is None else command
    below = getattr(command, "commands", {})
    found = [] if below else [(words, command)]
    return found + [each for name, child in below.items() for each in commands(child, (*words, name))]


EVERY = [pytest.param(words, command, id=" ".join(words)) for words, command in commands()]


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Return a function that runs wrong usage and returns the one line that it is answered with."""

    monkeypatch.setenv("GRPC_VERBOSITY", "ERROR")  # a command would set it, for this process

    def run(*args: str) -> str:
        monkeypatch.setattr(sys, "argv", ["simpatico", *args])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert ended.value.code == 2, err
        assert out == ""
        assert err.startswith("simpatico: ")
        assert err.endswith("\n")
        assert err.count("\n") == 1, err
        return err

    return run


def valid(command: Any) -> list[str]:
    """Words for whatever the command demands, none of which is looked at before its usage is checked."""
    words = []
    for parameter in command.params:
        if parameter.required and parameter.param_type_name == "argument":
            words.append("x")
        elif parameter.required:
            option = max(parameter.opts, key=len)
            words += [option, "7" if option in numbers(command) else "x"]
    return words


def numbers(command: Any) -> list[str]:
    """Options of a command that take a number."""
    hints = get_type_hints(command.callback)
    named = [parameter for parameter in command.params if parameter.name in hints]
    return [max(p.opts, key=len) for p in named if {int, float} & {hints[p.name], *get_args(hints[p.name]), *_inner(hints[p.name])}]


def _inner(hint: Any) -> tuple[Any, ...]:
    return tuple(deep for each in get_args(hint) for deep in get_args(each))


def test_the_options_that_take_numbers_are_found() -> None:
    found = {" ".join(words): numbers(command) for words, command in commands()}
    assert found["features"] == ["--window", "--hop", "--channel", "--jobs"]
    assert found["stream"] == ["--speed", "--caller-channel", "--seed", "--utc-offset-min"]
    assert found["token issue"] == ["--hours"]


@pytest.mark.parametrize(("words", "command"), EVERY)
def test_an_option_that_there_is_not(say: Say, words: tuple[str, ...], command: Any) -> None:
    line = say(*words, "--zzz", *valid(command))
    assert f"{' '.join(words)} has no option '--zzz'" in line
    assert "there are --" in line


@pytest.mark.parametrize(("words", "command"), EVERY)
def test_what_is_missing_and_what_it_is(say: Say, words: tuple[str, ...], command: Any) -> None:
    needed = [parameter for parameter in command.params if parameter.required]
    if needed:
        line = say(*words)
        assert "which is missing" in line
        assert any(parameter.help in line for parameter in needed)


@pytest.mark.parametrize(("words", "command"), EVERY)
def test_words_too_many(say: Say, words: tuple[str, ...], command: Any) -> None:
    if not any(parameter.nargs == -1 for parameter in command.params):
        assert "(toomany)" in say(*words, *valid(command), "toomany")


@pytest.mark.parametrize(("words", "command"), EVERY)
def test_what_is_no_number_is_named(say: Say, words: tuple[str, ...], command: Any) -> None:
    for option in numbers(command):
        line = say(*words, *valid(command), option, "seven")
        assert f"{option} is 'seven'; it should be a valid" in line


TAKEN = {
    ("serve --realtime-factor", "inf"),
    ("stream --speed", "inf"),
    ("stream --caller-channel", "-1"),
    ("stream --utc-offset-min", "-1"),
    ("analyze --caller-channel", "-1"),
}
"""No limit; as fast as it goes; no channel is the caller's; an hour zone."""


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1"])
@pytest.mark.parametrize(("words", "command"), EVERY)
def test_numbers_that_cannot_be_are_refused_at_once(say: Say, words: tuple[str, ...], command: Any, value: str) -> None:
    """Before anything is opened: files, settings and databases that are not there are not what is said to be wrong."""
    for option in numbers(command):
        if (f"{' '.join(words)} {option}", value) in TAKEN:
            continue
        line = say(*words, *valid(command), option, value, *(["--window", "1"] if option == "--hop" else []))
        assert re.search(rf"\b{option.strip('-').replace('-', '[-_]')}", line), line
        assert re.search(rf"(?<![\w.]){re.escape(value)}\b", line), line


@pytest.mark.parametrize("value", ["0", "0.5", "1", "95"])
@pytest.mark.parametrize("name", ["lift", "evaluate"])
def test_a_confidence_is_refused_at_once(say: Say, name: str, value: str) -> None:
    assert f"--confidence: {value} is no confidence of an interval; above 0.5 and below 1 works" in say(
        "routing", name, "--confidence", value
    )


@pytest.mark.parametrize("option", ["--days", "--block-hours"])
def test_an_experiment_of_no_length_is_refused_at_once(say: Say, option: str) -> None:
    words = ("routing", "experiment", "start", "x", "--queue", "q", "--days", "7")
    assert f"{option}: 0 is no length; a number above 0 works" in say(*words, option, "0")


@pytest.mark.parametrize(("words", "command"), EVERY)
def test_an_option_without_its_value(say: Say, words: tuple[str, ...], command: Any) -> None:
    for parameter in command.params:
        if parameter.param_type_name == "option" and not parameter.is_flag:
            option = max(parameter.opts, key=len)
            assert f"{option} VALUE works" in say(*words, *valid(command), option)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["nope"], "No such command 'nope'; there are analyze, "),
        (["analyse", "x.wav"], "Did you mean 'analyze'? There are analyze, "),
        (["token", "nope"], "No such command 'nope'; there are key, issue"),
        (["--zzz"], "has no option '--zzz'; there are --version"),
        (["analyze", "--sed", "1", "x"], "analyze has no option '--sed'; did you mean --seed"),
        (["analyze", "--json=yes", "x"], "--json alone works"),
        (["analyze", "--seed", "-5", "x"], "--seed is '-5'; it should be greater than or equal to 0"),
        (["analyze", "--caller-channel", "-2", "x"], "--caller-channel is '-2'; it should be greater than or equal to -1"),
        (["analyze", "absent.wav"], "absent.wav does not exist"),
        (["analyze", "two\nlines.wav"], "lines.wav does not exist"),
        (["analyze", "a.wav", "b.wav"], "(b.wav); analyze takes CALL"),
        (["serve", "loud"], "(loud); serve takes options only"),
        (["serve", "--config", "absent.toml"], "absent.toml"),
        (["serve", "--set", "limits.calls"], "'limits.calls' is not KEY=VALUE"),
        (["stream", "absent.wav"], "absent.wav does not exist"),
        (["stream", "absent.wav", "--speed", "-1"], "--speed is '-1'"),
        (["stream", "absent.wav", "--utc-offset-min", "900"], "--utc-offset-min is '900'"),
        (["features", "x", "--out", "y.csv", "--channel", "-1"], "--channel is '-1'"),
        (["token", "issue", "--key", "absent.jwk", "--subject", "a", "--role", "qa"], "absent.jwk"),
        (["token", "issue", "--key", "k", "--subject", "a", "--role", "king"], "no role 'king'; there are router, "),
    ],
    ids=lambda value: " ".join(value).replace("\n", "|") if isinstance(value, list) else "",
)
def test_the_line_names_the_value_and_what_would_work(say: Say, args: list[str], words: str) -> None:
    assert words in say(*args)


def test_a_channel_that_the_recording_has_not(say: Say, sample_calls: list[Any]) -> None:
    path = str(sample_calls[0].path)
    assert "no caller channel (-1 on the command line) is for a lone channel" in say("analyze", path, "--caller-channel", "-1")
    assert "caller channel 7 does not exist in audio of 2 channel(s): 0 or 1 works" in say("analyze", path, "--caller-channel", "7")


def test_secrets_that_cannot_be_read(say: Say, sample_calls: list[Any]) -> None:
    path = str(sample_calls[0].path)
    assert "absent.jwt" in say("stream", path, "--token-file", "absent.jwt")
    assert "give --caller-key too" in say("stream", path, "--reason", "cards")
    assert "cannot read authority 'absent.pem': No such file" in say("stream", path, "--tls-authority", "absent.pem")
    assert "holds no certificate" in say("stream", path, "--tls-authority", __file__)
    assert "has no key: both work together" in say("stream", path, "--tls-certificate", "service.pem")
    assert "has no certificate: both work together" in say("stream", path, "--tls-key", "service.key")
    assert "cannot be used together" in say("stream", path, "--tls-certificate", __file__, "--tls-key", __file__)


def test_an_output_that_cannot_be_written(say: Say, sample_calls: list[Any], tmp_path: Path) -> None:
    path = str(sample_calls[0].path)
    (tmp_path / "file").touch()
    assert "is a directory; name a file in it" in say("analyze", path, "--out", str(tmp_path))
    assert "does not exist; create it first" in say("analyze", path, "--out", str(tmp_path / "file" / "x.json"))
    name = "n" * 300 + ".json"  # longer than file systems take
    assert f"{name}' cannot be used: File name too long" in say("analyze", path, "--out", str(tmp_path / name))


def test_a_recording_is_not_replaced_by_its_analysis(say: Say, sample_calls: list[Any], tmp_path: Path) -> None:
    call = tmp_path / "call.wav"
    call.write_bytes(sample_calls[0].path.read_bytes())
    (tmp_path / "link.wav").hardlink_to(call)
    for out in (call, tmp_path / "link.wav"):
        assert f"--out: '{out}' is read in this run and would be lost" in say("analyze", str(call), "--out", str(out))
    assert call.read_bytes() == sample_calls[0].path.read_bytes()


def test_no_command_prints_the_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["token"]):
        monkeypatch.setattr(sys, "argv", ["simpatico", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        assert "Commands" in "".join(capsys.readouterr())


def test_an_interrupted_command_ends_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("simpatico.audio.open_call", interrupted)
    monkeypatch.setattr(sys, "argv", ["simpatico", "analyze", "x.wav"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "target", ["localhost:50051", "10.0.0.1:1", "[::1]:65535", "dns:///calls.example:443", "unix:/run/simpatico", "ipv6:[::1]:5"]
)
def test_targets(target: str) -> None:
    assert check_target(target) == target


@pytest.mark.parametrize(
    ("target", "works"),
    [
        ("host:99999", "host:50051"),
        ("host:0", "host:50051"),
        ("host:", "host:50051"),
        ("host:http", "host:50051"),
        ("host:٣", "host:50051"),
        ("host", "host:50051"),
        ("50052", "127.0.0.1:50052"),
        (":50052", "127.0.0.1:50052"),
        ("", "127.0.0.1:50051"),
        ("::1:50051", r"\[::1\]:50051"),
        ("a/b:1", "127.0.0.1:50051"),
        ("http://calls.example:50051", "HOST:PORT alone works"),
    ],
)
def test_what_is_no_target(say: Say, target: str, works: str) -> None:
    with pytest.raises(typer.BadParameter, match=works):
        check_target(target)
    assert repr(target) in say("stream", "x.wav", "--target", target)


def test_one_line() -> None:
    assert one_line("a\n\n  b \r\nc") == "a b c"


@pytest.mark.parametrize("option", ["--call-id", "--caller-key", "--notice", "--reason"])
def test_text_that_is_no_text(say: Say, option: str) -> None:
    assert f"{option}: '4711\\udcff' holds bytes that are no text; UTF-8 works" in say("stream", "x", option, "4711\udcff")


def test_a_seed_that_no_message_holds(say: Say) -> None:
    assert "--seed is '9223372036854775808'; it should be less than or equal to 9223372036854775807" in say(
        "stream", "x", "--seed", str(2**63)
    )


def test_a_very_long_argument_is_not_said_whole(say: Say) -> None:
    line = say("analyze", "x" * 100_000)
    assert len(line) < 1100
    assert line.endswith("cannot be opened: File name too long\n")


def test_a_private_key_is_not_overwritten_by_its_public_half(say: Say, tmp_path: Path) -> None:
    file = str(tmp_path / "key.jwk")
    assert f"--private and --public both name {file!r}: two files" in say("token", "key", "--private", file, "--public", file)
    assert not (tmp_path / "key.jwk").exists()


def test_a_call_is_named_after_its_file_so_that_the_service_takes_it() -> None:
    assert _named_after(Path("calls/booking.wav")) == "booking.wav"
    for name in ("\udcff.wav", "a\nb.wav", "x" * 250 + ".wav", "Grüße\x7f"):
        check_call_id(f"{_named_after(Path(name))}-{'0' * 8}", "call_id")


@pytest.mark.parametrize("words", [("schema",), ("analyze", str(SAMPLES / "booking.wav"))])
def test_a_full_disk_is_said_in_one_line(words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([sys.executable, "-m", "simpatico", *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "simpatico: what was to be written cannot be: No space left on device; make room, or write elsewhere\n"


def test_an_output_that_does_not_fit_leaves_the_one_before(tmp_path: Path) -> None:
    out = tmp_path / "call.json"
    out.write_text("that of yesterday\n")
    words = [sys.executable, "-m", "simpatico", "analyze", str(SAMPLES / "booking.wav"), "--out", str(out)]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    )
    assert done.returncode == 2
    assert done.stderr == "simpatico: what was to be written cannot be: File too large; make room, or write elsewhere\n"
    assert out.read_text() == "that of yesterday\n"
    assert [path.name for path in tmp_path.iterdir()] == ["call.json"]
