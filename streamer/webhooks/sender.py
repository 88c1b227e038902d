"""One thread for each webhook: takes what is due from the queue and asks for it to be taken.

So one that hangs holds no other up. A delivery that failed waits, twice as long each time, with
some chance in it, and others go before it; while nothing goes, the thread itself waits, too.
"""

import logging
import random
import threading
from collections.abc import Callable

from streamer.errors import WebhookError
from streamer.webhooks.posting import Verdict, post
from streamer.webhooks.store import Delivery, WebhookStore, now_ms
from streamer.webhooks.targets import Target

log = logging.getLogger(__name__)

MOST_PAUSE_S = 60.0
_LOOK_S = 0.5
_STORE_S = 10.0
_HOUR_MS = 3600 * 1000
_MAX_DOUBLINGS = 32


def back_off_s(attempts: int, first_s: float, most_s: float, chance: float) -> float:
    """Return the pause after so many failures (1 or more), in seconds. chance: 0 to 1."""
    longest = min(most_s, first_s * 2.0 ** min(attempts - 1, _MAX_DOUBLINGS))
    return longest * (0.5 + 0.5 * chance)


class Sender(threading.Thread):
    """Sends until `stop` is set. `on_result(verdict, delivery, given up)` after each attempt."""

    def __init__(
        self,
        target: Target,
        store: WebhookStore,
        stop: threading.Event,
        on_result: Callable[[Verdict, Delivery, bool], None],
    ) -> None:
        super().__init__(name=f"webhook {target.name}", daemon=True)
        self._target = target
        self._store = store
        self._stopped = stop
        self._on_result = on_result
        self._failures = 0
        self.fault = ""

    def run(self) -> None:
        """Send what is due, one after another."""
        while not self._stopped.is_set():
            try:
                pause_s = self._turn()
                self._tell("")
            except WebhookError as error:
                # What was taken and could not be noted comes again, under the same id.
                self._tell(str(error))
                pause_s = _STORE_S
            self._stopped.wait(pause_s)

    def _turn(self) -> float:
        delivery = self._store.due(self._target.name)
        if delivery is None:
            return _LOOK_S
        verdict = post(self._target, delivery)
        if verdict.taken:
            self._failures = 0
            self._store.delivered(delivery)
            self._on_result(verdict, delivery, False)
            return 0.0
        self._failures += 1
        return self._note_failure(delivery, verdict)

    def _note_failure(self, delivery: Delivery, verdict: Verdict) -> float:
        """Say when the next attempt is due, or give the delivery up; how long the thread waits."""
        config = self._target.config
        chance = random.random()  # noqa: S311 - no secret
        wait_s = max(
            verdict.after_s,
            back_off_s(delivery.attempts + 1, config.retry_min_s, config.retry_max_s, chance),
        )
        next_ms = now_ms() + round(wait_s * 1000)
        last_ms = delivery.queued_ms + round(config.give_up_after_h * _HOUR_MS)
        again = verdict.again and next_ms <= last_ms
        self._store.failed(delivery, verdict.fault, next_ms if again else None)
        if not again:
            log.warning(
                "webhook %s: delivery %s is given up: %s; see `facestream webhooks list`",
                config.name, delivery.id, verdict.fault,
            )  # fmt: skip
        elif self._failures == 1:
            log.warning("webhook %s: %s; it is tried again", config.name, verdict.fault)
        self._on_result(verdict, delivery, not again)
        if not verdict.again:
            return 0.0
        pause_s = back_off_s(self._failures, config.retry_min_s, config.retry_max_s, chance)
        return max(min(pause_s, MOST_PAUSE_S), min(verdict.after_s, MOST_PAUSE_S))

    def _tell(self, fault: str) -> None:
        if fault and fault != self.fault:
            log.error("%s", fault)
        self.fault = fault
