from typing import Any, final

from numpy.typing import NDArray

COLUMNS: tuple[str, ...]
UNITS: tuple[str, ...]
SIMD_NAMES: tuple[str, ...]
SIMD_AVAILABLE: tuple[str, ...]
VERSION: str
COMPILER: str
LATENCY_FRAMES: int
MAX_ABS: float

@final
class State:
    def __new__(cls, sample_rate_hz: int, simd: str | None = None) -> State: ...
    def push(self, samples: NDArray[Any], out: NDArray[Any], /) -> int: ...
    def finish(self, out: NDArray[Any], /) -> int: ...
    def reset(self) -> None: ...
    def describe(self) -> dict[str, Any]: ...
