"""The people of a gallery: their names, crops and embeddings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from streamer.constants import CROP_SIZE, EMBEDDING_SIZE
from streamer.errors import GalleryError
from streamer.vision.align import Alignment
from workers.gallery.aside import SetAside
from workers.gallery.crop_source import CropSource

MAX_NOT_THEM = 100


@dataclass(frozen=True, kw_only=True)
class NotThem:
    """Crops that users have said are not a person: m of them, arrays as in `People`.

    labels (m,): whom each is not.
    """

    embeddings: NDArray[np.float32] = field(
        default_factory=lambda: np.empty((0, EMBEDDING_SIZE), np.float32)
    )
    labels: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    sources: tuple[str, ...] = ()
    crops: NDArray[np.uint8] | Callable[[], NDArray[np.uint8]] = field(
        default_factory=lambda: np.empty((0, CROP_SIZE, CROP_SIZE, 3), np.uint8)
    )

    @cached_property
    def crops_rgb(self) -> NDArray[np.uint8]:
        """The pictures, (m, 96, 96, 3) uint8. Raises GalleryError where they are damaged."""
        return self.crops() if callable(self.crops) else self.crops

    def keeping(self, keep: NDArray[np.bool_], labels: NDArray[np.int32]) -> "NotThem":
        """Return the rows to keep, with the labels that those have from now on."""
        return NotThem(
            embeddings=self.embeddings[keep],
            labels=labels,
            sources=tuple(s for s, kept in zip(self.sources, keep, strict=True) if kept),
            crops=self.crops_rgb[keep],
        )


@dataclass(frozen=True, kw_only=True)
class People:
    """Enrolled people: n crops of p people.

    embeddings (n, 128) float32, labels (n,) int32 into names, sources (n,): where each crop came
    from, as the text of a `CropSource`. crops: the pictures, or how to read them when wanted;
    `alignment` is how they were cut. vouched (n,): somebody said that it is this person, whoever
    else it looks like, so it is never set aside. aside: crops that are.
    not_them: what users have said is not one of them.
    """

    names: tuple[str, ...]
    embeddings: NDArray[np.float32]
    labels: NDArray[np.int32]
    sources: tuple[str, ...]
    crops: NDArray[np.uint8] | Callable[[], NDArray[np.uint8]]
    alignment: Alignment = "square"
    vouched: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    aside: SetAside = field(default_factory=SetAside)
    not_them: NotThem = field(default_factory=NotThem)

    def __post_init__(self) -> None:
        if not len(self.vouched):
            object.__setattr__(self, "vouched", np.zeros(len(self.labels), np.bool_))

    @cached_property
    def crops_rgb(self) -> NDArray[np.uint8]:
        """The pictures, (n, 96, 96, 3) uint8. Raises GalleryError where they are damaged."""
        return self.crops() if callable(self.crops) else self.crops

    @staticmethod
    def nobody(alignment: Alignment = "square") -> "People":
        """Return the start of every gallery whose crops are cut so."""
        return People(
            names=(),
            embeddings=np.empty((0, EMBEDDING_SIZE), np.float32),
            labels=np.empty(0, np.int32),
            sources=(),
            crops=np.empty((0, CROP_SIZE, CROP_SIZE, 3), np.uint8),
            alignment=alignment,
        )

    def with_person(
        self,
        name: str,
        crops_rgb: NDArray[np.uint8],
        embeddings: NDArray[np.float32],
        sources: Sequence[str],
        vouched: NDArray[np.bool_] | bool = False,
    ) -> "People":
        """Return the same people with more crops of one, new or not."""
        names = self.names if name in self.names else (*self.names, name)
        labels = np.full(len(embeddings), names.index(name), np.int32)
        return replace(
            self,
            names=names,
            embeddings=np.concatenate([self.embeddings, embeddings]),
            labels=np.concatenate([self.labels, labels]),
            sources=(*self.sources, *sources),
            crops=np.concatenate([self.crops_rgb, crops_rgb]),
            vouched=np.concatenate([self.vouched, np.broadcast_to(vouched, len(embeddings))]),
        )

    def without_rows(self, gone: Sequence[int]) -> "People":
        """Return the same people without some crops. Raises ValueError if one has none left."""
        keep = np.ones(len(self.labels), np.bool_)
        keep[list(gone)] = False
        if len(np.unique(self.labels[keep])) < len(self.names):
            raise ValueError("everybody must keep a crop")
        return replace(
            self,
            embeddings=self.embeddings[keep],
            labels=self.labels[keep],
            sources=tuple(s for s, kept in zip(self.sources, keep, strict=True) if kept),
            crops=self.crops_rgb[keep],
            vouched=self.vouched[keep],
        )

    def with_counter_examples(
        self,
        name: str,
        crops_rgb: NDArray[np.uint8],
        embeddings: NDArray[np.float32],
        sources: Sequence[str],
    ) -> "People":
        """Return the same people with crops that are not that one, the newest MAX_NOT_THEM."""
        old = self.not_them
        labels = np.full(len(embeddings), self.names.index(name), np.int32)
        together = NotThem(
            embeddings=np.concatenate([old.embeddings, embeddings]),
            labels=np.concatenate([old.labels, labels]),
            sources=(*old.sources, *sources),
            crops=np.concatenate([old.crops_rgb, crops_rgb]),
        )
        keep = np.ones(len(together.labels), np.bool_)
        keep[np.flatnonzero(together.labels == labels[0])[:-MAX_NOT_THEM]] = False
        return replace(self, not_them=together.keeping(keep, together.labels[keep]))

    def groups(self) -> NDArray[np.int32]:
        """Give every moment a number, (n,): crops of one moment must not be split in a test.

        A photo is a moment and so is a clip; where one clip is all there is of a person, each
        of its tracks is.
        """
        sources = [CropSource.parse(source) for source in self.sources]
        labels = self.labels.tolist()
        files: dict[int, set[str]] = {}
        for person, source in zip(labels, sources, strict=True):
            files.setdefault(person, set()).add(source.path)
        numbers: dict[tuple[int, tuple[str, int | None]], int] = {}
        groups = []
        for person, source in zip(labels, sources, strict=True):
            alone = len(files[person]) == 1
            moment = source.followed_face if alone else (source.path, None)
            groups.append(numbers.setdefault((person, moment), len(numbers)))
        return np.array(groups, np.int32)

    def without_person(self, name: str) -> "People":
        """Return the same people but one. Raises GalleryError if the name is not enrolled."""
        if name not in self.names:
            known = ", ".join(self.names) or "nobody"
            raise GalleryError(f"{name!r} is not enrolled. Enrolled: {known}")
        gone = self.names.index(name)
        keep = self.labels != gone
        labels = self.labels[keep]
        others = self.not_them.labels != gone
        of_others = self.not_them.labels[others]
        return replace(
            self,
            names=tuple(other for other in self.names if other != name),
            embeddings=self.embeddings[keep],
            labels=(labels - (labels > gone)).astype(np.int32),
            sources=tuple(s for s, kept in zip(self.sources, keep, strict=True) if kept),
            crops=self.crops_rgb[keep],
            vouched=self.vouched[keep],
            aside=self.aside.without_person(name),
            not_them=self.not_them.keeping(
                others, np.asarray(of_others - (of_others > gone), np.int32)
            ),
        )
