"""Faces are cut from the very frame in which they were seen, and only whose may be shown."""

import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.mqtt.faces import MAX_PICTURES, WANTED_S, cut_face
from streamer.view.annotate import Label, annotate
from streamer.vision.images import decode_image, encode_image
from streamer.wire.messages import FrameEvent
from streamer.wire.shared_frames import SLOT_PIXEL_BYTES
from tests.streamer.mqtt.heard import ALICE, Desk, event, gallery

BOX = (200, 100, 120, 120)


def picture(face: NDArray[np.uint8], who: str = ALICE) -> bytes:
    """A face on grey, with the box and the name that view draws."""
    image = np.full((480, 640, 3), 128, np.uint8)
    x, y, width, height = BOX
    image[y : y + height, x : x + width] = face[:height, :width]
    annotate(image, [Label(BOX, who, None, 0.97, True)])
    return encode_image(image, quality=95)


def frame(sequence: int, epoch: str = "c") -> FrameEvent:
    return FrameEvent(
        camera="door", epoch=epoch, sequence=sequence, captured_utc="t", age_ms=1.0,
        frame_wh=(640, 480),
    )  # fmt: skip


def face_of(desk: Desk) -> NDArray[np.uint8] | None:
    return decode_image(desk.held.get("facestream/camera/door/face", b""))


def test_the_face_is_that_of_the_frame_without_lines(hopper: NDArray[np.uint8]) -> None:
    desk = Desk().hear(gallery(ALICE), event("enter", ALICE, sequence=7, box_xywh=(0, 0, 50, 50)))
    assert desk.watched == {"door"}
    jpeg = picture(hopper)
    for other in (frame(6), frame(8), frame(9, epoch="another run")):
        desk.teller.see(other, jpeg, 0.1)
    assert face_of(desk.drain()) is None
    desk.teller.see(frame(9), jpeg, 0.1)
    desk.hear(event("update", ALICE, sequence=9, box_xywh=BOX), at_s=0.2)
    face = face_of(desk)
    assert face is not None
    assert face.shape == (116, 116, 3)
    wanted = hopper[2:118, 2:118].astype(int)
    assert np.abs(face.astype(int) - wanted).mean() < 6
    assert desk.watched == set(), "pictures are made for nobody else"
    assert desk.json("camera/door/attributes")["face_of"] == ALICE


def test_a_picture_may_come_after_its_event(hopper: NDArray[np.uint8]) -> None:
    desk = Desk().hear(gallery(ALICE), event("enter", ALICE, sequence=3, box_xywh=BOX))
    desk.teller.see(frame(3), picture(hopper), 0.1)
    assert face_of(desk.drain()) is not None


@pytest.mark.parametrize(
    ("faces", "who", "shown"),
    [
        ("none", ALICE, False),
        ("enrolled", ALICE, True),
        ("enrolled", "unknown-3", False),
        ("all", "unknown-3", True),
        ("all", "Somebody who is not enrolled", False),
    ],
)
def test_whose_face_is_shown(faces: str, who: str, shown: bool, hopper: NDArray[np.uint8]) -> None:
    desk = Desk(faces=faces).hear(gallery(ALICE), event("enter", who, sequence=3, box_xywh=BOX))
    desk.teller.see(frame(3), picture(hopper), 0.1)
    assert (face_of(desk.drain()) is not None) == shown
    assert desk.watched == set()


def test_a_wish_ends_in_time_and_holds_few_pictures(hopper: NDArray[np.uint8]) -> None:
    desk = Desk().hear(gallery(ALICE), event("enter", ALICE, sequence=1000, box_xywh=BOX))
    jpeg = picture(hopper)
    for number in range(3 * MAX_PICTURES):
        desk.teller.see(frame(number), jpeg, 0.1)
    assert len(desk.teller._faces._wishes["door"].pictures) == MAX_PICTURES
    desk.teller.turn(WANTED_S - 0.1)
    assert desk.watched == {"door"}
    desk.teller.turn(WANTED_S + 0.1)
    assert desk.watched == set()
    desk.teller.see(frame(1000), jpeg, 6.0)
    assert face_of(desk.drain()) is None


def test_nobody_who_is_forgotten_meanwhile_is_shown(hopper: NDArray[np.uint8]) -> None:
    desk = Desk().hear(gallery(ALICE), event("enter", ALICE, sequence=3, box_xywh=BOX))
    desk.hear(gallery("Bob", version="2"))
    desk.teller.see(frame(3), picture(hopper), 0.1)
    assert desk.watched == set()
    assert face_of(desk.drain()) is None


@pytest.mark.parametrize("box", [(0, 0, 5, 5), (700, 100, 50, 50), (-90, -90, 95, 95)])
def test_a_box_beside_the_picture_has_no_face(
    box: tuple[int, int, int, int], hopper: NDArray[np.uint8]
) -> None:
    assert cut_face(picture(hopper), box) is None
    assert cut_face(b"no picture", BOX) is None


def test_of_a_picture_that_was_made_smaller_no_face_is_cut() -> None:
    width = 3839
    image = np.zeros((SLOT_PIXEL_BYTES // (3 * width), width, 3), np.uint8)
    assert cut_face(encode_image(image, quality=1), BOX) is None
