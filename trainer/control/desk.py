"""What changes of people are made with: the gallery, the history, and something that embeds."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from streamer.config.sections import Config
from streamer.errors import GalleryError
from trainer.control.crops import Pictures
from trainer.control.work import Work
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery

if TYPE_CHECKING:
    from workers.classifier.fitting import ClassifierSpec
    from workers.classifier.impostors import Impostors
    from workers.embedding.embedder import Embedder

MakeEmbedder = Callable[[Config, Work], "Embedder"]


class Desk:
    """Shared by all changes of a process. `make_embedder` is called when a change needs one.

    live: a pipeline runs, which takes changes up a moment later.
    """

    def __init__(self, config: Config, make_embedder: MakeEmbedder, live: bool = True) -> None:
        self.config = config
        self.live = live
        self.store = GalleryStore(config.gallery_path)
        self.pictures = Pictures()
        self._make_embedder = make_embedder

    def embedder(self, work: Work) -> "Embedder":
        """Return what embeds for a change."""
        return self._make_embedder(self.config, work)

    def empty_memory(self, work: Work) -> None:
        """Let go of pictures that are in memory here, and in dispatch of a moment ago."""
        from trainer.control.embedding import drop_looks

        self.pictures.drop()
        if self.live and not drop_looks(self.config):
            work.warn("dispatch does not answer: crops that it has in memory are gone in 20 s")

    @cached_property
    def weights(self) -> str:
        """The fingerprint of the embeddings in use, without loading the network."""
        from workers.network.weights_file import embedding_fingerprint, read_fingerprint

        weights = read_fingerprint(self.config.weights_path)
        return embedding_fingerprint(weights, self.config.embed.mirror)

    @cached_property
    def impostors(self) -> "Impostors":
        """The impostors of the weights in use."""
        from workers.classifier.impostors import load_impostors

        return load_impostors(self.config.weights_path, self.weights)

    @property
    def spec(self) -> "ClassifierSpec":
        """The classifier that the config asks for."""
        from workers.classifier.fitting import spec_of

        return spec_of(self.config.identify)

    def in_use(self) -> Gallery:
        """Return the gallery in use. Raises GalleryError where nobody is enrolled."""
        gallery = self.store.read()
        if gallery is None:
            raise GalleryError("nobody is enrolled; do it with: facestream enrol NAME PHOTO...")
        return gallery

    def set_aside(self) -> frozenset[str]:
        """Return the ids of what is set aside before a change; damage is for the change to tell."""
        try:
            gallery = self.store.read()
        except GalleryError:
            return frozenset()
        return frozenset(row.id for row in gallery.people.aside.rows) if gallery else frozenset()
