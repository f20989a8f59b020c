"""StreamAnalyze over real sockets: one call, many calls, every fault of a call, and that faults stay where they are."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from simpatico.client import CallFailed, Chunk, Event, Final, Interim, Ready
from simpatico.errors import RemoteError
from simpatico.types import AudioFormat
from tests.server.calls import RATE_HZ, STEREO, begin, cut, failure, noise, of, rest_of
from tests.server.fakes import FakeAnalyzer, expected_final
from tests.server.running import Running, Start


async def test_one_call_from_start_to_final(server: Running) -> None:
    samples = noise(3.25)
    async with server.client() as client, client.stream() as stream:
        await begin(stream, "a", labels={"queue": "bills"})
        await stream.send(cut("a", samples))
        await stream.end("a")
        updates = await rest_of(stream)
    assert isinstance(updates[0], Ready)
    assert updates[0].analysis_rate_hz == RATE_HZ
    assert updates[0].labels == {"queue": "bills"}
    assert updates[0].log_id
    assert [u.analysis.call.duration_s for u in updates[1:-1] if isinstance(u, Interim)] == [1.0, 2.0, 3.0]
    final = updates[-1]
    assert isinstance(final, Final)
    assert final.ended_by == "end"
    assert final.labels == {"queue": "bills"}
    assert final.analysis == expected_final("a", samples, STEREO)


async def test_interims_leave_lists_out_unless_asked_for(server: Running) -> None:
    async with server.client() as client, client.stream() as stream:
        await begin(stream, "short")
        await begin(stream, "full", options={"full_interims": True, "interim_period_s": 0.5})
        await begin(stream, "none", options={"no_interims": True})
        for call_id in ("short", "full", "none"):
            await stream.send(cut(call_id, noise(1.0)))
        updates = await rest_of(stream)
    interims = {i: [u for u in of(updates, i) if isinstance(u, Interim)] for i in ("short", "full", "none")}
    assert [len(u.analysis.dialogue.utterances) for u in interims["short"]] == [0]
    assert [len(u.analysis.dialogue.utterances) for u in interims["full"]] == [1, 1]
    assert interims["none"] == []
    finals = [u for u in updates if isinstance(u, Final)]
    assert [len(u.analysis.dialogue.utterances) for u in finals] == [1, 1, 1]
    assert {u.ended_by for u in finals} == {"closed"}


async def test_hundreds_of_calls_on_one_stream_in_mixed_batches(server: Running) -> None:
    calls = {f"call-{k}": noise(1.0, seed=k) for k in range(200)}
    async with server.client() as client, client.stream() as stream:
        for call_id in calls:
            await begin(stream, call_id)
        chunks = {call_id: cut(call_id, samples, 1600) for call_id, samples in calls.items()}
        for k in range(5):
            await stream.send([chunks[call_id][k] for call_id in calls])
        updates = await rest_of(stream)
    finals = {u.call_id: u.analysis for u in updates if isinstance(u, Final)}
    assert finals == {call_id: expected_final(call_id, samples, STEREO) for call_id, samples in calls.items()}


async def test_tracks_sent_apart_give_the_same_result(server: Running) -> None:
    samples = noise(2.0)
    async with server.client() as client, client.stream() as stream:
        await begin(stream, "apart")
        for first in range(0, len(samples), 1000):
            for channel in (1, 0):
                await stream.send([Chunk("apart", first, samples[first : first + 1000, channel].tobytes(), channel)])
        await stream.end("apart")
        updates = await rest_of(stream)
    assert isinstance(updates[-1], Final)
    assert updates[-1].analysis == expected_final("apart", samples, STEREO)


async def test_a_shorter_track_is_padded_and_that_is_said(server: Running) -> None:
    samples = noise(1.0)
    samples[4000:, 1] = 0
    async with server.client() as client, client.stream() as stream:
        await begin(stream, "a")
        await stream.send([Chunk("a", 0, samples[:, 0].tobytes(), 0), Chunk("a", 0, samples[:4000, 1].tobytes(), 1)])
        updates = await rest_of(stream)
    assert Event("a", "padded", 1.0, "") in updates
    assert isinstance(updates[-1], Final)
    assert updates[-1].analysis == expected_final("a", samples, STEREO)


async def test_what_is_said_while_paused_is_silence_to_the_analysis(server: Running) -> None:
    samples = noise(3.0)
    heard = samples.copy()
    heard[8000:16000] = 0
    async with server.client() as client, client.stream() as stream:
        await begin(stream, "sent")
        await stream.send([Chunk("sent", 0, samples[:8000].tobytes())])
        await stream.pause("sent")
        await stream.send([Chunk("sent", 8000, samples[8000:16000].tobytes())])
        await stream.resume("sent")
        await stream.mark("sent", "back")
        await stream.send([Chunk("sent", 16000, samples[16000:].tobytes())])
        await begin(stream, "skipped")
        await stream.send([Chunk("skipped", 0, samples[:8000].tobytes())])
        await stream.pause("skipped")
        await stream.resume("skipped")
        await stream.send([Chunk("skipped", 16000, samples[16000:].tobytes())])
        updates = await rest_of(stream)
    events = [(u.kind, u.at_s, u.label) for u in of(updates, "sent") if isinstance(u, Event)]
    assert events == [("paused", 1.0, ""), ("resumed", 2.0, ""), ("mark", 2.0, "back")]
    finals = {u.call_id: u.analysis for u in updates if isinstance(u, Final)}
    assert finals == {call_id: expected_final(call_id, heard, STEREO) for call_id in ("sent", "skipped")}


async def test_g711_and_declared_codec(server: Running) -> None:
    data = bytes(range(256)) * 10
    async with server.client() as client, client.stream() as stream:
        await stream.start("u", encoding="mulaw", sample_rate_hz=8000, channels=1)
        await stream.start("l", encoding="l16", sample_rate_hz=8000, channels=1, codec="mulaw", caller_channel=None)
        await stream.send([Chunk("u", 0, data), Chunk("l", 0, data)])
        updates = await rest_of(stream)
    finals = {u.call_id: u.analysis.call for u in updates if isinstance(u, Final)}
    assert finals["u"].format == AudioFormat(8000, 1, "mulaw")
    assert finals["l"].format == AudioFormat(8000, 1, "mulaw")
    assert (finals["u"].caller_channel, finals["l"].caller_channel) == (0, None)
    assert finals["u"].duration_s == 2 * finals["l"].duration_s


BAD_STARTS = [
    ({"encoding": "opus"}, "INVALID_ARGUMENT", "UNKNOWN_CODEC", "start.format.encoding", "'opus' is not known: l16"),
    ({"encoding": "pcm_s16"}, "INVALID_ARGUMENT", "UNKNOWN_CODEC", "start.format.encoding", "is not known: l16"),
    ({"sample_rate_hz": 0}, "INVALID_ARGUMENT", "AUDIO_FORMAT", "start.format.sample_rate_hz", "0 Hz .* 8000 to 192000 Hz work"),
    ({"sample_rate_hz": 10**9}, "INVALID_ARGUMENT", "AUDIO_FORMAT", "start.format.sample_rate_hz", "1e.09 Hz .* 8000 to 192000"),
    ({"channels": 17}, "INVALID_ARGUMENT", "AUDIO_FORMAT", "start.format.channels", "17"),
    ({"channels": 0}, "INVALID_ARGUMENT", "AUDIO_FORMAT", "start.format.channels", "0"),
    ({"caller_channel": 2}, "INVALID_ARGUMENT", "AUDIO_FORMAT", "start.caller_channel", "caller channel 2 .* 0 or 1"),
    ({"caller_channel": None}, "INVALID_ARGUMENT", "REQUEST", "start.agent_only", "2 channel"),
    ({"labels": {str(k): "" for k in range(17)}}, "INVALID_ARGUMENT", "REQUEST", "start.labels", "17 labels: at most 16"),
    ({"labels": {"k": "x" * 129}}, "INVALID_ARGUMENT", "REQUEST", "start.labels", "129 characters: at most 128"),
    ({"codec": "x" * 129}, "INVALID_ARGUMENT", "REQUEST", "start.format.codec", "129 characters"),
    ({"options": {"seed": -1}}, "INVALID_ARGUMENT", "REQUEST", "start.options.seed", "-1: 0 or more"),
    ({"options": {"interim_period_s": 0.01}}, "INVALID_ARGUMENT", "REQUEST", "start.options.interim_period_s", "0.01: .* 0.5 to"),
    ({"options": {"interim_period_s": float("nan")}}, "INVALID_ARGUMENT", "REQUEST", "start.options.interim_period_s", "nan"),
]


@pytest.mark.parametrize(("change", "status", "reason", "field", "message"), BAD_STARTS, ids=[str(b[0])[:40] for b in BAD_STARTS])
async def test_bad_starts_end_that_call_only(
    server: Running, change: dict[str, object], status: str, reason: str, field: str, message: str
) -> None:
    samples = noise(0.5)
    start: dict[str, object] = {"encoding": "f32", "sample_rate_hz": RATE_HZ, "channels": 2} | change
    async with server.client() as client, client.stream() as stream:
        await begin(stream, "good")
        await stream.start("bad", **start)  # type: ignore[arg-type]
        await stream.send([*cut("bad", samples), *cut("good", samples)])
        await stream.end("bad")
        updates = await rest_of(stream)
    assert len(of(updates, "bad")) == 1
    error = failure(updates, "bad")
    assert (error.status, error.reason, error.field) == (status, reason, field)
    with pytest.raises(RemoteError, match=message):
        raise error
    assert of(updates, "good")[-1] == Final("good", expected_final("good", samples, STEREO), "closed", {})


def _with_nan(samples: NDArray[np.float32]) -> bytes:
    samples = samples.copy()
    samples[7, 1] = np.nan
    return samples.tobytes()


SECOND = noise(0.1)
BAD_AUDIO = [
    (
        [Chunk("bad", 0, SECOND.tobytes()[:-1])],
        "INVALID_ARGUMENT",
        "MALFORMED_AUDIO",
        "data",
        "6399 bytes .* multiples of 8 bytes, 6392 would",
    ),
    ([Chunk("bad", 0, _with_nan(SECOND))], "INVALID_ARGUMENT", "MALFORMED_AUDIO", "data", "sample 7 of channel 1 is nan"),
    ([Chunk("bad", 1, SECOND.tobytes())], "OUT_OF_RANGE", "SEQUENCE", "first_sample", "sample 1 where 0 was expected, gap of 1 "),
    ([Chunk("bad", 0, SECOND.tobytes())] * 2, "OUT_OF_RANGE", "SEQUENCE", "first_sample", "0 where 800 was expected, overlap of 800"),
    ([Chunk("bad", 2**64 - 1, b"")], "OUT_OF_RANGE", "SEQUENCE", "first_sample", "gap of 18446744073709551615"),
    ([Chunk("bad", 0, SECOND[:, 0].tobytes(), 2)], "INVALID_ARGUMENT", "AUDIO_FORMAT", "channel", "channel 2 does not exist: .* 0 to 1"),
    ([Chunk("bad", 0, noise(6)[:, 0].tobytes(), 0)], "OUT_OF_RANGE", "SEQUENCE", "channel", "48000 samples ahead .* at most 40000"),
]


@pytest.mark.parametrize(("chunks", "status", "reason", "field", "message"), BAD_AUDIO, ids=[b[4][:25] for b in BAD_AUDIO])
async def test_bad_audio_ends_that_call_only(
    server: Running, chunks: list[Chunk], status: str, reason: str, field: str, message: str
) -> None:
    samples = noise(0.5)
    async with server.client() as client, client.stream() as stream:
        await begin(stream, "good")
        await begin(stream, "bad")
        await stream.send([*chunks, *cut("good", samples)])
        await stream.send([Chunk("bad", 0, SECOND.tobytes())])
        updates = await rest_of(stream)
    error = failure(updates, "bad")
    assert (error.status, error.reason, error.field) == (status, reason, f"audio.chunks.{field}" if field != "data" else error.field)
    assert error.field.endswith(field)
    with pytest.raises(RemoteError, match=message):
        raise error
    assert of(updates, "good")[-1] == Final("good", expected_final("good", samples, STEREO), "closed", {})


async def test_order_of_messages(server: Running) -> None:
    samples = noise(0.2)
    async with server.client() as client, client.stream() as stream:
        await stream.send(cut("never", samples))
        await stream.mark("unmarked", "x")
        await stream.end("unended")
        for call_id in ("late", "twice", "again"):
            await begin(stream, call_id)
        await stream.send([*cut("late", samples), *cut("twice", samples)])
        await stream.end("late")
        await stream.send([Chunk("late", 1600, b"")])
        await stream.end("twice")
        await stream.end("twice")
        await begin(stream, "again")
        updates = await rest_of(stream)
    never = failure(updates, "never")
    assert len(of(updates, "never")) == 1
    assert (never.status, never.reason, never.field) == ("FAILED_PRECONDITION", "UNKNOWN_CALL", "audio.chunks.call_id")
    with pytest.raises(RemoteError, match="audio for call 'never', which was not started: send start first"):
        raise never
    assert failure(updates, "unmarked").field == "control.call_id"
    assert failure(updates, "unended").field == "end.call_id"
    for call_id, what in (("late", "audio"), ("twice", "end")):
        final = of(updates, call_id)[-2]
        assert isinstance(final, Final)
        assert final.analysis == expected_final(call_id, samples, STEREO)
        with pytest.raises(RemoteError, match=f"{what} for call '{call_id}', which has ended: start it again"):
            raise failure(updates, call_id)
    again = failure(updates, "again")
    assert (again.status, again.reason, again.field) == ("ALREADY_EXISTS", "DUPLICATE_CALL", "start.call_id")


async def test_an_id_can_be_started_again_after_final_and_after_fault(server: Running) -> None:
    samples = noise(0.2)
    async with server.client() as client, client.stream() as stream:
        updates = aiter(stream)
        for fault in (False, True, False):
            await begin(stream, "a")
            await stream.send([Chunk("a", 5 if fault else 0, samples.tobytes())])
            if not fault:
                await stream.end("a")
            ready, last = await anext(updates), await anext(updates)
            assert isinstance(ready, Ready)
            if fault:
                assert isinstance(last, CallFailed)
            else:
                assert last == Final("a", expected_final("a", samples, STEREO), "end", {})


@pytest.mark.parametrize("call_id", ["", "x" * 129, "line\nbreak"])
async def test_unusable_ids_are_answered_without_a_call(server: Running, call_id: str) -> None:
    async with server.client() as client, client.stream() as stream:
        await begin(stream, call_id)
        updates = await rest_of(stream)
    error = failure(updates, "")
    assert (error.reason, error.field) == ("REQUEST", "start.call_id")
    with pytest.raises(RemoteError, match="1 to 128 printable characters work"):
        raise error


async def test_resume_without_pause_and_long_marks(server: Running) -> None:
    async with server.client() as client, client.stream() as stream:
        await begin(stream, "a")
        await stream.resume("a")
        await begin(stream, "b")
        await stream.mark("b", "x" * 129)
        updates = await rest_of(stream)
    with pytest.raises(RemoteError, match="send pause first"):
        raise failure(updates, "a")
    with pytest.raises(RemoteError, match="129 characters: at most 128"):
        raise failure(updates, "b")


async def test_a_defect_in_one_call_is_not_told_and_not_spread(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    def fail(call_id: str) -> None:
        if call_id == "bad":
            raise ZeroDivisionError("secret of the implementation")

    server = await start(lambda plan, audio: FakeAnalyzer(plan, audio, fail))
    samples = noise(0.3)
    async with server.client() as client, client.stream() as stream:
        for call_id in ("bad", "good"):
            await begin(stream, call_id)
            await stream.send(cut(call_id, samples))
        updates = await rest_of(stream)
    error = failure(updates, "bad")
    assert (error.status, error.reason) == ("INTERNAL", "INTERNAL")
    assert "secret" not in str(error)
    assert of(updates, "good")[-1] == Final("good", expected_final("good", samples, STEREO), "closed", {})
    assert any("defect" in record.message for record in caplog.records)


async def test_a_defect_in_handing_over_a_result_ends_that_call_alone(
    server: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The figure of one call's style cannot be set; what other calls on the stream got in the same moment reaches them."""
    exchange = server.application.shared.exchange
    really = exchange._set

    def set_value(key: int, topic: str, value: bytes) -> None:
        if topic == "style/bad" and value:
            raise RuntimeError("no room in the exchange")
        really(key, topic, value)

    monkeypatch.setattr(exchange, "_set", set_value)
    calls = {f"good-{k}": noise(2.0, seed=k) for k in range(8)} | {"bad": noise(2.0)}
    async with server.client() as client, client.stream() as stream:
        for call_id in sorted(calls):
            await begin(stream, call_id)
        await stream.send([Chunk(call_id, 0, samples.tobytes()) for call_id, samples in sorted(calls.items())])
        updates = await rest_of(stream)
    error = failure(updates, "bad")
    assert (error.status, error.reason) == ("INTERNAL", "INTERNAL")
    finals = {u.call_id: u.analysis for u in updates if isinstance(u, Final)}
    assert finals == {call_id: expected_final(call_id, samples, STEREO) for call_id, samples in calls.items() if call_id != "bad"}
    assert "no room in the exchange" in caplog.text
    assert "Traceback" in caplog.text
