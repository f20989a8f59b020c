"""G.711 tables: all 256 codes against the Recommendation's own values and against libsndfile."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from simpatico.audio.g711 import ALAW, ALAW_IDLE, MULAW, MULAW_PEAK


@pytest.mark.parametrize(("table", "subtype"), [(MULAW, "ULAW"), (ALAW, "ALAW")])
def test_all_codes_agree_with_libsndfile(table: np.ndarray, subtype: str) -> None:
    codes = io.BytesIO(bytes(range(256)))
    theirs = soundfile.read(codes, dtype="int16", samplerate=8000, channels=1, format="RAW", subtype=subtype)[0]
    assert np.array_equal(table, theirs / np.float32(32768))


def test_mulaw_values_of_the_recommendation() -> None:
    # G.711 table 2a, 14-bit decoder outputs: code 0x80 is the largest positive, 0xFF positive zero, 0x7F negative zero.
    for code, value in [(0x80, 8031), (0x8F, 4191), (0x90, 3999), (0xFE, 2), (0xFF, 0), (0x7F, 0), (0x00, -8031)]:
        assert MULAW[code] * 32768 == 4 * value


def test_alaw_values_of_the_recommendation() -> None:
    # G.711 table 1a, 13-bit decoder outputs (half steps count double): even bits inverted.
    for code, value in [(0xAA, 4032), (0xD5, 1), (0x55, -1), (0x2A, -4032)]:
        assert ALAW[code] * 32768 == 8 * value


@pytest.mark.parametrize("table", [MULAW, ALAW])
def test_tables_are_odd_and_read_only(table: np.ndarray) -> None:
    assert np.array_equal(table[:128], -table[128:])
    with pytest.raises(ValueError, match="read-only"):
        table[0] = 0.0


def test_constants() -> None:
    assert MULAW_PEAK == 32124 / 32768
    assert ALAW_IDLE == 8 / 32768
