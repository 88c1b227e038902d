"""`facestream prepare-demo`: the demo's clip, and its first person in an empty gallery."""

import typer

from streamer.config.loading import load_config
from streamer.errors import GalleryError


def prepare_demo(context: typer.Context) -> None:
    """Make the demo's clip, and enrol its first person if nobody ever was."""
    from streamer.capture.demo import ENROLLED, PORTRAIT, make_demo
    from streamer.vision.crop import cut_crop
    from streamer.vision.detect import HaarDetector, largest
    from streamer.vision.files import read_image
    from workers.classifier.fitting import spec_of
    from workers.classifier.impostors import load_impostors
    from workers.embedding.embedder import load_embedder
    from workers.gallery.people import People
    from workers.gallery.store import GalleryStore

    config = load_config(context.obj)
    folder = config.data_path / "demo"
    make_demo(folder)
    store = GalleryStore(config.gallery_path)
    if store.current_version() is not None:
        return
    portrait = read_image(folder / PORTRAIT)
    box = None if portrait is None else largest(HaarDetector().detect(portrait))
    if portrait is None or box is None:
        raise GalleryError(f"{folder / PORTRAIT}: must show a face; delete it, and it is made anew")
    crops_rgb = cut_crop(portrait, box)[None]
    embedder = load_embedder(config.weights_path, config.embed, 1, config.answers_path)
    impostors = load_impostors(config.weights_path, embedder.fingerprint)
    people = People.nobody().with_person(
        ENROLLED, crops_rgb, embedder.embed(crops_rgb), [str(folder / PORTRAIT)]
    )
    with store.lock():
        if store.current_version() is None:
            store.save(people, embedder.fingerprint, impostors, spec_of(config.identify))
