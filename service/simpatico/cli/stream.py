"""``simpatico stream``: a recording sent to a running service as if it were a live call."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simpatico.cli.target import DEFAULT_TARGET, Target, quiet_grpc
from simpatico.cli.usage import plain_text, printable

if TYPE_CHECKING:
    import asyncio

    from rich.console import Console
    from rich.progress import Progress, TaskID

    from simpatico.audio import CallReader
    from simpatico.client import AnalysisClient, Caller, CallStream, Final, Ready

__all__ = ["stream"]

CHUNK_S = 0.1
"""Seconds of audio in one message, as telephony gateways send it."""
BURST_USED = 0.8
"""Share of the burst that is used up: the rest covers what clocks and networks do to the pace."""
EXIT_INCOMPLETE = 3
MAX_SEED = 2**63 - 1
"""What the message holds."""
LONGEST_NAME = 100
"""Characters of a call's name after its file: the service takes 128."""
NOT_KEPT = {
    "no_consent": "its caller has not agreed to be remembered (CallerService/SetConsent, or during the call)",
    "withdrawn": "its caller withdrew consent, or was erased, during the call",
    "objected": "its caller objects",
    "no_database": "the service has no database (database.url)",
    "database_away": "the service's database could not be asked whether the caller agrees",
    "call_id_taken": "another call of this id is kept; give --call-id a new one, or leave it out",
    "failed": "the service failed to; its log has the cause",
}
"""What `Final.not_kept_reason` means to who streams a recording."""


def stream(
    call: Annotated[Path, typer.Argument(metavar="CALL", help="Recording: WAV, FLAC, OGG or MP3, one or two channels.")],
    *,
    target: Target = DEFAULT_TARGET,
    speed: Annotated[float, typer.Option(min=0.0, help="Times real time, as far as the service takes it; 0 for as fast as it does.")] = 1.0,
    caller_channel: Annotated[
        int, typer.Option(min=-1, help="Channel of the caller, counted from 0; -1 when the only channel is the agent's.")
    ] = 0,
    json_output: Annotated[bool, typer.Option("--json", help="Print the final result as a JSON document, and nothing else.")] = False,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of the surrogates.")] = 0,
    call_id: Annotated[
        str | None,
        typer.Option(callback=plain_text, help="Name of the call; by default that of the file, made unique where a caller is named."),
    ] = None,
    caller_key: Annotated[
        str | None,
        typer.Option(
            callback=plain_text,
            metavar="PSEUDONYM",
            help="Who calls: the call is kept if they agree. Not a telephone number, an e-mail address or a name.",
        ),
    ] = None,
    notice: Annotated[str, typer.Option(callback=plain_text, metavar="ID", help="The notice that the caller was given.")] = "",
    reason: Annotated[str, typer.Option(callback=plain_text, help="What the caller calls about.")] = "",
    utc_offset_min: Annotated[int, typer.Option(min=-720, max=840, help="Minutes by which the caller's local time is ahead of UTC.")] = 0,
    tls_authority: Annotated[Path | None, typer.Option(help="Authority of the service's certificate, PEM; turns TLS on.")] = None,
    tls_certificate: Annotated[Path | None, typer.Option(help="Own certificate, PEM, for a service that demands one.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key, PEM.")] = None,
    token_file: Annotated[
        Path | None, typer.Option(envvar="SIMPATICO_TOKEN_FILE", help="File with a bearer token, for a service that asks who calls.")
    ] = None,
) -> None:
    """Stream a recording to a running service as a live call, and show what it says while the call goes on."""
    import asyncio

    quiet_grpc()
    from simpatico.audio import open_call
    from simpatico.cli.render import print_analysis
    from simpatico.client import AnalysisClient, Caller, ClientTls, token_from
    from simpatico.errors import ConfigError
    from simpatico.reports import to_json

    if caller_key is None and (notice or reason or utc_offset_min):
        raise ConfigError("notice, reason and offset are of a named caller: give --caller-key too", field="caller-key")
    caller = None if caller_key is None else Caller(caller_key, notice, reason, utc_offset_min)
    named = call_id or (_named_after(call) if caller is None else f"{_named_after(call)}-{uuid.uuid4().hex[:8]}")

    tls = ClientTls(tls_authority, tls_certificate, tls_key) if tls_authority or tls_certificate or tls_key else None
    token = token_from(token_file) if token_file is not None else None
    with open_call(call, caller_channel=None if caller_channel < 0 else caller_channel) as recording:

        async def run() -> Final:
            async with AnalysisClient(target, tls=tls, token=token) as client:
                return await _stream(client, recording, named, speed, seed, caller, quiet=json_output)

        final = asyncio.run(run())
    if json_output:
        typer.echo(to_json(final.analysis))
    else:
        print_analysis(final.analysis)
    if caller is not None and not (json_output and final.kept):
        typer.echo(f"call {named}: {_kept(final)}", err=json_output)
    if final.ended_by != "end":
        typer.echo(f"simpatico: the service ended the call early ({final.ended_by}); the result is for what was heard", err=True)
        raise typer.Exit(EXIT_INCOMPLETE)


def _named_after(call: Path) -> str:
    """Return a name that the service takes: the file's, as far as it goes."""
    return printable(call.name)[:LONGEST_NAME]


def _kept(final: Final) -> str:
    """Return what became of a named caller's call."""
    if final.kept is None:
        return "not known yet whether it is kept: the service's database takes its time"
    if final.kept:
        return "kept, as its caller agrees"
    reason = final.not_kept_reason
    return f"not kept: {NOT_KEPT.get(reason, reason or 'the service does not say why')}"


async def _stream(
    client: AnalysisClient, recording: CallReader, call_id: str, speed: float, seed: int, caller: Caller | None, *, quiet: bool
) -> Final:
    """Send and receive at the same time; return the final."""
    import asyncio

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=quiet)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:.1f} s of call"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"Streaming {call_id}", total=recording.duration_s)
        async with client.stream() as calls:
            audio = recording.format
            await calls.start(
                call_id,
                encoding="f32",
                sample_rate_hz=audio.sample_rate_hz,
                channels=audio.channels,
                codec=audio.codec,
                caller_channel=recording.caller_channel,
                options={"seed": seed, "no_interims": quiet},
                caller=caller,
            )
            ready: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
            sending = asyncio.create_task(_send(calls, recording, call_id, speed, ready, bar, task))
            try:
                final = await _receive(calls, ready, bar.console)
            finally:
                sending.cancel()
                # What broke the sending also ended the receiving, and says more.
                (broken,) = await asyncio.gather(sending, return_exceptions=True)
            return _either(final, broken)


def _either(final: Final | None, broken: BaseException | None) -> Final:
    from simpatico.errors import RemoteError

    if final is not None:
        return final
    if isinstance(broken, Exception):
        raise broken
    raise RemoteError("the service closed the stream without a final result; its log has the cause", status="UNAVAILABLE")


def _due_s(audio_s: float, speed: float, ready: Ready) -> float:
    """When the chunk at ``audio_s`` may be sent, s after the first: at the pace asked for, and no sooner than the service takes it."""
    asked = audio_s / speed if speed > 0 else 0.0
    if ready.realtime_factor <= 0:
        return asked
    return max(asked, (audio_s + CHUNK_S - BURST_USED * ready.burst_s) / ready.realtime_factor)


async def _send(
    calls: CallStream, recording: CallReader, call_id: str, speed: float, opened: asyncio.Future[Ready], bar: Progress, task: TaskID
) -> None:
    """Send the recording at its pace, then end the call."""
    import asyncio

    import numpy as np

    from simpatico.client import Chunk

    rate_hz = recording.format.sample_rate_hz
    size = round(CHUNK_S * rate_hz)
    ready = await opened
    began_s = time.monotonic()
    first = 0
    for block in recording:
        for start in range(0, len(block), size):
            piece = np.ascontiguousarray(block[start : start + size], dtype="<f4")
            await asyncio.sleep(began_s + _due_s(first / rate_hz, speed, ready) - time.monotonic())
            await calls.send([Chunk(call_id, first, piece.tobytes())])
            first += len(piece)
            bar.update(task, completed=first / rate_hz)
    await calls.end(call_id)


async def _receive(calls: CallStream, opened: asyncio.Future[Ready], console: Console) -> Final | None:
    """Show what comes until the final, which is returned."""
    from simpatico.cli.render import interim_line
    from simpatico.client import CallFailed, Drain, Event, Final, Interim, Ready

    async for update in calls:
        match update:
            case Ready():
                opened.set_result(update)
            case Interim():
                console.print(interim_line(update.analysis))
            case Event(kind="consent"):
                console.print(f"what the caller said about being remembered: {update.label}")
            case Drain():
                console.print(f"[yellow]the service stops in {update.grace_s:g} s[/]")
            case CallFailed():
                raise update.error
            case Final():
                return update
    return None
