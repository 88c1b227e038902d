from streamer.view.labels import MAX_CAMERAS, LabelBook
from streamer.wire.messages import (
    FrameOffer,
    IdentityEvent,
    PresenceEvent,
    PresentTrack,
    SeenTrack,
)
from streamer.wire.timestamps import timestamp_now

BOX = (10, 20, 80, 60)


def offer(*tracks: SeenTrack, epoch: str = "e") -> FrameOffer:
    return FrameOffer(
        camera="door", epoch=epoch, sequence=1, captured=timestamp_now(), frame_wh=(640, 480),
        tracks=tracks,
    )  # fmt: skip


def present(track: str, identity: str | None) -> PresentTrack:
    return PresentTrack(
        track=track, identity=identity, stranger=None if identity else "unknown-1",
        probability=0.9, box_xywh=BOX, entered_utc="t",
    )  # fmt: skip


def event(kind: str, track: str, identity: str | None) -> IdentityEvent:
    return IdentityEvent(
        event=kind,  # type: ignore[arg-type]
        id="i", camera="door", track=track, identity=identity, stranger=None, probability=0.8,
        squared_distance=0.1, box_xywh=BOX, captured_utc="t", media_ms=0.0, age_ms=1.0,
        sequence=1, epoch="p", number=1, weights="w", gallery="g",
    )  # fmt: skip


def texts(book: LabelBook, frame: FrameOffer) -> list[str]:
    return [label.text for label in book.labels(frame, 1.0)]


def test_before_anything_is_known_a_face_has_no_name() -> None:
    assert texts(LabelBook(), offer()) == []
    assert texts(LabelBook(), offer(SeenTrack(1, BOX, True))) == ["..."]


def test_a_snapshot_names_who_is_there_and_events_come_sooner() -> None:
    book, frame = LabelBook(), offer(SeenTrack(1, BOX, True), SeenTrack(2, BOX, True))
    book.take_presence(PresenceEvent("door", "p", (present("e-1", "Ada"), present("e-2", None))))
    assert texts(book, frame) == ["Ada 90.00%", "unknown-1"]
    book.take_event(event("update", "e-2", "Bob"))
    book.take_event(event("exit", "e-1", "Ada"))
    assert texts(book, frame) == ["...", "Bob 80.00%"]
    book.take_presence(PresenceEvent("door", "p", ()))
    assert texts(book, frame) == ["...", "..."]


def test_an_exit_that_was_lost_leaves_no_name_on_the_next_face() -> None:
    book = LabelBook()
    book.take_presence(PresenceEvent("door", "p", (present("e-1", "Ada"),)))
    # The capture process starts anew: its track 1 is another face.
    assert texts(book, offer(SeenTrack(1, BOX, True), epoch="f")) == ["..."]


def test_boxes_are_in_pixels_of_the_picture_and_lost_faces_have_none() -> None:
    labels = LabelBook().labels(offer(SeenTrack(1, BOX, True), SeenTrack(2, BOX, False)), 0.5)
    assert [label.box_xywh for label in labels] == [(5, 10, 40, 30)]


def test_the_number_of_cameras_has_a_limit() -> None:
    book = LabelBook()
    for number in range(MAX_CAMERAS + 5):
        book.take_presence(PresenceEvent(f"c{number}", "p", ()))
    assert len(book._tracks) == MAX_CAMERAS
