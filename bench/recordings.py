"""Recordings of people: on some of them ``bench.egemaps_scale`` fits, with the others it checks.

They are prompts of telephone exchanges, letters and syllables of a game for children, and dialogues of another game, of Debian 12, and do
not belong to this project. Into an empty folder::

    apt-get download asterisk-core-sounds-{en,es,fr,it,ru}-g722 asterisk-prompt-{es-co,fr-armelle,it-menardi-wav}
    apt-get download klettres-data fillets-ng-data-{cs,nl}
    for package in *.deb; do dpkg-deb -x "$package" .; done

What ships is fitted only on voices whose licence asks for no more than credit and the same licence for the recordings themselves (CC BY,
CC BY-SA, BSD): Allison Smith, June Wallack, Carlo Flora, Maxim Topal (Asterisk core sounds), Paola Dal Zot (asterisk-prompt-it-menardi),
Armelle Desjardins (asterisk-prompt-fr-armelle). The others, under the GPL, only check.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from bench.reference import reference
from bench.synthvoice import Condition, heard

__all__ = ["Speaker", "speakers", "spoken"]

Array = NDArray[np.float64]

_ASTERISK: Final = "usr/share/asterisk/sounds"
_FITTED: Final = {
    "Allison": ("en_US_f_Allison/**/*.g722", "es_MX_f_Allison/**/*.g722"),
    "June": ("fr_CA_f_June/**/*.g722",),
    "Carlo": ("it_IT_m_Carlo/**/*.g722",),
    "Maxim": ("ru_RU_f_IvrvoiceRU/**/*.g722",),
    "Paola": ("it_IT_f_Menardi/**/*.wav",),
    "Armelle": ("fr/**/*.gsm",),
}
_CHECKED: Final = {"es-co": (f"{_ASTERISK}/es/**/*.gsm",)} | {
    f"fillets {language} {fish}": (f"usr/share/games/fillets-ng/sound/**/{language}/*-{fish}-*.ogg",)
    for language in ("cs", "nl")
    for fish in ("m", "v")
}
"""In Fish Fillets the small fish (m) and the big one (v) have a voice each, in either language."""
_LETTERS: Final = "usr/share/klettres"
_SILENCE: Final = "silence"
_GSM_RATE_HZ: Final = 8000
_LONGEST_S: Final = 8.0
_SHORTEST_S: Final = 0.1
_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = (0.1, 6.0)
"""Drawn for each piece, so that some are full of speech and some have a word or two."""
_LEVEL_DB: Final = (-24.0, -6.0)
"""Of a recording's peak."""
_ACTIVE: Final = 0.02
"""Share of the peak above which a sample counts as speech, for the level of noise."""
LENGTHS_S: Final = (5, 5, 10)


@dataclass(frozen=True)
class Speaker:
    """One voice and its files; ``fitted`` if what ships may be fitted on it."""

    name: str
    fitted: bool
    files: tuple[Path, ...]


def speakers(folder: Path) -> Iterator[Speaker]:
    """The voices in a folder of unpacked packages.

    Raises
    ------
    FileNotFoundError
        None of the voices that are fitted on is there.
    """
    fitted = [_speaker(folder / _ASTERISK, name, True, patterns) for name, patterns in _FITTED.items()]
    if not any(s.files for s in fitted):
        raise FileNotFoundError(f"{folder} has no {_ASTERISK}: unpack the packages that bench/recordings.py names into it")
    letters = {f"klettres {p.name}": (f"{_LETTERS}/{p.name}/*/*.ogg",) for p in sorted((folder / _LETTERS).glob("*"))}
    checked = [_speaker(folder, name, False, patterns) for name, patterns in (_CHECKED | letters).items()]
    yield from (s for s in [*fitted, *checked] if s.files)


def _speaker(folder: Path, name: str, fitted: bool, patterns: tuple[str, ...]) -> Speaker:
    files = sorted(p for pattern in patterns for p in folder.glob(pattern) if _SILENCE not in p.parts)
    return Speaker(name, fitted, tuple(files))


def spoken(speaker: Speaker, lines: tuple[Condition, ...], most: int) -> Iterator[Array]:
    """At most ``most`` pieces of 5 s and 10 s at the lines' rate: recordings one after the other, as heard through one line each.

    Order, pauses and levels are drawn, by the speaker's name. Files that do not hold the lines' band are left out.
    """
    rng = np.random.default_rng(zlib.crc32(speaker.name.encode()))
    rate_hz = lines[0].rate_hz
    files = iter([speaker.files[k] for k in rng.permutation(len(speaker.files))])
    for k in range(most):
        speech = _joined(files, LENGTHS_S[k % len(LENGTHS_S)] * rate_hz, rate_hz, rng)
        if speech is None:
            return
        active = np.abs(speech) > _ACTIVE * np.abs(speech).max()
        yield heard(speech, active, lines[k // len(LENGTHS_S) % len(lines)], rng)


def _joined(files: Iterator[Path], size: int, rate_hz: int, rng: np.random.Generator) -> Array | None:
    """Recordings with pauses between them, ``size`` samples; None when there are no more."""
    parts: list[Array] = []
    level_db, longest_s = rng.uniform(*_LEVEL_DB), np.exp(rng.uniform(*np.log(_LONGEST_PAUSE_S)))
    while sum(map(len, parts)) < size:
        path = next(files, None)
        if path is None:
            return None
        x = _read(path, rate_hz)
        if x is None or len(x) < _SHORTEST_S * rate_hz or not x.any():
            continue
        x = x[: round(_LONGEST_S * rate_hz)]
        pause_s = np.exp(rng.uniform(np.log(_PAUSE_S), np.log(longest_s)))
        parts += [np.zeros(round(pause_s * rate_hz)), x / np.abs(x).max() * 10 ** (level_db / 20)]
    return np.concatenate(parts)[:size]


def _read(path: Path, rate_hz: int) -> Array | None:
    """Samples at ``rate_hz``, channels averaged; None if the file's own rate is lower."""
    if path.suffix == ".g722":
        with reference("av").open(str(path), format="g722") as container:
            x = np.concatenate([np.zeros(0), *(frame.to_ndarray().ravel() / 32768.0 for frame in container.decode(audio=0))])
            own_hz = container.streams.audio[0].rate
    elif path.suffix == ".gsm":
        x, own_hz = soundfile.read(path, format="RAW", subtype="GSM610", samplerate=_GSM_RATE_HZ, channels=1)
    else:
        x, own_hz = soundfile.read(path, always_2d=True)
        x = x.mean(1)
    if own_hz < rate_hz:
        return None
    common = int(np.gcd(own_hz, rate_hz))
    return np.asarray(resample_poly(x, rate_hz // common, own_hz // common), dtype=np.float64)
