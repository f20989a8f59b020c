"""Jobs of one call one after another, on threads shared by all calls.

Analysis takes processor time, so it must not run on the event loop; the order of one call's jobs must hold, and no call may keep a
thread to itself while others
wait. A lane is the queue of one call: it has at most one thread at a time, and gives it back after a few jobs.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

__all__ = ["Lane", "Threads"]

T = TypeVar("T")

JOBS_PER_SLICE = 8
"""Jobs that a lane does before it queues up behind the others: with chunks of 100 ms, under a second of audio."""


class Threads:
    """A bounded pool of threads. Close it when done."""

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="analysis")

    def submit(self, job: Callable[[], None]) -> None:
        """Do ``job`` on some thread."""
        self._pool.submit(job)

    async def run(self, job: Callable[[], T]) -> T:
        """Do ``job`` on some thread and return what it returns."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, job)

    def close(self) -> None:
        """Forget what has not begun, and wait for what has."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class Lane(Generic[T]):
    """Jobs done one after another. Its methods are for the event loop's thread.

    Parameters
    ----------
    threads
        Where the jobs are done.
    deliver
        Called on the event loop with (result, None) for each job in order, or (None, error) for the last one: after an error nothing
        more is done.

    Attributes
    ----------
    weight
        Of the jobs that were put and not yet delivered.
    """

    def __init__(self, threads: Threads, deliver: Callable[[T | None, Exception | None], None]) -> None:
        self.weight = 0
        self._threads = threads
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._jobs: deque[tuple[Callable[[], T], int]] = deque()
        self._running = False
        self._closed = False

    def put(self, job: Callable[[], T], weight: int = 0) -> None:
        """Queue a job; a closed lane drops it."""
        if self._closed:
            return
        self.weight += weight
        with self._lock:
            self._jobs.append((job, weight))
            if self._running:
                return
            self._running = True
        self._threads.submit(self._work)

    def close(self) -> None:
        """Drop what has not begun, and deliver nothing more."""
        self._closed = True
        self.weight = 0
        with self._lock:
            self._jobs.clear()

    def _work(self) -> None:
        done: list[tuple[T | None, Exception | None, int]] = []
        while len(done) < JOBS_PER_SLICE and (next_job := self._next()) is not None:
            job, weight = next_job
            try:
                done.append((job(), None, weight))
            except Exception as error:  # handed over: it ends this call, and no other
                done.append((None, error, weight))
                break
        failed = bool(done) and done[-1][1] is not None
        with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody waits for this any more
            self._loop.call_soon_threadsafe(self._hand_over, done)
        if len(done) == JOBS_PER_SLICE and not failed:
            with contextlib.suppress(RuntimeError):  # likewise the pool
                self._threads.submit(self._work)

    def _next(self) -> tuple[Callable[[], T], int] | None:
        with self._lock:
            if self._jobs:
                return self._jobs.popleft()
            self._running = False
            return None

    def _hand_over(self, done: list[tuple[T | None, Exception | None, int]]) -> None:
        for result, error, weight in done:
            if self._closed:
                return
            self.weight -= weight
            self._deliver(result, error)
