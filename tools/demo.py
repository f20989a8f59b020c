"""Two acts. Start the service, stream a sample call to it over gRPC at several times real time, and show what comes back; then let a
caller be remembered, ranked and forgotten (``demo_memory``). Stop the service.

Nothing here is special to the demonstration: it runs ``simpatico serve`` and ``simpatico stream``, and calls the API, as a user would.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import queue
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import demo_past
from demo_memory import Stage, play

from simpatico.profiles.keys import parse_key_ring

ROOT = Path(__file__).resolve().parent.parent
READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
READY_WORDS = "serving on "


def start_service(memory: Path) -> tuple[subprocess.Popen[str], str]:
    """Return the running service and its HOST:PORT; the port is a free one."""
    settings = {"url": f"sqlite:///{memory}/simpatico.db", "secrets": memory / "secrets", "spool": memory / "spool.db"}
    options = [word for key, value in settings.items() for word in ("--set", f"database.{key}={value}")]
    command = [sys.executable, "-m", "simpatico", "serve", "--host", "127.0.0.1", "--port", "0", *options]
    # A live call may bring audio at twice real time unless the deployment allows more; this one does.
    environment = {**os.environ, "SIMPATICO_LIMITS__REALTIME_FACTOR": "inf"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines: queue.Queue[str | None] = queue.Queue()

    def pump() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line.rstrip())
        lines.put(None)

    threading.Thread(target=pump, daemon=True).start()
    said: list[str] = []
    try:
        while (line := lines.get(timeout=READY_TIMEOUT_S)) is not None:
            said.append(line)
            if READY_WORDS in line:
                return process, line.split(READY_WORDS, 1)[1].split()[0]
    except queue.Empty:
        process.kill()
        raise SystemExit(f"the service did not get ready within {READY_TIMEOUT_S:.0f} s; it said:\n" + "\n".join(said)) from None
    raise SystemExit("the service stopped before it was ready; it said:\n" + "\n".join(said))


def stop_service(process: subprocess.Popen[str]) -> int:
    """Ask the service to drain, and kill it when it does not."""
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(timeout=STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def main() -> int:
    """Run the demonstration; the exit code is that of the client."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("call", nargs="?", type=Path, help="two-channel recording (default: the first sample call)")
    parser.add_argument("--speed", type=float, default=10.0, help="times real time (default 10)")
    options = parser.parse_args()
    call = options.call or sorted((ROOT / "audio_samples").glob("*.wav"))[0]

    with tempfile.TemporaryDirectory(prefix="simpatico-memory-") as name:
        return perform(Path(name), call, options.speed)


def perform(memory: Path, call: Path, speed: float) -> int:
    """Perform both acts."""
    ring = f"demo {base64.b64encode(secrets.token_bytes(32)).decode()}\n"
    (memory / "secrets").write_text(ring, "ascii")
    past = demo_past.invent(f"sqlite:///{memory}/simpatico.db", parse_key_ring(ring), time.time())
    print("Starting the service ...", flush=True)
    process, target = start_service(memory)
    print(f"It listens on {target}. Streaming {call.name} at {speed:g} times real time:\n", flush=True)
    try:
        stream = [sys.executable, "-m", "simpatico", "stream", str(call), "--target", target, "--speed", f"{speed:g}"]
        code = subprocess.run(stream, check=False).returncode
        if code == 0:
            print(flush=True)
            asyncio.run(play(Stage(target, memory, past), call, speed))
    finally:
        stopped = stop_service(process)
    print(f"\nThe service has drained and stopped (exit code {stopped}).")
    return code or stopped


if __name__ == "__main__":
    sys.exit(main())
