"""`embed.mirror`: a gallery of the other setting is refused, and made anew by one command."""

from pathlib import Path

from tests.integration.harness import LOOP, Pipeline, plain
from workers.gallery.version import Gallery

PLAIN = LOOP + '[embed]\nruntime = "onnxruntime"\n'
MIRROR = PLAIN + "mirror = true\n"


def test_a_gallery_of_the_other_setting_is_not_used_and_rebuilt_for_it(
    pipeline: Pipeline, gallery: Gallery, clip: Path, portraits: dict[str, Path]
) -> None:
    photo = str(portraits["Grace Hopper"])
    pipeline.config.write_text(plain(MIRROR.format(clip=clip)))
    refused = pipeline.call("identify-files", photo)
    assert refused.returncode == 2
    assert f"made with weights {gallery.weights}, and {gallery.weights}+mirror" in refused.stderr
    assert "facestream rebuild" in refused.stderr

    rebuilt = pipeline.call("rebuild")
    assert f"is made with weights {gallery.weights}+mirror" in rebuilt.stdout, rebuilt.stderr
    named = pipeline.call("identify-files", photo)
    assert f"{photo}: Grace Hopper" in named.stdout, named.stderr or named.stdout

    pipeline.start(MIRROR.format(clip=clip))
    pipeline.wait("both names", lambda: {"Grace Hopper", "Eileen Collins"} <= pipeline.named())
    assert {event.weights for event in pipeline.events} == {f"{gallery.weights}+mirror"}
    assert pipeline.stop() == 0

    pipeline.config.write_text(plain(PLAIN.format(clip=clip)))
    back = pipeline.call("identify-files", photo)
    assert back.returncode == 2
    assert "facestream rebuild" in back.stderr
