"""A server that tests have started, and the settings and the clock that they give it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc

from simpatico.client import AnalysisClient
from simpatico.config import Settings, load_settings
from simpatico.server.app import Application


@dataclass
class Clock:
    """A clock that stands still until told otherwise."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        """Return the time, seconds."""
        return self.now_s


@dataclass
class Running:
    """A server that serves."""

    application: Application
    address: str

    def client(self) -> AnalysisClient:
        """Return a client of it; use it with ``async with``."""
        return AnalysisClient(self.address)

    def channel(self) -> grpc.aio.Channel:
        """Return a bare channel to it, for what the client would never send."""
        return grpc.aio.insecure_channel(self.address)


Start = Callable[..., Awaitable[Running]]


def settings_with(**limits: Any) -> Settings:
    """Return settings with free port, quick drain, and limits; keys of other sections are written ``section__key``."""
    overrides: dict[str, Any] = {"server.host": "127.0.0.1", "server.port": 0, "server.drain_grace_s": 0.2, "limits.realtime_factor": "inf"}
    for key, value in limits.items():
        overrides[key.replace("__", ".") if "__" in key else f"limits.{key}"] = value
    return load_settings(None, overrides)
