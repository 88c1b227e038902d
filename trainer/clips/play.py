"""The play of a made clip: who visits when, where, how, and what comes in between.

All of it is drawn from one random generator, before any picture: the same seed, the same play.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from streamer.errors import ConfigError

Way = Literal["left", "right", "below", "far"]

_VISIT_S = (7.0, 14.0)
_PAUSE_S = (0.4, 2.0)
_PHOTO_S = (0.5, 1.0)
_CROSSING_S, _CROSSING_STAY_S = 1.4, 1.2
_COVER_S = (0.5, 1.2)
_EDGE_SHARE = 0.06
_EDGE_S = 2.5  # nothing special happens so near a visit's beginning and end


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a play is drawn from: sizes in pixels, times in seconds.

    face_px: widths of faces (of the Haar square), from and to. at_once: people at once, at most.
    one_photo: a visit shows one photo, instead of another every half second to second.
    """

    width: int
    height: int
    seconds: float
    at_once: int
    face_px: tuple[float, float]
    one_photo: bool = False
    crossing_share: float = 0.35
    cover_share: float = 0.35


@dataclass(frozen=True)
class Crossing:
    """A walk to another place and back, before or behind who is there."""

    from_s: float
    by_px: float
    nearer: bool

    @property
    def to_s(self) -> float:
        """When it is over."""
        return self.from_s + 2 * _CROSSING_S + _CROSSING_STAY_S

    def share_at(self, seconds: float) -> float:
        """Return how much of the way is gone, 0 to 1."""
        since = seconds - self.from_s
        back = since - _CROSSING_S - _CROSSING_STAY_S
        return smooth(since / _CROSSING_S) - smooth(back / _CROSSING_S)


@dataclass(frozen=True)
class Cover:
    """Something that passes before a face: `angle` in degrees, `side` in widths of the face."""

    from_s: float
    to_s: float
    angle: float
    side: float
    off: float


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One person from entering to leaving.

    player: index into the cast. place: centre of the face, in pixels of the scene. size_px: width
    of its Haar square, on average. cuts: from when on which photo is shown, the first at start_s.
    gain, side_light: of the light on this face. blur: 0 to 1, of the strongest.
    """

    player: int
    seat: int
    start_s: float
    end_s: float
    place: tuple[float, float]
    size_px: float
    phase: tuple[float, float, float]
    turn_degrees: float
    comes: Way
    goes: Way
    cuts: tuple[tuple[float, int], ...]
    gain: float
    side_light: float
    blur: float
    crossings: tuple[Crossing, ...] = ()
    covers: tuple[Cover, ...] = ()

    def photo_at(self, seconds: float) -> int:
        """Return which of the player's photos is shown."""
        return [photo for since, photo in self.cuts if since <= seconds][-1]


def smooth(share: float) -> float:
    """Go from 0 to 1, with a soft start and a soft end; outside, stay there."""
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)


def write_play(photos: Sequence[int], setting: Setting, rng: np.random.Generator) -> list[Visit]:
    """Draw the visits of everybody, by start; `photos` says how many each player has to show.

    Everybody comes in turn, and again while there is time. Raises ConfigError where there is not
    enough for everybody to come once.
    """
    visits: list[Visit] = []
    turn: deque[int] = deque(rng.permutation(len(photos)).tolist())
    free_s = [float(rng.uniform(0, 2 * seat + 0.01)) for seat in range(setting.at_once)]
    away_s = [0.0] * len(photos)
    came: set[int] = set()
    while True:
        seat = int(np.argmin(free_s))
        start_s = free_s[seat]
        end_s = min(start_s + float(rng.uniform(*_VISIT_S)), setting.seconds)
        if end_s - start_s < min(_VISIT_S[0], 0.6 * setting.seconds):
            break
        player = next((p for p in turn if away_s[p] <= start_s), None)
        if player is None:  # everybody is here
            free_s[seat] = min(s for s in away_s if s > start_s)
            continue
        turn.remove(player)
        turn.append(player)
        visit = _visit(player, seat, (start_s, end_s), photos[player], setting, rng)
        visits.append(_covered(visit, setting, rng))
        free_s[seat] = end_s + float(rng.uniform(*_PAUSE_S))
        away_s[player] = end_s + 1.0
        came.add(player)
    if len(came) < len(photos):
        needed = setting.seconds * len(photos) / max(1, len(came))
        raise ConfigError(
            f"{len(photos)} people do not all come in {setting.seconds:g} s with {setting.at_once} "
            f"at once: give --seconds {int(needed * 1.3) + 10} or more, or fewer people"
        )
    return _crossed(sorted(visits, key=lambda visit: visit.start_s), setting, rng)


def _visit(
    player: int,
    seat: int,
    times: tuple[float, float],
    photos: int,
    setting: Setting,
    rng: np.random.Generator,
) -> Visit:
    start_s, end_s = times
    cell = setting.width / setting.at_once
    size_px = float(rng.uniform(*setting.face_px))
    margin = min(setting.width / 2, 0.6 * size_px + 0.12 * cell + _EDGE_SHARE * setting.width)
    x = cell * (seat + 0.5) + float(rng.uniform(-0.1, 0.1)) * cell
    x = min(max(x, margin), setting.width - margin)  # nobody stands half outside for long
    nearest: Way = "left" if x < setting.width / 2 else "right"
    ways: list[Way] = [nearest, "far", "below"]
    return Visit(
        player=player,
        seat=seat,
        start_s=start_s,
        end_s=end_s,
        place=(x, setting.height * float(rng.uniform(0.38, 0.55))),
        size_px=size_px,
        phase=(float(rng.uniform(0, 6.3)), float(rng.uniform(0, 6.3)), float(rng.uniform(0, 6.3))),
        turn_degrees=float(rng.uniform(2, 10)),
        comes=ways[int(rng.choice(3, p=(0.5, 0.35, 0.15)))],
        goes=ways[int(rng.choice(3, p=(0.5, 0.35, 0.15)))],
        cuts=_cuts(start_s, end_s, photos, setting.one_photo, rng),
        gain=float(rng.uniform(0.7, 1.15)),
        side_light=float(rng.uniform(-0.3, 0.3)),
        blur=float(rng.uniform(0.0, 1.0)),
    )


def _cuts(
    start_s: float, end_s: float, photos: int, one_photo: bool, rng: np.random.Generator
) -> tuple[tuple[float, int], ...]:
    """Change to another photo every half second to second, never to the same one."""
    photo = int(rng.integers(photos))
    cuts = [(start_s, photo)]
    if one_photo or photos == 1:
        return tuple(cuts)
    at_s = start_s + float(rng.uniform(*_PHOTO_S))
    while at_s < end_s:
        photo = (photo + 1 + int(rng.integers(photos - 1))) % photos
        cuts.append((at_s, photo))
        at_s += float(rng.uniform(*_PHOTO_S))
    return tuple(cuts)


def _covered(visit: Visit, setting: Setting, rng: np.random.Generator) -> Visit:
    length_s = float(rng.uniform(*_COVER_S))
    room_s = visit.end_s - visit.start_s - 2 * _EDGE_S - length_s
    if rng.random() >= setting.cover_share or room_s <= 0:
        return visit
    from_s = visit.start_s + _EDGE_S + float(rng.uniform(0, room_s))
    cover = Cover(
        from_s,
        from_s + length_s,
        float(rng.uniform(0, 360)),
        float(rng.uniform(0.45, 0.9)),
        float(rng.uniform(-0.3, 0.5)),
    )
    return replace(visit, covers=(cover,))


def _crossed(visits: list[Visit], setting: Setting, rng: np.random.Generator) -> list[Visit]:
    """Let some neighbours change places and change back, while both are there."""
    crossed = list(visits)
    for a, one in enumerate(visits):
        for b, other in enumerate(visits):
            if abs(one.seat - other.seat) != 1 or a >= b:
                continue
            if crossed[a].crossings or crossed[b].crossings:
                continue
            from_s = max(one.start_s, other.start_s) + _EDGE_S
            room_s = min(one.end_s, other.end_s) - _EDGE_S - Crossing(from_s, 0.0, True).to_s
            if room_s < 0 or rng.random() >= setting.crossing_share:
                continue
            from_s += float(rng.uniform(0, room_s))
            by_px = other.place[0] - one.place[0]
            nearer = bool(rng.random() < 0.5)
            crossed[a] = replace(crossed[a], crossings=(Crossing(from_s, by_px, nearer),))
            crossed[b] = replace(crossed[b], crossings=(Crossing(from_s, -by_px, not nearer),))
    return crossed
