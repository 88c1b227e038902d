"""`facestream train groups` as a user runs it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streamer.capture.demo import collins_bgr, hopper_bgr
from streamer.commands.app import load_app
from streamer.errors import FacestreamError
from streamer.vision.images import encode_image, resize_image


def groups(root: Path, *arguments: str) -> str:
    """Run the command in this process; what it says."""
    done = CliRunner().invoke(load_app(), ["train", "groups", str(root), *arguments])
    if done.exception is not None:
        raise done.exception
    return done.output


def test_two_people_in_many_sizes(folder: Path) -> None:
    portraits = {"Eileen_Collins": collins_bgr(), "Grace_Hopper": hopper_bgr()}
    lines = ["file,hair"]
    for name, image in portraits.items():
        (folder / name).mkdir()
        small = resize_image(image, 200, 200)
        for number in range(32):
            cut = small[number % 4 :, number // 4 :]
            (folder / name / f"{name}_{number:04d}.png").write_bytes(encode_image(cut, ".png"))
            lines.append(f"{name}/{name}_{number:04d}.png,{'grey' if 'Hop' in name else 'brown'}")
    lines.append("nobody/nobody_0001.png,none")
    labels, out = folder / "labels.csv", folder / "figures.json"
    labels.write_text("\n".join(lines))
    said = groups(folder, "--labels", str(labels), "--json", str(out))
    assert "64 of 64 photos with a face" in said
    every, brown, grey = json.loads(out.read_text())["groups"]
    assert (every["people"], every["different"], every["same"]) == (2, 32 * 32, 2 * 496)
    assert every["accepted"] <= 1
    assert every["same_accepted"] > 900
    assert (brown["value"], brown["photos"], brown["different"]) == ("brown", 32, 0)
    assert (grey["value"], grey["same"]) == ("grey", 496)

    few = ("--labels", str(labels), "--most", "20")
    with pytest.raises(FacestreamError, match="needs 1000 pairs"):
        groups(folder, *few)


def test_labels_of_other_photos_are_refused(folder: Path) -> None:
    (folder / "labels.csv").write_text("file,sex\nsomebody/1.jpg,man\n")
    with pytest.raises(FacestreamError, match="none of its photos is in"):
        groups(folder, "--labels", str(folder / "labels.csv"))
