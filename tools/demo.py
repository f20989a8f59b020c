"""Start the service, stream a sample call to it over gRPC at several times real time, show what comes back, stop the service.

Nothing here is special to the demonstration: it runs ``simpatico serve`` and ``simpatico stream`` as a user would.
"""

from __future__ import annotations

import argparse
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
READY_WORDS = "serving on "


def start_service() -> tuple[subprocess.Popen[str], str]:
    """Return the running service and its HOST:PORT; the port is a free one."""
    command = [sys.executable, "-m", "simpatico", "serve", "--host", "127.0.0.1", "--port", "0"]
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

    print("Starting the service ...", flush=True)
    process, target = start_service()
    print(f"It listens on {target}. Streaming {call.name} at {options.speed:g} times real time:\n", flush=True)
    try:
        stream = [sys.executable, "-m", "simpatico", "stream", str(call), "--target", target, "--speed", f"{options.speed:g}"]
        code = subprocess.run(stream, check=False).returncode
    finally:
        stopped = stop_service(process)
    print(f"\nThe service has drained and stopped (exit code {stopped}).")
    return code or stopped


if __name__ == "__main__":
    sys.exit(main())
