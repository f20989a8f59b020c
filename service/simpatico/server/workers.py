"""Several processes on one port: the kernel shares connections out among them (SO_REUSEPORT).

The processes are spawned, not forked, because gRPC's threads do not survive a fork. This process reserves the port and serves nothing:
it passes signals on, starts a
process again that has died, and ends when all have ended. A worker drains when this process goes away, however that happens.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing as mp
import os
import signal
import socket
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType

from simpatico.config import Settings
from simpatico.errors import ListenError
from simpatico.server.app import serve
from simpatico.server.exchange import Hub
from simpatico.server.exposure import check_exposure
from simpatico.server.listening import listen_error
from simpatico.server.logs import configure_logging, fields

__all__ = ["serve_with_workers"]

RESPAWN_S = 1.0
"""Least time between starts of a process that keeps dying."""

log = logging.getLogger(__name__)


def serve_with_workers(settings: Settings, announce: Callable[[str], None]) -> None:
    """Serve with ``settings.server.workers`` processes until a signal.

    Raises
    ------
    ListenError
        The port cannot be had, or a worker did not get ready; its log says why.
    """
    check_exposure(settings)
    with _reserve(settings) as reserved:
        port = reserved.getsockname()[1]
        fixed = settings.model_copy(update={"server": settings.server.model_copy(update={"port": port})})
        with Hub() as hub:
            _Group(fixed, hub).run(announce)


def _reserve(settings: Settings) -> socket.socket:
    """Return a bound socket that listens to nothing but keeps the port ours."""
    host, port = settings.server.host, settings.server.port
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        if port:
            # With SO_REUSEPORT a second service would quietly share the port with the first: look without it.
            with socket.socket(family, kind, proto) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        reserved = socket.socket(family, kind, proto)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(address)
    except OSError as error:
        raise listen_error(host, port, error.strerror or str(error)) from error
    return reserved


class _Group:
    """The workers."""

    def __init__(self, settings: Settings, hub: Hub) -> None:
        self._settings = settings
        self._hub = hub
        self._context = mp.get_context("spawn")
        self._workers: list[tuple[BaseProcess, Connection]] = []
        self._signals = 0
        self._wake_read, self._wake_write = os.pipe()

    def run(self, announce: Callable[[str], None]) -> None:
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            self._workers = [self._spawn() for _ in range(self._settings.server.workers)]
            addresses = [self._ready(process, connection) for process, connection in self._workers]
            announce(addresses[0])
            self._mind()
        finally:
            for process, connection in self._workers:
                connection.close()  # a worker that is still there drains
                process.join()
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(self._wake_read)
            os.close(self._wake_write)

    def _spawn(self) -> tuple[BaseProcess, Connection]:
        ours, theirs = self._context.Pipe()
        number, peers = self._hub.attach()
        process = self._context.Process(target=_work, args=(self._settings, theirs, number, peers), name="simpatico-worker")
        process.start()
        theirs.close()
        peers.close()
        log.info("worker started", extra=fields(worker=process.pid or 0))
        return process, ours

    def _ready(self, process: BaseProcess, connection: Connection) -> str:
        try:
            address: str = connection.recv()
        except (EOFError, OSError):
            process.join()
            why = f"a worker ended with code {process.exitcode} before it served; its log says why"
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
            ready = wait([self._wake_read, *(process.sentinel for process, _ in self._workers)])
            if self._wake_read in ready:
                os.read(self._wake_read, 64)
            while passed < self._signals:
                passed += 1
                for process, _ in self._workers:
                    process.terminate()
            for worker in list(self._workers):
                if worker[0].sentinel in ready:
                    self._bury(worker)

    def _bury(self, worker: tuple[BaseProcess, Connection]) -> None:
        process, connection = worker
        process.join()
        connection.close()
        self._workers.remove(worker)
        if not self._signals:
            log.error("worker died; starting another", extra=fields(worker=process.pid or 0, code=process.exitcode or 0))
            wait([self._wake_read], RESPAWN_S)
            if not self._signals:
                self._workers.append(self._spawn())


def _work(settings: Settings, parent: Connection, number: int, peers: socket.socket) -> None:
    """Run in a worker."""
    os.setpgrp()  # a Ctrl-C in the terminal reaches the parent alone, which passes it on
    configure_logging(settings.log)
    asyncio.run(serve(settings, parent.send, share_port=True, parent=parent.fileno(), peers=(number, peers)))
