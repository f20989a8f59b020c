from collections.abc import Callable, Iterable
from typing import Any, final

from numpy.typing import NDArray

COLUMNS: tuple[str, ...]
UNITS: tuple[str, ...]
EGEMAPS_COLUMNS: tuple[str, ...]
EGEMAPS_UNITS: tuple[str, ...]
SET_SIGNALS: int
SET_EGEMAPS: int
SIMD_NAMES: tuple[str, ...]
SIMD_AVAILABLE: tuple[str, ...]
VERSION: str
COMPILER: str
LATENCY_FRAMES: int
EGEMAPS_LATENCY_FRAMES: int
MAX_ABS: float
FUNCTIONAL_NAMES: tuple[str, ...]
FUNCTIONAL_UNITS: tuple[str, ...]
MIN_EXACT_FRAMES: int
MAX_EXACT_FRAMES: int

def advance(
    states: list[State], samples: list[NDArray[Any]], new_rows: Callable[[tuple[int, int]], NDArray[Any]], /
) -> list[NDArray[Any]]: ...
def smooth_lld(rows: NDArray[Any], out: NDArray[Any], /) -> None: ...
def expect(
    agents: NDArray[Any],
    cells: NDArray[Any],
    mean: NDArray[Any],
    root: NDArray[Any],
    cell_at: NDArray[Any],
    rows: NDArray[Any],
    phi: NDArray[Any],
    reason: int,
    out: NDArray[Any],
    /,
) -> None: ...
def first_place(
    mean: NDArray[Any], sd: NDArray[Any], out: NDArray[Any], grid: tuple[float, ...], level: str | None, /
) -> tuple[float, float]: ...

@final
class Names:
    def __new__(cls, ids: Iterable[bytes]) -> Names: ...
    def read(
        self,
        listed: Iterable[bytes],
        at: NDArray[Any],
        open_calls: NDArray[Any],
        idle_s: NDArray[Any],
        occupancy: NDArray[Any],
        /,
    ) -> int: ...

@final
class State:
    def __new__(cls, sample_rate_hz: int, simd: str | None = None, sets: int = 1, reserve_frames: int = 0) -> State: ...
    def push(self, samples: NDArray[Any], out: NDArray[Any], /) -> int: ...
    def finish(self, out: NDArray[Any], /) -> int: ...
    def reset(self) -> None: ...
    def describe(self) -> dict[str, Any]: ...

@final
class Functionals:
    def __new__(cls, exact_frames: int) -> Functionals: ...
    def add(self, rows: NDArray[Any], /) -> None: ...
    def read(self, out: NDArray[Any], /) -> None: ...
    def reset(self) -> None: ...
    def bytes(self) -> int: ...
