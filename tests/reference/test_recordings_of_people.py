"""The recordings that the scale is fitted on: found, joined, heard through a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.recordings import Speaker, speakers, spoken
from bench.synthvoice import Condition

CLEAN = (Condition(8000, "full", "none", np.inf),)
PEOPLE = "usr/share/asterisk/sounds/it_IT_f_Menardi"


def a_tone(path: Path, seconds: float = 1.5, rate_hz: int = 16000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * 200 * np.arange(round(seconds * rate_hz)) / rate_hz), rate_hz)
    return path


def test_voices_are_told_apart_by_their_folders_and_silence_is_none(tmp_path: Path) -> None:
    a_tone(tmp_path / PEOPLE / "digits/1.wav")
    a_tone(tmp_path / PEOPLE / "silence/1.wav")
    for language in ("da", "nl"):
        a_tone(tmp_path / f"usr/share/klettres/{language}/alpha/a.ogg", rate_hz=44100)
    a_tone(tmp_path / "usr/share/games/fillets-ng/sound/cellar/cs/cel-m-one.ogg", rate_hz=44100)
    a_tone(tmp_path / "usr/share/games/fillets-ng/sound/cellar/nl/cel-v-two.ogg", rate_hz=44100)
    found = {s.name: (s.fitted, len(s.files)) for s in speakers(tmp_path)}
    assert found == {
        "Paola": (True, 1),
        "fillets cs m": (False, 1),
        "fillets nl v": (False, 1),
        "klettres da": (False, 1),
        "klettres nl": (False, 1),
    }


def test_a_folder_without_those_who_are_fitted_on_is_refused(tmp_path: Path) -> None:
    a_tone(tmp_path / "usr/share/klettres/da/alpha/a.ogg", rate_hz=44100)
    with pytest.raises(FileNotFoundError, match=r"has no usr/share/asterisk/sounds: unpack the packages"):
        list(speakers(tmp_path))


def test_pieces_are_of_their_length_the_same_each_time_and_end_with_the_recordings(tmp_path: Path) -> None:
    someone = Speaker("someone", True, tuple(a_tone(tmp_path / f"{k}.wav") for k in range(12)))
    first, again = (list(spoken(someone, CLEAN, 90)) for _ in range(2))
    assert [len(x) for x in first] == [40000, 40000, 80000][: len(first)]
    assert 1 <= len(first) <= 3
    assert len(list(spoken(someone, CLEAN, 1))) == 1
    for x, y in zip(first, again, strict=True):
        np.testing.assert_array_equal(x, y)
        assert 10 ** (-24 / 20) <= np.abs(x).max() <= 10 ** (-6 / 20) + 1e-3
        assert (x == 0).any()


def test_files_without_the_band_without_sound_or_too_short_are_left_out(tmp_path: Path) -> None:
    narrow = a_tone(tmp_path / "narrow.wav", rate_hz=8000)
    short = a_tone(tmp_path / "short.wav", 0.05)
    soundfile.write(tmp_path / "silent.wav", np.zeros(16000), 16000)
    wide = (Condition(16000, "full", "none", np.inf),)
    assert list(spoken(Speaker("s", True, (narrow, short, tmp_path / "silent.wav") * 20), wide, 9)) == []


def test_noise_is_20_db_below_the_speech_and_pauses_have_it(tmp_path: Path) -> None:
    someone = Speaker("someone", True, tuple(a_tone(tmp_path / f"{k}.wav") for k in range(12)))
    (clean,) = spoken(someone, CLEAN, 1)
    (noisy,) = spoken(someone, (Condition(8000, "full", "white", 20.0),), 1)
    speech = np.mean(clean[np.abs(clean) > 0.02 * np.abs(clean).max()] ** 2)
    assert 10 * np.log10(speech / np.mean((noisy - clean) ** 2)) == pytest.approx(20, abs=0.3)


def test_gsm_is_read(tmp_path: Path) -> None:
    x = 0.5 * np.sin(2 * np.pi * 200 * np.arange(160 * 100) / 8000)
    for k in range(5):
        soundfile.write(tmp_path / f"{k}.gsm", x, 8000, format="RAW", subtype="GSM610")
    (piece,) = spoken(Speaker("s", True, tuple(sorted(tmp_path.glob("*.gsm")))), CLEAN, 1)
    power = np.abs(np.fft.rfft(piece)) ** 2
    assert np.argmax(power) / len(piece) * 8000 == pytest.approx(200, abs=1)


def test_g722_is_read(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="av is not installed")
    (tmp_path / "half.g722").write_bytes(bytes(range(256)) * 80)
    (tmp_path / "empty.g722").write_bytes(b"\x00" * 4)
    pieces = list(
        spoken(Speaker("s", True, (tmp_path / "empty.g722", *[tmp_path / "half.g722"] * 9)), (Condition(16000, "full", "none", np.inf),), 1)
    )
    assert len(pieces) == 1
    assert pieces[0].any()
