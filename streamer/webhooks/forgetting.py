"""What the queue of webhooks holds of a person, and its deletion."""

from pathlib import Path

from streamer.errors import WebhookError
from streamer.history.database import files_of
from streamer.history.forgetting import is_damaged
from streamer.webhooks.store import WebhookStore


def holds(path: Path, name: str) -> bool | None:
    """Tell whether a delivery names a person; None where the queue is too damaged to tell."""
    if not path.is_file():
        return False
    try:
        with WebhookStore(path) as store:
            return bool(store.about(name))
    except WebhookError as error:
        if is_damaged(path, error):
            return None
        raise


def forget(path: Path, name: str, before_version: int | None = None) -> int:
    """Delete the deliveries that name a person; how many. A damaged queue goes as a whole.

    before_version: as `WebhookStore.forget` has it.
    """
    if not path.is_file():
        return 0
    try:
        with WebhookStore(path) as store:
            return store.forget(name, before_version)
    except WebhookError as error:
        if not is_damaged(path, error):
            raise
        for file in files_of(path):
            file.unlink(missing_ok=True)
        return 0
