"""From boxes in frames to draft tracks: found by a cascade, followed by flow in between."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from streamer.vision.boxes import Box, iou_matrix
from trainer.labelling.flow import follow_box
from trainer.labelling.looking import Found, Looked

BRIDGE_S = 3.0
"""A face that no cascade finds is followed for so long, and joined up if it is found again."""
TAIL_S = 1.0
"""So long before its first and after its last box a track goes on, where flow can follow."""

_MIN_OVERLAP = 0.3
_LEAST_FOUND = 3
_LEAST_SURE = 2
_SMOOTHED = 5
_TOLERANCE = 0.04


@dataclass
class Draft:
    """One face: its box in each frame from `first` on, and in which of them it was found."""

    first: int
    boxes: list[Box] = field(default_factory=list)
    found: list[bool] = field(default_factory=list)
    sure: int = 0

    @property
    def last(self) -> int:
        """The number of the last frame."""
        return self.first + len(self.boxes) - 1


def link(looked: Looked, on_frame: Callable[[int, int], None]) -> list[Draft]:
    """Make tracks of what was found, in the order in which they begin.

    on_frame: called with the number of frames done, and of all.
    """
    live: list[Draft] = []
    done: list[Draft] = []
    bridge = round(BRIDGE_S * looked.fps)
    before: NDArray[np.uint8] | None = None
    for number, found in enumerate(looked.found):
        grey = looked.grey(number)
        if looked.cuts[number]:
            done, live = done + live, []
        going = []
        for draft in live:
            moved = _followed(looked, before, grey, draft.boxes[-1])
            if moved is None or _misses(draft) >= bridge:
                done.append(draft)
            else:
                draft.boxes.append(moved)
                draft.found.append(False)
                going.append(draft)
        live = going + _assign(going, found, number)
        before = grey
        on_frame(number + 1, len(looked.found))
    drafts = [
        draft
        for draft in done + live
        if sum(draft.found) >= _LEAST_FOUND and draft.sure >= _LEAST_SURE
    ]
    for draft in drafts:
        _trim(draft, round(TAIL_S * looked.fps))
    for draft in drafts:
        _lead(looked, draft, drafts)
        draft.boxes = smoothed(draft.boxes)
    return sorted(drafts, key=lambda draft: (draft.first, draft.boxes[0].x))


def _followed(
    looked: Looked, before: NDArray[np.uint8] | None, after: NDArray[np.uint8], box: Box
) -> Box | None:
    if before is None:
        return None
    factor = looked.flow_factor
    moved = follow_box(before, after, box.scaled(factor))
    return None if moved is None else moved.scaled(1 / factor)


def _misses(draft: Draft) -> int:
    """Count the frames since it was last found."""
    return len(draft.found) - 1 - max(i for i, found in enumerate(draft.found) if found)


def _assign(live: list[Draft], found: list[Found], number: int) -> list[Draft]:
    """Give boxes to the tracks that they overlap best; return new tracks for the rest."""
    taken: set[int] = set()
    if live and found:
        overlaps = iou_matrix(
            np.array([draft.boxes[-1] for draft in live], np.float64),
            np.array([each.box for each in found], np.float64),
        )
        allowed = np.where(overlaps >= _MIN_OVERLAP, overlaps, 0.0)
        for row, column in zip(*linear_sum_assignment(allowed, maximize=True), strict=True):
            if allowed[row, column] > 0:
                taken.add(int(column))
                _correct(live[row], found[column])
    covered = [draft.boxes[-1] for draft in live]
    return [
        Draft(number, [each.box], [True], int(each.sure))
        for index, each in enumerate(found)
        if index not in taken and each.sure and not _overlaps(each.box, covered)
    ]


def _correct(draft: Draft, found: Found) -> None:
    """Set a track on a box, and spread what flow was astray over the frames it had bridged."""
    target = found.box
    if not found.sure:  # a profile's square lies elsewhere: take its place, keep the size
        side = draft.boxes[-1].width
        middle_x, middle_y = target.x + target.width / 2, target.y + target.height / 2
        target = Box(middle_x - side / 2, middle_y - side / 2, side, side)
    steps = _misses(draft)
    astray = np.array(target) - np.array(draft.boxes[-1])
    for step in range(steps):
        index = len(draft.boxes) - steps + step
        draft.boxes[index] = Box(*(np.array(draft.boxes[index]) + astray * (step + 1) / steps))
    draft.found[-1] = True
    draft.sure += found.sure


def _trim(draft: Draft, tail: int) -> None:
    """Let a track go on for `tail` frames at most after it was last found."""
    end = len(draft.found) - max(0, _misses(draft) - tail)
    del draft.boxes[end:], draft.found[end:]


def _lead(looked: Looked, draft: Draft, others: list[Draft]) -> None:
    """Follow a face back from its first box to where it came from."""
    box, frame = draft.boxes[0], draft.first
    after = looked.grey(frame)
    earlier: list[Box] = []
    for _ in range(round(TAIL_S * looked.fps)):
        if frame == 0 or looked.cuts[frame]:
            break
        before = looked.grey(frame - 1)
        moved = _followed(looked, after, before, box)
        frame -= 1
        if moved is None or _overlaps(moved, _boxes_at(others, frame, draft)):
            break
        earlier.append(moved)
        box, after = moved, before
    draft.first -= len(earlier)
    draft.boxes[:0] = earlier[::-1]
    draft.found[:0] = [False] * len(earlier)


def _boxes_at(drafts: list[Draft], frame: int, but: Draft) -> list[Box]:
    return [
        draft.boxes[frame - draft.first]
        for draft in drafts
        if draft is not but and draft.first <= frame <= draft.last
    ]


def _overlaps(box: Box, others: list[Box]) -> bool:
    if not others:
        return False
    found = iou_matrix(np.array([box], np.float64), np.array(others, np.float64))
    return bool(found.max() >= _MIN_OVERLAP)


def smoothed(boxes: list[Box]) -> list[Box]:
    """Average each box with its neighbours: Haar's squares jitter by some hundredths."""
    values = np.array(boxes, np.float64)
    reach = _SMOOTHED // 2
    return [
        Box(*values[max(0, index - near) : index + near + 1].mean(axis=0))
        for index in range(len(values))
        for near in [min(reach, index, len(values) - 1 - index)]
    ]


def sparse(boxes: list[Box]) -> list[int]:
    """Choose the boxes between which straight lines go: none is further off than 4 % of a side."""
    values = np.array(boxes, np.float64)

    def split(first: int, last: int) -> list[int]:
        if last - first < 2:
            return []
        share = ((np.arange(first + 1, last) - first) / (last - first))[:, None]
        straight = values[first] + share * (values[last] - values[first])
        off = np.abs(values[first + 1 : last] - straight).max(axis=1)
        worst = int(off.argmax())
        middle = first + 1 + worst
        if off[worst] <= _TOLERANCE * values[middle, 2]:
            return []
        return [*split(first, middle), middle, *split(middle, last)]

    last = len(boxes) - 1
    return sorted({0, *split(0, last), last})
