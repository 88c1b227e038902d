"""A data folder and a config of its own for a replay, so that nothing that runs is disturbed."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import tomlkit

from streamer.config.loading import load_config
from streamer.config.sections import (
    BusConfig,
    CameraConfig,
    Config,
    ControlConfig,
    HistoryConfig,
    MqttConfig,
    WebConfig,
)
from streamer.errors import ConfigError, GalleryError
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery
from workers.network.weights_file import embedding_fingerprint, read_fingerprint

CAMERA = "replay"


def gallery_of(config: Config) -> Gallery:
    """Return the gallery that a replay names by. Raises GalleryError where nobody is enrolled."""
    weights = embedding_fingerprint(read_fingerprint(config.weights_path), config.embed.mirror)
    gallery = GalleryStore(config.gallery_path).load(weights)
    if gallery is None or not gallery.people.names:
        raise GalleryError("nobody is enrolled; do it with: facestream enrol NAME PHOTO...")
    return gallery


@contextlib.contextmanager
def replay_setting(config: Config, clip: Path, fast: bool, camera: str = "") -> Iterator[Config]:
    """Yield the config of a pipeline whose one camera is the clip, in a folder that is removed.

    camera: take this camera's own settings, by its name in the config. The gallery is the
    config's own, by a link; nothing writes to it. Raises ConfigError.
    """
    if camera and camera not in config.cameras:
        raise ConfigError(
            f"{config.path}: no camera {camera!r}. Cameras: {', '.join(config.cameras)}"
        )
    with tempfile.TemporaryDirectory(prefix="fs-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        data = folder / "var"
        data.mkdir()
        (data / "gallery").symlink_to(config.gallery_path)
        if config.answers_path.is_file():  # or the runtimes would be measured again
            (data / "cache").mkdir()
            shutil.copy(config.answers_path, data / "cache" / config.answers_path.name)
        path = folder / "config.toml"
        path.write_text(tomlkit.dumps(_content(config, clip, fast, camera)), encoding="utf-8")
        yield load_config(path)


def _content(config: Config, clip: Path, fast: bool, camera: str) -> dict[str, object]:
    """Make the config's tables anew, with one camera and with sockets in the folder itself."""
    own = config.cameras[camera] if camera else None
    playing = CameraConfig(
        source=str(clip.resolve()),
        pace="fast" if fast else "real_time",
        detect=own.detect if own else config.detect,
        track=own.track if own else config.track,
        capture=own.capture if own else config.capture,
    )
    embed = config.embed
    if config.weights_path is not None:
        embed = embed.model_copy(update={"weights": str(config.weights_path.resolve())})
    # Nothing is written down, but for what strangers are known again by while it plays.
    history = HistoryConfig(enabled=config.strangers.keep)
    changed = config.model_copy(
        update={
            "data_dir": "var",
            "cameras": {CAMERA: playing},
            "embed": embed,
            "bus": BusConfig(),
            "control": ControlConfig(enabled=False),  # the gallery is another pipeline's
            "history": history,
            "mqtt": MqttConfig(),  # nobody in a clip is at home
            "web": WebConfig(enabled=False),
        }
    )
    return changed.model_dump()
