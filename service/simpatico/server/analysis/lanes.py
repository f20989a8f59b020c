"""Jobs of one call one after another, on threads shared by all calls.

Analysis takes processor time, so it must not run on the event loop; the order of one call's jobs must hold, and no call may keep a
thread to itself while others wait. A lane is the queue of one call: it has at most one thread at a time, and gives it back after a few
jobs.

Threads are woken seldom. Nearly all of the analysis holds the interpreter, so that a second thread in it adds little and takes the
interpreter away from the first at every turn; and whoever wakes another thread contends with it from then on. So what one message brings
for many calls wakes one thread once, which does the lanes in the order in which they have waited; a further one comes only when a lane has
waited long (decision 0181). What is done is handed to the event loop together, too. Two threads may do jobs of one lane one after the
other and hand over the later first; so what became of a lane's jobs waits in the lane itself, and is taken from there in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

__all__ = ["Lane", "Threads"]

log = logging.getLogger(__name__)

T = TypeVar("T")
Done = list["Lane[Any]"]
"""Lanes of which jobs were done, as often as there were."""

JOBS_PER_SLICE = 8
"""Jobs that a lane does before it queues up behind the others: with chunks of 100 ms, under a second of audio."""
PATIENCE_S = 0.1
"""How long a lane waits before a further thread comes: about what the interim results of fifty calls take, and shorter than anybody
notices."""
HAND_OVER_S = 0.01
"""For how long what is done is gathered while there is more to do: three or four interim results."""
TURN_S = 0.02
"""How long a thread does lanes before it queues up behind whatever else waits for a thread: recordings, a block at a time."""


class Threads:
    """A bounded pool of threads, for jobs and for lanes. Close it when done."""

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="analysis")
        self._count = count
        self._lock = threading.Lock()
        self._ready: deque[tuple[Lane[Any], float]] = deque()
        """Lanes with jobs to do, and since when they wait."""
        self._busy = 0
        """Threads that do lanes, or are about to."""
        self._waking = False
        self._patience: asyncio.TimerHandle | None = None

    def line_up(self, lane: Lane[Any]) -> None:
        """Have a lane's jobs done, after those of lanes that wait already. For the event loop's thread."""
        with self._lock:
            self._ready.append((lane, time.monotonic()))
        if not self._waking:
            self._waking = True
            asyncio.get_running_loop().call_soon(self._wake)

    def _wake(self) -> None:
        """Start a thread when there is something for it to do: once for all that was lined up in this turn of the event loop."""
        self._waking = False
        with self._lock:
            if not self._ready:
                return
            late = time.monotonic() - self._ready[0][1] >= PATIENCE_S
            begin = self._busy == 0 or (late and self._busy < self._count)
            self._busy += begin
        if begin:
            self._submit()
        if self._patience is None:
            self._patience = asyncio.get_running_loop().call_later(PATIENCE_S, self._look_again)

    def _look_again(self) -> None:
        self._patience = None
        self._wake()

    def _submit(self) -> None:
        with contextlib.suppress(RuntimeError):  # the pool has been closed
            self._pool.submit(self._work)

    def _work(self) -> None:
        """Do lanes until none waits or the turn is over."""
        done: Done = []
        began_s = gathering_s = time.monotonic()
        while True:
            now_s = time.monotonic()
            with self._lock:
                over = not self._ready or now_s - began_s >= TURN_S
                if over:
                    more = bool(self._ready)
                    self._busy -= not more
                    break
                lane, _ = self._ready.popleft()
            if lane.work(done):
                with self._lock:
                    self._ready.append((lane, now_s))
            if now_s - gathering_s >= HAND_OVER_S:
                _hand_over(done)
                done, gathering_s = [], now_s
        _hand_over(done)
        if more:
            self._submit()

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
        more is done. What it raises itself ends its lane alike: it is called once more, with that error, unless it was being told of one
        or has closed the lane; then the log is.

    Attributes
    ----------
    weight
        Of the jobs that were put and not yet delivered.
    loop
        The event loop that the lane was made on.
    """

    def __init__(self, threads: Threads, deliver: Callable[[T | None, Exception | None], None]) -> None:
        self.weight = 0
        self._threads = threads
        self._deliver = deliver
        self.loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._jobs: deque[tuple[Callable[[], T], int]] = deque()
        self._done: deque[tuple[T | None, Exception | None, int]] = deque()
        """What became of jobs and is not delivered yet: result or error, and weight."""
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
        self._threads.line_up(self)

    def close(self) -> None:
        """Drop what has not begun, and deliver nothing more."""
        self._closed = True
        self.weight = 0
        with self._lock:
            self._jobs.clear()

    def work(self, done: Done) -> bool:
        """Do a few jobs and add the lane to ``done`` for each; return whether there are more. For one thread at a time."""
        for _ in range(JOBS_PER_SLICE):
            next_job = self._next()
            if next_job is None:
                return False
            job, weight = next_job
            result, failed = None, None
            try:
                result = job()
            except Exception as error:  # handed over: it ends this call, and no other
                failed = error
            self._done.append((result, failed, weight))
            done.append(self)
            if failed is not None:
                return False  # and stays running, so that nothing is done any more
        return True

    def _next(self) -> tuple[Callable[[], T], int] | None:
        with self._lock:
            if self._jobs:
                return self._jobs.popleft()
            self._running = False
            return None

    def deliver(self) -> None:
        """Pass on what became of the earliest job that is left. Raises nothing: other lanes' results come after it."""
        result, error, weight = self._done.popleft()
        if self._closed:
            return
        self.weight -= weight
        try:
            self._deliver(result, error)
        except Exception as defect:
            self._end_with(defect, told=error is not None or self._closed)

    def _end_with(self, defect: Exception, *, told: bool) -> None:
        """End the lane because its callback raised; ``told`` when there is nobody to tell but the log."""
        self.close()
        if not told:
            try:
                self._deliver(None, defect)
                return
            except Exception as another:
                another.__context__ = defect
                defect = another
        log.error("what became of a call could not be delivered", exc_info=defect)


def _hand_over(done: Done) -> None:
    """Have the event loop deliver what was done."""
    if done:
        with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody waits for this any more
            done[0].loop.call_soon_threadsafe(_deliver, done)


def _deliver(done: Done) -> None:
    for lane in done:
        lane.deliver()
