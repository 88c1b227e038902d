"""Which faces are worth embedding now: new and uncertain tracks at once, certain ones rarely."""

import math
from dataclasses import dataclass, field

from streamer.config.sections import CaptureConfig
from streamer.wire.messages import TrackFeedback

SLOW_ANSWER_MS = 80.0
"""Answers that take longer on the mean make a camera send its crops further apart."""

_MEMORY = 0.2  # of the newest answer in the mean
_GROWTH, _LEAST_GAP_MS, _MOST_GAP_MS = 1.5, 30.0, 1000.0
_SHRINK = 0.8
_CERTAIN_GAPS = 3.0  # a certain track waits so many gaps: the uncertain ones need the answers


@dataclass
class _TrackState:
    certain: bool = False
    sent_media_ms: float | None = None
    in_flight: dict[int, float] = field(default_factory=dict)  # sequence: when sent, ms


class CropScheduler:
    """State per track; `forget` drops it when the track ends.

    Hints from identify say which crops have been used and which tracks are certain. They may
    be lost: a crop counts as in flight for `answer_ms` at most.

    With `paced`, `gap_ms` is the least time between two crops of a track. It grows while answers
    are slow, which says that the workers have more crops than they can embed, and shrinks when
    they are quick: so cameras share the workers, and crops do not grow old in a queue.
    """

    def __init__(self, config: CaptureConfig, answer_ms: float, paced: bool = False) -> None:
        self._config = config
        self._paced = paced
        self._answer_ms = answer_ms
        self._tracks: dict[int, _TrackState] = {}
        self._answer_mean_ms = 0.0
        self._changed_ms = -math.inf
        self.gap_ms = 0.0

    def skip_reason(self, track: int, media_ms: float, now_ms: float) -> str | None:
        """Why the track's crop should not be sent now, or None to send it.

        media_ms spaces the crops; now_ms (monotonic) is for crops that are never answered.
        """
        state = self._tracks.setdefault(track, _TrackState())
        config = self._config
        if state.certain:
            interval_ms = max(config.certain_interval_ms, _CERTAIN_GAPS * self.gap_ms)
        else:
            interval_ms = max(config.uncertain_interval_ms, self.gap_ms)
        if state.sent_media_ms is not None and media_ms - state.sent_media_ms < interval_ms:
            return "not_due"
        for sequence, sent_ms in list(state.in_flight.items()):
            if now_ms - sent_ms > self._answer_ms:
                del state.in_flight[sequence]
                self._learn(self._answer_ms, now_ms)
        if len(state.in_flight) >= (1 if self.gap_ms else config.max_in_flight):
            return "in_flight"
        return None

    def sent(self, track: int, sequence: int, media_ms: float, now_ms: float) -> None:
        """Note that a crop has gone out."""
        state = self._tracks.setdefault(track, _TrackState())
        state.sent_media_ms = media_ms
        state.in_flight[sequence] = now_ms

    def take_feedback(self, feedback: TrackFeedback, now_ms: float | None = None) -> None:
        """Learn from identify which crop of which track was used; see `answered`."""
        self.answered(feedback.track, feedback.sequence, feedback.certain, now_ms)

    def answered(
        self, track: int, sequence: int, certain: bool, now_ms: float | None = None
    ) -> None:
        """Note that a crop was used. Crops of a track are answered in order, or never.

        With `now_ms` (monotonic) the time that the answer took counts.
        """
        state = self._tracks.get(track)
        if state is None:
            return
        state.certain = certain
        if now_ms is not None and sequence in state.in_flight:
            self._learn(now_ms - state.in_flight[sequence], now_ms)
        for sent in list(state.in_flight):
            if sent <= sequence:
                del state.in_flight[sent]

    def _learn(self, took_ms: float, now_ms: float) -> None:
        if not self._paced:
            return
        self._answer_mean_ms += _MEMORY * (took_ms - self._answer_mean_ms)
        if now_ms - self._changed_ms < max(self._answer_mean_ms, self.gap_ms):
            return  # what was changed last has not shown yet
        self._changed_ms = now_ms
        if self._answer_mean_ms > SLOW_ANSWER_MS:
            self.gap_ms = min(_MOST_GAP_MS, max(_LEAST_GAP_MS, _GROWTH * self.gap_ms))
        else:
            self.gap_ms = self.gap_ms * _SHRINK if self.gap_ms > _LEAST_GAP_MS else 0.0

    def waits(self, now_ms: float) -> bool:
        """Return whether an answer may still come."""
        sent = [at_ms for state in self._tracks.values() for at_ms in state.in_flight.values()]
        return any(now_ms - at_ms <= self._answer_ms for at_ms in sent)

    def forget(self, track: int) -> None:
        """Forget a track that has ended."""
        self._tracks.pop(track, None)
