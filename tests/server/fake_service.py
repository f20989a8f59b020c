"""A service with the stand-in for the analysis, as a process of its own: ``python -m tests.server.fake_service key=value ...``."""

from __future__ import annotations

import asyncio
import gc
import sys
import time

from simpatico.config import load_settings
from simpatico.server.analysis.session import CallPlan
from simpatico.server.app import serve
from simpatico.server.logs import configure_logging
from simpatico.types import AudioFormat
from tests.server.fakes import FakeAnalyzer


def slow(plan: CallPlan, audio: AudioFormat) -> FakeAnalyzer:
    """Return an analyzer; calls whose id begins with "slow" take a second for each chunk."""
    return FakeAnalyzer(plan, audio, lambda call_id: time.sleep(1.0 if call_id.startswith("slow") else 0.0))


def announce(address: str) -> None:
    """Say where it serves, and how many objects no garbage collection looks through."""
    print(f"serving on {address}", flush=True)
    print(gc.get_freeze_count(), flush=True)


if __name__ == "__main__":
    overrides = {"server.port": 0, "limits.realtime_factor": "inf", **dict(pair.split("=", 1) for pair in sys.argv[1:])}
    settings = load_settings(None, overrides)
    configure_logging(settings.log)
    asyncio.run(serve(settings, announce, slow))
