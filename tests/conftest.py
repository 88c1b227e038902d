"""Shared by all tests: a short folder (ipc paths are limited), portraits, one network."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.capture.demo import collins_bgr, hopper_bgr
from streamer.config.sections import DetectConfig, EmbedConfig, EnrolConfig
from streamer.vision.images import encode_image
from tests.once import made_once
from tests.trainer.enrolment.forgotten import leave_traces
from trainer.enrolment.enrol import enrol
from trainer.enrolment.harvest import harvest
from workers.classifier.fitting import ClassifierSpec
from workers.classifier.impostors import Impostors, load_impostors
from workers.embedding.embedder import Embedder, load_embedder
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery


@pytest.fixture
def folder() -> Iterator[Path]:
    """A new folder with a short path."""
    path = Path(tempfile.mkdtemp(prefix="fs-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def collins() -> NDArray[np.uint8]:
    return collins_bgr()


@pytest.fixture(scope="session")
def hopper() -> NDArray[np.uint8]:
    return hopper_bgr()


@pytest.fixture(scope="session")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A photo of each of the two, as files."""
    home = tmp_path_factory.mktemp("portraits")
    paths = {"Eileen Collins": home / "collins.png", "Grace Hopper": home / "hopper.png"}
    paths["Eileen Collins"].write_bytes(encode_image(collins_bgr(), ".png"))
    paths["Grace Hopper"].write_bytes(encode_image(hopper_bgr(), ".png"))
    return paths


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """The shipped network, in the runtime that is there soonest."""
    return load_embedder(None, EmbedConfig(runtime="onnxruntime", precision="float32"), 2)


@pytest.fixture(scope="session")
def impostors() -> Impostors:
    return load_impostors()


@pytest.fixture(scope="session")
def both_enrolled(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The folder of a gallery with one person in its first version and both in its second."""

    def make(home: Path) -> None:
        portraits: dict[str, Path] = request.getfixturevalue("portraits")
        embedder: Embedder = request.getfixturevalue("embedder")
        for name, path in portraits.items():
            enrol(
                GalleryStore(home),
                {name: harvest([path], EnrolConfig(), DetectConfig(), embedder.alignment)},
                embedder=embedder,
                impostors=request.getfixturevalue("impostors"),
                rules=EnrolConfig(),
                spec=ClassifierSpec(),
            )

    return made_once(tmp_path_factory, "both-enrolled", make)


@pytest.fixture
def enrolled(folder: Path, both_enrolled: Path) -> tuple[GalleryStore, Gallery]:
    """A gallery with both people, of this test's own."""
    shutil.copytree(both_enrolled, folder / "gallery")
    store = GalleryStore(folder / "gallery")
    gallery = store.read()
    assert gallery is not None
    return store, gallery


@pytest.fixture(scope="session")
def traces(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A data folder in which a person has left traces everywhere; nobody may change it."""

    def make(home: Path) -> None:
        (home / "var").mkdir()
        embedder, impostors = map(request.getfixturevalue, ("embedder", "impostors"))
        leave_traces(home / "var", embedder, impostors)

    return made_once(tmp_path_factory, "traces", make) / "var"
