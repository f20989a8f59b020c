"""Write the seeds of the fuzz harnesses: programmes that reach what random bytes take long to find.

``python service/core/fuzz/make_seeds.py`` writes ``corpus/<harness>/made-*``. What fuzzing found is beside them as ``found-*``; README.md
says how to take up more.
"""

from __future__ import annotations

import struct
from itertools import product
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"

# Actions and kinds of fuzz_stream.c.
READ, FINISH, RESET = 13, 14, 15
HOSTILE, INTEGERS, BUZZ, NOISE, SILENCE, PULSES = range(6)
NAN = 15  # of take_float in fuzz_input.h
# Actions of fuzz_functionals.c.
ROWS, HOSTILE_ROWS, COMPARE, RESET_FIGURES = 0, 3, 6, 7


def header(rate: int, level: int, sets: int) -> bytes:
    """First bytes of a stream: rate (0 or 1 for 8 or 16 kHz), SIMD level by number, sets less one, and a seed."""
    return struct.pack("<BH", rate | level << 1 | sets << 3, 12345)


def block(kind: int, count: int, *, level: int = 0, pitch: int = 100, period: int = 1, pattern: bytes = b"") -> bytes:
    """A block of samples; ``level`` is in eighths of an octave below or above full scale, ``period`` the length of a pattern."""
    body = struct.pack("<B", kind) + (struct.pack("<b", level) if kind >= BUZZ else b"")
    return b"\0" + body + struct.pack("<HBH", pitch, period - 1, count) + pattern


def stream_seeds() -> dict[str, bytes]:
    """Each rate, level and set with a voice and pauses; then hostile blocks and orders."""
    voice = b"".join(block(BUZZ, 1000, level=-24, pitch=200 + 40 * i) + block(SILENCE, 500) for i in range(4))
    seeds = {f"voice-{r}-{level}-{sets}": header(r, level, sets) + voice for r, level, sets in product((0, 1), range(4), range(3))}
    both = header(0, 0, 2)
    loud = block(BUZZ, 1000, level=-8, pitch=300) + block(BUZZ, 1000, level=24, pitch=500)
    seeds["reset-finish"] = both + loud + bytes([FINISH, RESET]) + voice + bytes([FINISH, FINISH]) + loud
    seeds["read-little"] = both + loud + bytes([READ, 1]) + block(PULSES, 1024, level=-16, period=4) * 4
    seeds["noise"] = both + block(NOISE, 1000, level=60) + block(NOISE, 1000, level=-127) + block(NOISE, 1000)
    seeds["nan"] = both + loud + block(HOSTILE, 500, period=3, pattern=bytes([230, NAN, 210])) + voice
    for named in range(18):
        seeds[f"hostile-{named}"] = both + block(HOSTILE, 1000, period=3, pattern=bytes([named, 200 + named, named])) + loud
    seeds["integers"] = both + block(INTEGERS, 1024, period=16, pattern=struct.pack("<16h", *range(-32768, 32767, 4096))) * 3
    seeds["range"] = struct.pack("<BH", 0x40 | 2 << 3, 1) + bytes([216 + 8, 14, 0, 0]) + voice
    return seeds


def rows(action: int, count: int, body: bytes, *, gap: int = 0) -> bytes:
    """A call that adds ``count`` rows, ``gap`` floats between them."""
    return bytes([action, count, gap]) + body


def functionals_seeds() -> dict[str, bytes]:
    """Short and long segments at several levels, hostile rows, refusals, resets."""
    head = struct.pack("<BH", 40, 99)  # exact up to 80 rows
    levels = {"quiet": -40, "usual": 0, "loud": 40, "huge": 127, "tiny": -128}
    seeds = {name: head + rows(ROWS, 90, struct.pack("<b", level), gap=3) * 4 for name, level in levels.items()}
    seeds["long"] = struct.pack("<BH", 32, 7) + rows(ROWS, 96, b"\0") * 30 + bytes([COMPARE])
    seeds["short"] = head + b"".join(rows(ROWS, n, b"\0") + bytes([COMPARE]) for n in range(10))
    seeds["reset"] = head + rows(ROWS, 90, b"\0") + bytes([RESET_FIGURES]) + rows(ROWS, 20, b"\1")
    for named in range(18):
        seeds[f"hostile-{named}"] = (
            head + rows(ROWS, 30, b"\0") + rows(HOSTILE_ROWS, 50, bytes([named, 240, 10, 10])) + rows(ROWS, 30, b"\0")
        )
    return seeds


def main() -> None:
    """Write all of them."""
    for harness, seeds in {"stream": stream_seeds(), "functionals": functionals_seeds()}.items():
        folder = CORPUS / harness
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in seeds.items():
            (folder / f"made-{name}").write_bytes(content)
        print(f"{harness}: {len(seeds)} seeds, {sum(map(len, seeds.values()))} bytes")


if __name__ == "__main__":
    main()
