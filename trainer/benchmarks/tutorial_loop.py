"""The plain loop that a tutorial would write, as a peer to measure against.

Haar on the full frame (with the parameters of the photo program that this one grew from:
1.16, 5, 25 x 25), the network face by face, SVM, draw, JPEG; one process, all threads. Prints its
frames a second.
"""

import sys
import time
from pathlib import Path

import cv2
import numpy as np

from streamer.config.sections import EmbedConfig
from streamer.constants import DEFAULT_CASCADE
from streamer.runtime.cores import available_cores
from streamer.vision.boxes import Box
from streamer.vision.crop import cut_crop
from streamer.vision.detect import CASCADES
from workers.embedding.embedder import load_embedder
from workers.gallery.store import GalleryStore

_MAX_SECONDS = 30.0


def main(clip: Path, gallery_folder: Path) -> None:
    """Run over the clip once, or for 30 seconds, and print the rate."""
    embedder = load_embedder(None, EmbedConfig(), available_cores())
    gallery = GalleryStore(gallery_folder).load(embedder.fingerprint)
    if gallery is None:
        raise SystemExit(f"{gallery_folder}: has no gallery")
    embedder.embed(np.zeros((1, 96, 96, 3), np.uint8))
    cascade = cv2.CascadeClassifier(str(CASCADES / DEFAULT_CASCADE))
    capture = cv2.VideoCapture(str(clip))
    frames = 0
    began = time.monotonic()
    while time.monotonic() - began < _MAX_SECONDS:
        good, decoded = capture.read()
        if not good:
            break
        frame = np.asarray(decoded, np.uint8)
        grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        for x, y, w, h in cascade.detectMultiScale(grey, 1.16, 5, minSize=(25, 25)):
            crop = cut_crop(frame, Box(float(x), float(y), float(w), float(h)))
            prediction = gallery.classifier.predict(embedder.embed(crop[None]))[0]
            name = "unknown"
            if prediction.person is not None:
                name = gallery.people.names[prediction.person]
            cv2.rectangle(frame, (x, y), (x + w, y + h), (0, 255, 0), 2)
            cv2.putText(
                frame, f"{name} {prediction.probability:.2%}", (x, y - 8),
                cv2.FONT_HERSHEY_SIMPLEX, 0.7, (0, 255, 0), 2,
            )  # fmt: skip
        cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 80])
        frames += 1
    sys.stdout.write(f"{frames / (time.monotonic() - began)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
