"""Several processes on one port: the kernel shares connections out among them (SO_REUSEPORT). And one that serves rankings on another
port, where that is asked for: what analyses calls has little of the interpreter left for anything else (decision 0193).

The processes are spawned, not forked, because gRPC's threads do not survive a fork. This process reserves the ports and serves nothing:
it passes signals on, starts a process again that has died, and ends when all have ended. A worker drains when this process goes away,
however that happens.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing as mp
import os
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType

from simpatico.config import Settings
from simpatico.errors import ListenError
from simpatico.server.app import serve
from simpatico.server.exchange import Hub
from simpatico.server.exposure import check_exposure
from simpatico.server.listening import listen_error, probe
from simpatico.server.logs import configure_logging, fields

__all__ = ["serve_with_workers"]

RESPAWN_S = 1.0
"""Least time between starts of a process that keeps dying."""

log = logging.getLogger(__name__)


def serve_with_workers(settings: Settings, announce: Callable[[str, str | None], None]) -> None:
    """Serve with ``settings.server.workers`` processes, and one for ``settings.server.routing_port``, until a signal.

    Parameters
    ----------
    announce
        Called with HOST:PORT when all serve, and with that of rankings, or None.

    Raises
    ------
    ListenError
        The port cannot be had, or a worker did not get ready; its log says why.
    """
    check_exposure(settings)
    with ExitStack() as stack:
        calls = _reserve(settings, settings.server.port, stack)
        parts = [_Part(calls, calls=True)] * settings.server.workers
        if settings.server.routing_port is not None:
            parts.append(_Part(_reserve(settings, settings.server.routing_port, stack), calls=False))
        hub = stack.enter_context(Hub())
        _Group(parts, hub).run(announce)


@dataclass(frozen=True, slots=True)
class _Part:
    """What one process serves: settings with the port that it shares, and whether calls are analysed there."""

    settings: Settings
    calls: bool


def _reserve(settings: Settings, port: int, stack: ExitStack) -> Settings:
    """Return settings with a port that is ours until the stack ends: by a bound socket that listens to nothing."""
    host = settings.server.host
    try:
        if port:
            probe(host, port)  # with SO_REUSEPORT a second service would quietly share the port with the first: look without it
        family, kind, proto, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        reserved = stack.enter_context(socket.socket(family, kind, proto))
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(address)
    except OSError as error:
        raise listen_error(host, port, error.strerror or str(error)) from error
    return settings.model_copy(update={"server": settings.server.model_copy(update={"port": reserved.getsockname()[1]})})


@dataclass(frozen=True, slots=True)
class _Worker:
    """A process, what it serves, and the connection whose end it takes as a signal."""

    part: _Part
    process: BaseProcess
    connection: Connection


class _Group:
    """The workers."""

    def __init__(self, parts: Sequence[_Part], hub: Hub) -> None:
        self._parts = parts
        self._hub = hub
        self._context = mp.get_context("spawn")
        self._workers: list[_Worker] = []
        self._signals = 0
        self._wake_read, self._wake_write = os.pipe()

    def run(self, announce: Callable[[str, str | None], None]) -> None:
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            self._workers = [self._spawn(part) for part in self._parts]
            addresses = [self._ready(worker) for worker in self._workers]
            announce(addresses[0], None if self._parts[-1].calls else addresses[-1])
            self._mind()
        finally:
            for worker in self._workers:
                worker.connection.close()  # a worker that is still there drains
                worker.process.join()
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(self._wake_read)
            os.close(self._wake_write)

    def _spawn(self, part: _Part) -> _Worker:
        ours, theirs = self._context.Pipe()
        number, peers = self._hub.attach()
        process = self._context.Process(target=_work, args=(part, theirs, number, peers), name="simpatico-worker")
        process.start()
        theirs.close()
        peers.close()
        log.info("worker started", extra=fields(worker=process.pid or 0))
        return _Worker(part, process, ours)

    def _ready(self, worker: _Worker) -> str:
        try:
            address: str = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join()
            why = f"a worker ended with code {worker.process.exitcode} before it served; its log says why"
            raise ListenError(why, field="server.workers") from None
        return address

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._signals += 1
        os.write(self._wake_write, b"!")

    def _mind(self) -> None:
        """Pass signals on and replace the dead, until all have ended after a signal."""
        passed = 0
        while self._workers:
            ready = wait([self._wake_read, *(worker.process.sentinel for worker in self._workers)])
            if self._wake_read in ready:
                os.read(self._wake_read, 64)
            while passed < self._signals:
                passed += 1
                for worker in self._workers:
                    worker.process.terminate()
            for worker in list(self._workers):
                if worker.process.sentinel in ready:
                    self._bury(worker)

    def _bury(self, worker: _Worker) -> None:
        worker.process.join()
        worker.connection.close()
        self._workers.remove(worker)
        if not self._signals:
            log.error("worker died; starting another", extra=fields(worker=worker.process.pid or 0, code=worker.process.exitcode or 0))
            wait([self._wake_read], RESPAWN_S)
            if not self._signals:
                self._workers.append(self._spawn(worker.part))


def _work(part: _Part, parent: Connection, number: int, peers: socket.socket) -> None:
    """Run in a worker."""
    os.setpgrp()  # a Ctrl-C in the terminal reaches the parent alone, which passes it on
    configure_logging(part.settings.log)
    asyncio.run(serve(part.settings, parent.send, share_port=True, parent=parent.fileno(), peers=(number, peers), calls=part.calls))
