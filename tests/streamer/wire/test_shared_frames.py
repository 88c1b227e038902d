import os

import numpy as np

from streamer.wire.shared_frames import SLOTS, SharedFrames, make_shared_frames


def test_what_is_written_is_read_by_another_view_until_it_is_written_over() -> None:
    descriptor = make_shared_frames()
    writer, reader = SharedFrames(os.dup(descriptor)), SharedFrames(os.dup(descriptor))
    places = []
    for value in range(SLOTS + 1):
        place = writer.write(np.full((30, 40, 3), value, np.uint8))
        assert place is not None
        places.append(place)
    assert reader.read(*places[0]) is None
    for value, place in list(enumerate(places))[1:]:
        image = reader.read(*place)
        assert image is not None
        assert image.shape == (30, 40, 3)
        assert (image == value).all()
    restarted = SharedFrames(descriptor)
    later = restarted.write(np.zeros((30, 40, 3), np.uint8))
    assert later is not None
    assert later[1] > places[-1][1]
    for shared_frames in (writer, reader, restarted):
        shared_frames.close()


def test_places_that_never_were_and_frames_too_large() -> None:
    shared_frames = SharedFrames(make_shared_frames())
    assert shared_frames.read(0, 0) is None
    assert shared_frames.read(0, 2) is None
    assert shared_frames.read(99, 2) is None
    assert shared_frames.write(np.empty((4000, 4000, 3), np.uint8)) is None
    shared_frames.close()
