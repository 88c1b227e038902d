"""Which faces are worth embedding now: new and uncertain tracks at once, certain ones rarely."""

from dataclasses import dataclass, field

from streamer.config.sections import CaptureConfig
from streamer.wire.messages import TrackFeedback


@dataclass
class _TrackState:
    certain: bool = False
    sent_media_ms: float | None = None
    in_flight: dict[int, float] = field(default_factory=dict)  # sequence: when sent, ms


class CropScheduler:
    """State per track; `forget` drops it when the track ends.

    Hints from identify say which crops have been used and which tracks are certain. They may
    be lost: a crop counts as in flight for `answer_ms` at most.
    """

    def __init__(self, config: CaptureConfig, answer_ms: float) -> None:
        self._config = config
        self._answer_ms = answer_ms
        self._tracks: dict[int, _TrackState] = {}

    def skip_reason(self, track: int, media_ms: float, now_ms: float) -> str | None:
        """Why the track's crop should not be sent now, or None to send it.

        media_ms spaces the crops; now_ms (monotonic) is for crops that are never answered.
        """
        state = self._tracks.setdefault(track, _TrackState())
        config = self._config
        interval_ms = config.certain_interval_ms if state.certain else config.uncertain_interval_ms
        if state.sent_media_ms is not None and media_ms - state.sent_media_ms < interval_ms:
            return "not_due"
        for sequence, sent_ms in list(state.in_flight.items()):
            if now_ms - sent_ms > self._answer_ms:
                del state.in_flight[sequence]
        if len(state.in_flight) >= config.max_in_flight:
            return "in_flight"
        return None

    def sent(self, track: int, sequence: int, media_ms: float, now_ms: float) -> None:
        """Note that a crop has gone out."""
        state = self._tracks.setdefault(track, _TrackState())
        state.sent_media_ms = media_ms
        state.in_flight[sequence] = now_ms

    def take_feedback(self, feedback: TrackFeedback) -> None:
        """Learn from identify which crop of which track was used."""
        self.answered(feedback.track, feedback.sequence, feedback.certain)

    def answered(self, track: int, sequence: int, certain: bool) -> None:
        """Note that a crop was used. Crops of a track are answered in order, or never."""
        state = self._tracks.get(track)
        if state is None:
            return
        state.certain = certain
        for sent in list(state.in_flight):
            if sent <= sequence:
                del state.in_flight[sent]

    def forget(self, track: int) -> None:
        """Forget a track that has ended."""
        self._tracks.pop(track, None)
