"""What control asks of dispatch: crops to be embedded beside live ones, and looks at a track."""

import zmq

from streamer.bus.sockets import Socket
from streamer.config.sections import DispatchConfig
from streamer.dispatch.asked import MAX_WAITING
from streamer.dispatch.looks import LAST_S, Looks
from streamer.wire.asked import (
    ANSWERED,
    DropLooks,
    EmbedCrops,
    EmbeddedCrops,
    EmbedRefused,
    LooksDropped,
    WatchTrack,
)
from streamer.wire.codec import decode, encode
from streamer.wire.messages import CROP_BYTES, EMBEDDING_BYTES, Batch, KeptCrop
from tests.streamer.dispatch.test_process import PATIENCE_MS, Running, Worker, running
from tests.streamer.dispatch.test_queue import crop

CROP = bytes(CROP_BYTES)
LIVE = 3


def asker(dispatch: Running) -> Socket:
    return dispatch.bus.connect(zmq.DEALER, dispatch.asked)


def ask(socket: Socket, request: int, count: int) -> None:
    socket.send_multipart(encode(EmbedCrops(request, count), *[CROP] * count))


def answer(socket: Socket) -> tuple[object, list[bytes | memoryview]]:
    assert socket.poll(PATIENCE_MS)
    return decode(socket.recv_multipart(), ANSWERED)


def batch(worker: Worker) -> Batch:
    """The next batch, which is no probe."""
    while (taken := worker.take()) is not None:
        if taken.count:
            return taken
    raise AssertionError("no batch came")


def test_crops_that_are_asked_for_come_after_live_ones_and_go_back_to_whom_asked() -> None:
    with running() as dispatch:
        one, other, worker = asker(dispatch), asker(dispatch), dispatch.worker()
        worker.ask()
        ask(one, 5, 2)
        ask(other, 5, 4)
        dispatch.send_crops(1, LIVE)
        dispatch.gate.open.set()
        live = batch(worker)
        assert live.count == LIVE
        worker.finish(live)
        worker.ask()
        assert len(dispatch.embedded()) == LIVE
        first = batch(worker)
        assert first.count == 2
        worker.finish(first, 1)
        worker.ask()
        assert answer(one) == (EmbeddedCrops(5, 2, "print"), [b"\1" * 2 * EMBEDDING_BYTES])
        second = batch(worker)
        assert second.count == 4
        worker.finish(second, 2)
        assert answer(other) == (EmbeddedCrops(5, 4, "print"), [b"\2" * 4 * EMBEDDING_BYTES])
        stages = dispatch.end()
        assert (stages["crops asked"].received, stages["crops asked"].forwarded) == (6, 6)
        assert (stages["crops"].received, stages["crops"].forwarded) == (LIVE, LIVE)


def test_a_batch_of_a_worker_that_is_gone_is_handed_out_again_and_not_for_ever() -> None:
    config = DispatchConfig(max_age_ms=600_000, worker_timeout_ms=200)
    with running(config=config) as dispatch:
        one, worker = asker(dispatch), dispatch.worker()
        dispatch.gate.open.set()
        ask(one, 1, 1)
        taken: list[int] = []
        while len(taken) < 3:
            worker.ask()  # one that has a batch asks in vain, and says nothing of that one
            found = worker.take(100)
            taken += [found.count] if found is not None and found.count else []
        assert taken == [1, 1, 1]
        message, _ = answer(one)
        assert isinstance(message, EmbedRefused)
        assert "3 workers were lost" in message.why
        assert dispatch.end()["crops asked"].dropped == {"worker_lost": 1}


def test_more_than_can_wait_is_refused_and_what_is_malformed_ends_nothing() -> None:
    with running() as dispatch:
        one = asker(dispatch)
        one.send_multipart([b"noise"])
        one.send_multipart([encode(EmbedCrops(1, 2))[0], CROP])
        for request in range(MAX_WAITING + 1):
            ask(one, request, 1)
        dispatch.gate.open.set()
        assert answer(one) == (EmbedRefused(MAX_WAITING, "busy"), [])
        dropped = dispatch.end()["crops asked"].dropped
        assert dropped == {"queue_full": 1, "stopped": MAX_WAITING}


def test_crops_of_a_track_are_shown_to_whom_asked_until_it_is_enough() -> None:
    with running() as dispatch:
        one, worker = asker(dispatch), dispatch.worker()
        one.send_multipart(encode(WatchTrack("door", "e", 2, 60.0)))
        dispatch.send_crops(1, 3)
        worker.ask()
        dispatch.gate.open.set()
        worker.finish(batch(worker), 7)
        message, parts = answer(one)
        assert isinstance(message, KeptCrop)
        assert (message.info.track, message.fingerprint) == (2, "print")
        assert parts == [CROP, b"\7" * EMBEDDING_BYTES]
        late = asker(dispatch)  # it is shown what was seen a moment ago
        late.send_multipart(encode(WatchTrack("door", "e", 3, 60.0)))
        message, _ = answer(late)
        assert isinstance(message, KeptCrop)
        assert message.info.track == 3
        one.send_multipart(encode(WatchTrack("door", "e", 2, 0.0)))
        ask(one, 9, 1)  # once it is answered, what was sent before it has been heard
        worker.ask()
        worker.finish(batch(worker))
        assert isinstance(answer(one)[0], EmbeddedCrops)
        dispatch.send_crops(1, 3)
        left = 3
        while left:
            worker.ask()
            live = batch(worker)
            worker.finish(live)
            left -= live.count
        ask(one, 10, 1)
        worker.ask()
        worker.finish(batch(worker))
        assert isinstance(answer(one)[0], EmbeddedCrops)  # and not the crop that came before it


def test_where_somebody_is_forgotten_no_crop_of_a_moment_ago_is_kept() -> None:
    with running() as dispatch:
        one, other, worker = asker(dispatch), asker(dispatch), dispatch.worker()
        dispatch.send_crops(1, 1)
        worker.ask()
        dispatch.gate.open.set()
        worker.finish(batch(worker))
        assert len(dispatch.embedded()) == 1
        ask(other, 4, 2)  # no worker asks, so it waits
        other.send_multipart(encode(DropLooks(5)))
        assert answer(other) == (EmbedRefused(4, "busy"), [])
        assert answer(other) == (LooksDropped(5), [])
        one.send_multipart(encode(WatchTrack("door", "e", 1, 60.0)))
        ask(one, 9, 1)
        worker.ask()
        worker.finish(batch(worker))
        assert isinstance(answer(one)[0], EmbeddedCrops)  # and not the crop that was seen before
        dropped = dispatch.end()["crops asked"].dropped
        assert dropped == {"forgotten": 2}


def test_a_crop_is_kept_for_its_time_while_others_of_its_track_come() -> None:
    looks, track = Looks(), ("door", "e", 1)
    seen = crop(1, 1)
    for at in (0.0, LAST_S):
        assert list(looks.take([seen], "print", memoryview(bytes(EMBEDDING_BYTES)), at)) == []
    looks.expire(LAST_S + 1)
    assert [look.at_s for look in looks.watch(b"peer", track, 5.0, LAST_S + 1)] == [LAST_S]
    looks.drop_all()
    assert looks.watch(b"other", track, 5.0, LAST_S + 1) == []
