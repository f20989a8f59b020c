"""A client of the service with Simpatico's own types: what arrives equals what the service computed, bit for bit.

A client in another language needs none of this: the proto files, or reflection, are enough (``docs/api.md``).

Examples
--------
>>> async with AnalysisClient("127.0.0.1:50051") as client:
...     analysis = (await client.analyze_recording(Path("call.wav"), call_id="7f3a")).analysis

>>> async with AnalysisClient("127.0.0.1:50051") as client, client.stream() as calls:
...     await calls.start("7f3a", encoding="mulaw", sample_rate_hz=8000, channels=2)
...     await calls.send([Chunk("7f3a", 0, data)])
...     await calls.end("7f3a")
...     async for update in calls:
...         if isinstance(update, Final):
...             print(update.analysis.style.label)
...             break
"""

from simpatico.client.analysis import AnalysisClient
from simpatico.client.connection import ClientTls, Token, raise_remote, token_from
from simpatico.client.sending import Caller, Chunk
from simpatico.client.stream import CallStream
from simpatico.client.updates import CallFailed, Drain, Event, Final, Interim, Ready, RecordingResult, Update

__all__ = [
    "AnalysisClient",
    "CallFailed",
    "CallStream",
    "Caller",
    "Chunk",
    "ClientTls",
    "Drain",
    "Event",
    "Final",
    "Interim",
    "Ready",
    "RecordingResult",
    "Token",
    "Update",
    "raise_remote",
    "token_from",
]
