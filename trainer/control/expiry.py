"""People who were enrolled for a time: warned of, and forgotten when it is over."""

import hashlib
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from streamer.errors import GalleryError
from streamer.wire.control import Change, Forget
from streamer.wire.messages import ExpiryEvent
from workers.gallery.notes import read_notes

log = logging.getLogger(__name__)

CHECK_S = 20.0
_AGAIN = timedelta(days=1)


class Expiry:
    """Looks through the notes now and then. `tell` publishes, `take_on` has a change made."""

    def __init__(
        self,
        gallery: Path,
        warning_days: float,
        tell: Callable[[ExpiryEvent], None],
        take_on: Callable[[Change], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._gallery = gallery
        self._warning = timedelta(days=warning_days)
        self._tell = tell
        self._take_on = take_on
        self._now = now
        self._check_at = 0.0
        self._warned: dict[tuple[str, str], datetime] = {}
        self.fault = ""

    def tick(self) -> None:
        """Look, if it is time to."""
        if time.monotonic() >= self._check_at:
            self._check_at = time.monotonic() + CHECK_S
            self.look()

    def look(self) -> None:
        """Warn of who expires soon, once a day, and have those forgotten who expired."""
        try:
            notes = read_notes(self._gallery)
        except GalleryError as error:
            if str(error) != self.fault:
                log.error("%s", error)
            self.fault = str(error)
            return
        self.fault = ""
        now, seen = self._now(), set()
        for name, note in notes.items():
            if note.expires is None or note.expires_utc is None:
                continue
            key = name, note.expires_utc
            seen |= {key, (name, "")}
            if note.expires <= now:
                self._take_on(Forget(id=_job_id(name, note.expires_utc, now), person=name))
                if not self._is_due((name, ""), now):
                    continue
                self._warned[name, ""] = now
                log.warning("%s expired at %s and is forgotten", name, note.expires_utc)
                self._tell(
                    ExpiryEvent(expiry="forgotten", person=name, expires_utc=note.expires_utc)
                )
            elif note.expires - now <= self._warning and self._is_due(key, now):
                self._warned[key] = now
                log.warning(
                    "%s expires at %s and is forgotten then; extend it with: "
                    'facestream consent "%s" --expires TIME', name, note.expires_utc, name
                )  # fmt: skip
                self._tell(ExpiryEvent(expiry="soon", person=name, expires_utc=note.expires_utc))
        self._warned = {key: at for key, at in self._warned.items() if key in seen}

    def _is_due(self, key: tuple[str, str], now: datetime) -> bool:
        return key not in self._warned or now - self._warned[key] >= _AGAIN


def _job_id(name: str, expires_utc: str, now: datetime) -> str:
    """Return the id of a forgetting, so that it is asked for once an hour until it is done."""
    text = f"{name}\0{expires_utc}\0{now:%Y-%m-%dT%H}"
    return f"expiry-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
