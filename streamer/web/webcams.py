"""The webcams of this host, as Linux lists them."""

import re
from dataclasses import dataclass
from pathlib import Path

_LISTED = Path("/sys/class/video4linux")


@dataclass(frozen=True)
class Webcam:
    """source: its number, for the config; name: as its driver calls it."""

    source: int
    name: str


def webcams(listed: Path = _LISTED) -> list[Webcam]:
    """Return every device that may give pictures; of one camera with several, the first."""
    found = []
    for device in listed.glob("video*"):
        number = re.fullmatch(r"video(\d{1,2})", device.name)
        if number is not None and _text(device / "index") in ("", "0"):
            found.append(Webcam(int(number[1]), _text(device / "name") or device.name))
    return sorted(found, key=lambda webcam: webcam.source)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()[:128]
    except OSError:
        return ""
