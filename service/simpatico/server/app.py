"""Listening: ports, TLS, keepalive, health, reflection, signals, drain.

`Application` is one process' server, from start to stop; `serve` runs it until a signal. What may be served where is in ``exposure``, who
may call what in ``access``.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from simpatico.config import Settings
from simpatico.server.access.guard import Access, Guard
from simpatico.server.analysis.lanes import Threads
from simpatico.server.analysis.service import SERVICE_NAME, AnalysisService, Shared
from simpatico.server.analysis.session import Analyzer, AnalyzerFactory, CallPlan
from simpatico.server.exchange import Exchange
from simpatico.server.exposure import check_exposure, warn_of_exposure
from simpatico.server.listening import bind, options_of
from simpatico.server.logs import fields

if TYPE_CHECKING:
    from simpatico.server.memory import Memory
    from simpatico.server.routing.router import Router
    from simpatico.types import AudioFormat

__all__ = ["Application", "analyzer_factory", "serve"]

CLOSING_S = 15.0
"""How long the last finals may take to be kept and to reach their clients: a machine that is busy, a client that does not read."""
POLL_S = 0.05
SWITCH_S = 0.0002
"""How long a thread that analyses may keep the interpreter while the event loop waits for it. The loop gives it up at each of some fifty
array operations of a ranking, and with Python's 5 ms waits for it each time (`bench.ranking_load`)."""

log = logging.getLogger(__name__)


def analyzer_factory(settings: Settings) -> AnalyzerFactory:
    """Load the model bundle once; return what makes an analyzer for each call.

    Raises
    ------
    BundleError
        The bundle is missing, or was made for another feature schema.
    """
    from simpatico.analysis import AnalysisOptions, CallAnalyzer
    from simpatico.style import load_bundle

    bundle = load_bundle(settings.analysis.bundle)
    surrogates = settings.analysis.surrogates

    def make(plan: CallPlan, audio: AudioFormat) -> Analyzer:
        options = AnalysisOptions(interim_period_s=plan.interim_period_s, seed=plan.seed, surrogates=surrogates)
        return CallAnalyzer(plan.call_id, audio, plan.caller_channel, bundle, options)

    return make


def _no_analyzer(plan: CallPlan, audio: AudioFormat) -> Analyzer:
    raise AssertionError(f"call {plan.call_id!r} came to a process that serves no calls ({audio})")


class Application:
    """One process' server.

    Parameters
    ----------
    settings
        All of them.
    factory
        What makes analyzers; by default `analyzer_factory`.
    share_port
        Let other processes listen on the same port (SO_REUSEPORT).
    exchange
        What the processes of the service tell each other; by default this process is alone.
    calls
        Serve ``AnalysisService``; without it rankings and callers alone.

    Attributes
    ----------
    shared
        State that the streams share.
    memory
        The database and its spool, or None.

    Raises
    ------
    ConfigError
        The address would be open to other machines; or keys, certificates or their roles cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        factory: AnalyzerFactory | None = None,
        *,
        share_port: bool = False,
        exchange: Exchange | None = None,
        calls: bool = True,
    ) -> None:
        check_exposure(settings)
        self._settings = settings
        self._calls = calls
        self._share_port = share_port
        self._guard = Guard(Access(settings))
        self.memory = _memory(settings)
        self._router: Router | None = None
        threads = Threads(settings.server.threads or max(1, (os.cpu_count() or 1) // settings.server.workers))
        factory = factory or (analyzer_factory(settings) if calls else _no_analyzer)
        self.shared = Shared(settings, factory, threads, exchange=exchange or Exchange())
        if self.memory is not None:
            from simpatico.server.callers.keeping import Keeper

            self.shared.keeper = Keeper(self.memory, self.shared.exchange, settings.callers)
        self._health = HealthServicer()
        self._server: grpc.aio.Server | None = None
        self._hurry = asyncio.Event()

    async def start(self) -> str:
        """Listen, and return HOST:PORT.

        Raises
        ------
        ListenError
            The address cannot be had; the message says why.
        ConfigError
            A certificate or key cannot be used.
        DatabaseAwayError, DatabaseVersionError
            As `Memory.open`.
        """
        if self.memory is not None:
            await self.memory.open()
        server = grpc.aio.server(interceptors=(self._guard,), options=options_of(self._settings, share_port=self._share_port))
        self.register(server)
        address = bind(server, self._settings, share_port=self._share_port)
        warn_of_exposure(self._settings, address)
        await server.start()
        if self._router is not None:
            self._router.start()
        for name in ("", *self._services()):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        self._server = server
        log.info("serving", extra=fields(address=address))
        return address

    def register(self, server: grpc.aio.Server) -> None:
        """Give a server everything that this one serves."""
        if self._calls:
            server.add_generic_rpc_handlers((AnalysisService(self.shared).handler(),))
        if self.memory is not None and self.shared.keeper is not None:
            from simpatico.server.callers.service import CallerService
            from simpatico.server.routing.router import Router
            from simpatico.server.routing.service import RoutingService

            callers = CallerService(self.memory, self.shared.keeper.consents, self._settings.limits.message_bytes)
            router = self._router = Router(
                self.memory,
                self._settings.routing,
                self.shared.exchange,
                self.shared.keeper.consents,
                self._guard.arrivals,
                self._settings.limits.watchers,
            )
            routing = RoutingService(self.shared, self.memory, router)
            server.add_generic_rpc_handlers((callers.handler(), routing.handler()))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        if self._settings.server.reflection:
            names = (*self._services(), health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, server)

    def _services(self) -> tuple[str, ...]:
        analysis = (SERVICE_NAME,) if self._calls else ()
        if self.memory is None:
            return analysis
        from simpatico.server.callers.service import CALLER_SERVICE
        from simpatico.server.routing.service import ROUTING_SERVICE

        return (*analysis, CALLER_SERVICE, ROUTING_SERVICE)

    async def drain(self, grace_s: float | None = None) -> None:
        """Take no new calls, let open ones go on for the grace, give the rest their finals, and stop.

        Parameters
        ----------
        grace_s
            Seconds; by default that of the settings. `hurry` cuts it short.
        """
        grace_s = self._settings.server.drain_grace_s if grace_s is None else grace_s
        shared = self.shared
        shared.draining = True
        await self._health.enter_graceful_shutdown()
        log.info("draining", extra=fields(calls=shared.open_calls, grace_s=grace_s))
        for stream in tuple(shared.streams):
            stream.drain(grace_s)
        if self._router is not None:
            self._router.desk.drain()
        await self._idle_within(grace_s)
        for stream in tuple(shared.streams):
            stream.stop()
        await self._streams_gone_within(CLOSING_S)
        await self.stop()

    @property
    def hurrying(self) -> bool:
        """`hurry` was called."""
        return self._hurry.is_set()

    def hurry(self) -> None:
        """Give finals now instead of at the end of the grace."""
        self._hurry.set()

    async def stop(self) -> None:
        """Stop at once; what is open is cancelled."""
        self.shared.stopped = True
        for stream in tuple(self.shared.streams):
            stream.drop()
        if self._server is not None:
            await self._server.stop(None)
            self._server = None
        if self._router is not None:
            await self._router.stop()
        if self.shared.keeper is not None:
            await self.shared.keeper.stop()
        if self.memory is not None:
            await self.memory.close()
        await self.shared.exchange.close()
        await asyncio.to_thread(self.shared.threads.close)

    async def _idle_within(self, seconds: float) -> None:
        end_s = self.shared.clock() + seconds
        while (self.shared.streams or self.shared.recordings) and not self._hurry.is_set() and self.shared.clock() < end_s:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), POLL_S)

    async def _streams_gone_within(self, seconds: float) -> None:
        end_s = self.shared.clock() + seconds
        while self.shared.streams and self.shared.clock() < end_s:
            await asyncio.sleep(POLL_S)


def _memory(settings: Settings) -> Memory | None:
    if not settings.database.url:
        return None
    from simpatico.server.memory import Memory  # a service without a memory loads no database

    return Memory(settings.database)


async def serve(
    settings: Settings,
    announce: Callable[[str], None],
    factory: AnalyzerFactory | None = None,
    *,
    share_port: bool = False,
    parent: int | None = None,
    peers: tuple[int, socket.socket] | None = None,
    calls: bool = True,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain; a second signal cuts the grace short, a third ends at once.

    Parameters
    ----------
    announce
        Called with HOST:PORT when it is served.
    factory
        What makes analyzers; by default `analyzer_factory`.
    share_port
        Other processes listen on the same port.
    parent
        File descriptor whose end means that the parent process has gone: a signal like the others.
    peers
        What `Hub.attach` gave: the way to the other processes of the service.
    calls
        As for `Application`.
    """
    sys.setswitchinterval(SWITCH_S)
    exchange = Exchange(peers[0] if peers else 0)
    application = Application(settings, factory, share_port=share_port, exchange=exchange, calls=calls)
    stopper = _Stopper(application)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopper.on_signal)
    if peers is not None:
        exchange.join(peers[1])
    address = await application.start()
    gc.collect()
    gc.freeze()  # what a start makes stays: to look through it again and again would stop the event loop for a tenth of a second each time
    announce(address)
    if parent is not None:
        loop.add_reader(parent, stopper.on_parent_gone, parent)
    await stopper.run()
    log.info("stopped")


class _Stopper:
    """What the first, second and third signal do."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._signalled, self._dropped = asyncio.Event(), asyncio.Event()

    def on_signal(self) -> None:
        if not self._signalled.is_set():
            self._signalled.set()
        elif not self._application.hurrying:
            self._application.hurry()
        else:
            self._dropped.set()

    def on_parent_gone(self, descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)
        self.on_signal()

    async def run(self) -> None:
        await self._signalled.wait()
        draining = asyncio.create_task(self._application.drain())
        give_up = asyncio.create_task(self._dropped.wait())
        await asyncio.wait((draining, give_up), return_when=asyncio.FIRST_COMPLETED)
        if self._dropped.is_set():
            draining.cancel()
            await self._application.stop()
        else:
            give_up.cancel()
            await draining
