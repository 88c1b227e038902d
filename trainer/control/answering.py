"""Questions answered beside the loop: a large gallery takes a while to read, a picture longer."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from streamer.errors import ControlError, FacestreamError
from streamer.wire.control import Answer, Refusal, Request, Search
from trainer.control import queries
from trainer.control.desk import Desk
from trainer.control.jobs import BusyError
from trainer.control.queries import Parts
from trainer.control.searching import search
from trainer.control.waiting import Envelope
from trainer.control.work import StoppedError

log = logging.getLogger(__name__)

MAX_QUESTIONS = 32
MAX_SEARCHES = 4
_MAX_LINE = 1024


class Answering:
    """At most so many questions at once, in two threads; `ring` is called when one is answered."""

    def __init__(self, desk: Desk, ring: Callable[[], None]) -> None:
        self._desk = desk
        self._ring = ring
        self._stopping = threading.Event()
        self._answers: deque[tuple[Envelope, Answer, Parts]] = deque()
        self._readers = ThreadPoolExecutor(1, "questions")
        self._searchers = ThreadPoolExecutor(1, "searches")
        self._asked = self._searched = 0

    def ask(self, envelope: Envelope, question: Request) -> None:
        """Have a question answered. Raises BusyError."""
        if self._asked >= MAX_QUESTIONS:
            raise BusyError("too many questions wait; ask again later")
        self._asked += 1
        self._readers.submit(
            self._answer, envelope, question, lambda: queries.answer(self._desk, question)
        )

    def search(self, envelope: Envelope, question: Search, parts: Sequence[bytes]) -> None:
        """Have somebody looked for. Raises BusyError."""
        if self._searched >= MAX_SEARCHES:
            raise BusyError("too many pictures wait; ask again later")
        self._searched += 1
        until = time.monotonic() + question.wait_ms / 1000

        def check() -> None:
            if self._stopping.is_set():
                raise StoppedError("the process ends")
            if time.monotonic() > until:
                raise ControlError(
                    f"it took longer than {question.wait_ms / 1000:g} s; is a worker running?"
                )

        self._searchers.submit(
            self._answer, envelope, question, lambda: search(self._desk, question, parts, check)
        )

    def done(self) -> Iterator[tuple[Envelope, Answer, Parts]]:
        """Yield what has been answered since."""
        while self._answers:
            envelope, answer, parts = self._answers.popleft()
            yield envelope, answer, parts

    def stop(self) -> None:
        """Answer nothing more."""
        self._stopping.set()
        for each in (self._readers, self._searchers):
            each.shutdown(wait=False, cancel_futures=True)

    def _answer(
        self, envelope: Envelope, question: Request, find: Callable[[], tuple[Answer, Parts]]
    ) -> None:
        found: Answer
        parts: Parts = []
        try:
            found, parts = find()
        except FacestreamError as error:
            found = Refusal(id=question.id, code="refused", text=str(error)[:_MAX_LINE])
        except Exception:  # one question must not keep all others from an answer
            log.exception("%s failed", type(question).__name__)
            text = "it failed for a reason that is in the log"
            found = Refusal(id=question.id, code="refused", text=text)
        if isinstance(question, Search):
            self._searched -= 1
        else:
            self._asked -= 1
        self._answers.append((envelope, found, parts))
        self._ring()
