"""Requests that nobody should send: mutated bytes of good requests, and good protobuf with absurd contents. Reproducible from a seed."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

from simpatico.v1 import analysis_service_pb2 as pb

CALL_IDS = ["a", "b", "c", "", "x" * 129, "tab\t", "ünïcödé", "\0"]
NUMBERS = [0, 1, 2, 7, 255, 8000, 16000, 2**16, 10**9, 2**31 - 1]
LARGE = [*NUMBERS, 2**32 - 1, 2**63 - 1, 2**64 - 1]
FLOATS = [0.0, -1.0, 0.1, 0.5, 1.0, 1e9, float("nan"), float("inf"), -float("inf")]
ENCODINGS = ["l16", "l16be", "f32", "mulaw", "alaw", "", "opus", "pcm_s16", "L16", "\n", "x" * 1000]
BAD_SAMPLES = struct.pack("<6f", float("nan"), float("inf"), 1e30, -1e30, 1e-42, 257.0)


def good_requests(random_: random.Random) -> list[pb.StreamAnalyzeRequest]:
    """Return a call as it should be: start, audio, a mark, a pause, more audio, end."""
    call_id = random_.choice("abc")
    audio = random_.randbytes(1600)
    kind = pb.StreamAnalyzeRequest
    raw = pb.RawAudioFormat(encoding=random_.choice(["l16", "mulaw", "alaw"]), sample_rate_hz=8000, channels=2)
    return [
        kind(start=pb.StartCall(call_id=call_id, format=raw, labels={"queue": "bills"}, caller=pb.NamedCaller(caller_key="c-1"))),
        kind(audio=pb.AudioBatch(chunks=[pb.AudioChunk(call_id=call_id, first_sample=0, data=audio)])),
        kind(control=pb.CallControl(call_id=call_id, mark=pb.Mark(label="here"))),
        kind(control=pb.CallControl(call_id=call_id, consent=pb.SayConsent(consent=random_.randrange(5)))),
        kind(control=pb.CallControl(call_id=call_id, pause=pb.Pause())),
        kind(control=pb.CallControl(call_id=call_id, resume=pb.Resume())),
        kind(audio=pb.AudioBatch(chunks=[pb.AudioChunk(call_id=call_id, first_sample=800, data=audio, channel=random_.randrange(3))])),
        kind(end=pb.EndCall(call_id=call_id)),
    ]


def mutate_bytes(data: bytes, random_: random.Random) -> bytes:
    """Flip, insert, delete, repeat or cut off a few bytes."""
    mutated = bytearray(data)
    for _ in range(random_.randint(1, 4)):
        at = random_.randrange(len(mutated) + 1)
        match random_.randrange(5):
            case 0 if at < len(mutated):
                mutated[at] ^= 1 << random_.randrange(8)
            case 1:
                mutated[at:at] = random_.randbytes(random_.randint(1, 8))
            case 2:
                del mutated[at : at + random_.randint(1, 8)]
            case 3:
                mutated[at:at] = mutated[: random_.randint(0, 64)]
            case _:
                del mutated[at:]
    return bytes(mutated)


def absurd_start(random_: random.Random) -> pb.StreamAnalyzeRequest:
    """Return a start with any of its fields out of range."""
    pick = random_.choice
    start = pb.StartCall(call_id=pick(CALL_IDS), agent_only=random_.random() < 0.1)
    start.format.encoding = pick(ENCODINGS if random_.random() < 0.2 else ENCODINGS[:5])
    start.format.sample_rate_hz = pick(NUMBERS if random_.random() < 0.2 else [8000, 11025, 16000, 44100, 192000])
    start.format.channels = pick(NUMBERS if random_.random() < 0.2 else [1, 2])
    start.format.codec = pick(["", "mulaw", "x" * 200, "nonsense"])
    if random_.random() < 0.3:
        start.caller_channel = pick(NUMBERS if random_.random() < 0.2 else [0, 1])
    if random_.random() < 0.3:
        start.options.interim_period_s = pick(FLOATS)
        start.options.seed = pick([0, 1, -1, 2**63 - 1, -(2**63)])
        start.options.full_interims = random_.random() < 0.5
    for k in range(random_.choice([0, 0, 0, 1, 17])):
        start.labels[str(k)] = "x" * random_.choice([0, 5, 129])
    return pb.StreamAnalyzeRequest(start=start)


def absurd_audio(random_: random.Random, open_call: str) -> pb.StreamAnalyzeRequest:
    """Return chunks with any position, size and contents, most of them for a call that is open."""
    pick = random_.choice
    batch = pb.AudioBatch()
    for _ in range(random_.randint(0, 4)):
        data = pick([b"", random_.randbytes(pick([1, 2, 8, 1599, 1600, 8000])), BAD_SAMPLES, bytes(64_000)])
        call_id = pick(CALL_IDS) if random_.random() < 0.2 else open_call
        chunk = batch.chunks.add(call_id=call_id, first_sample=pick(LARGE) if random_.random() < 0.5 else 0, data=data)
        if random_.random() < 0.3:
            chunk.channel = pick(NUMBERS)
    return pb.StreamAnalyzeRequest(audio=batch)


def absurd_rest(random_: random.Random) -> pb.StreamAnalyzeRequest:
    """Return control and end at the wrong time, for the wrong call, or empty."""
    call_id = random_.choice(CALL_IDS)
    control = pb.CallControl(call_id=call_id)
    return random_.choice(
        [
            pb.StreamAnalyzeRequest(),
            pb.StreamAnalyzeRequest(end=pb.EndCall(call_id=call_id)),
            pb.StreamAnalyzeRequest(control=control),
            pb.StreamAnalyzeRequest(control=pb.CallControl(call_id=call_id, pause=pb.Pause())),
            pb.StreamAnalyzeRequest(control=pb.CallControl(call_id=call_id, resume=pb.Resume())),
            pb.StreamAnalyzeRequest(control=pb.CallControl(call_id=call_id, mark=pb.Mark(label="y" * random_.choice([0, 128, 129])))),
        ]
    )


def stream_requests(random_: random.Random, count: int) -> list[bytes]:
    """Return ``count`` requests for StreamAnalyze: good ones in between keep calls open, so that the bad ones meet something."""
    absurd: list[Callable[[random.Random, str], pb.StreamAnalyzeRequest]] = [
        lambda chance, _: absurd_start(chance),
        absurd_audio,
        absurd_audio,
        lambda chance, _: absurd_rest(chance),
    ]
    requests: list[bytes] = []
    while len(requests) < count:
        call = good_requests(random_)
        open_call = call[0].start.call_id
        good = [request.SerializeToString() for request in call]
        match random_.randrange(3):
            case 0:
                requests += [mutate_bytes(data, random_) if random_.random() < 0.4 else data for data in good]
            case 1:
                random_.shuffle(good)
                requests += good
            case _:
                requests += [good[0], *(random_.choice(absurd)(random_, open_call).SerializeToString() for _ in range(4))]
    return requests[:count]


def uploads(random_: random.Random, wav: bytes) -> list[bytes]:
    """Return the messages of one upload for AnalyzeRecording, something wrong with it."""
    header = pb.RecordingHeader(call_id=random_.choice(CALL_IDS) or "a", seed=random_.choice([0, 0, 0, -1]))
    data = wav
    if random_.random() < 0.5:
        start = absurd_start(random_).start
        header.format.CopyFrom(start.format)
        header.agent_only = start.agent_only
        data = random_.randbytes(random_.choice([0, 1, 1600, 3201]))
    elif random_.random() < 0.8:
        # The first bytes are the container's header, where a mutation hurts most.
        at = random_.choice([64, len(wav)])
        data = mutate_bytes(wav[:at], random_) + wav[at:]
    messages = [
        pb.AnalyzeRecordingRequest(header=header),
        pb.AnalyzeRecordingRequest(data=data[:999]),
        pb.AnalyzeRecordingRequest(data=data[999:]),
    ]
    if random_.random() < 0.05:
        random_.shuffle(messages)
    return [mutate_bytes(m.SerializeToString(), random_) if random_.random() < 0.05 else m.SerializeToString() for m in messages]
