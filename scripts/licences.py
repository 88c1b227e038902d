"""Print docs/licences.md: the packages that are pinned, and the licences that they state.

It is a table of what is pinned for any platform and Python; licences are read from what is
installed here, so a package that is for other platforms alone has none.
"""

import re
import sys
import tomllib
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata, requires
from pathlib import Path

ROOT = Path(__file__).parent.parent
PIN = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[\w.+!-]+)")
_WORDS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
}
HEAD = """# Licences of what is installed

`scripts/setup`, and so `scripts/run`, installs these packages, in these versions. The licences are
in the packages' own words, as they state them in their metadata; wheels may hold libraries with
others, which lie in the wheels. Those in the column `run` are used by `facestream run` and the
trainer; the others only by tests and linters. Made by `scripts/licences`; a test compares it with
the pins.

| package | versions | licence | for |
|---|---|---|---|
"""


def pins() -> dict[str, list[str]]:
    """Return the pinned versions of each package."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / "scripts" / "requirements.txt").read_text().splitlines():
        pin = PIN.match(line)
        if pin is not None:
            found.setdefault(pin["name"], []).append(pin["version"])
    return found


def licence(name: str) -> str:
    """Return the licence that an installed package states; "" where it is not installed."""
    try:
        about = metadata(name)
    except PackageNotFoundError:
        return ""
    return _stated(about).replace("|", "or")


def _stated(about: PackageMetadata) -> str:
    if about.get("License-Expression"):
        return str(about["License-Expression"])
    classified = [
        value.rpartition(" :: ")[2]
        for value in about.get_all("Classifier") or []
        if value.startswith("License :: ") and value != "License :: OSI Approved"
    ]
    words = classified or [(about.get("License") or "not stated").strip().splitlines()[0][:60]]
    return ", ".join(_WORDS.get(word, word) for word in words)


def needed_by(extra: str) -> set[str]:
    """Return the normal names of what `facestream[extra]` needs, on any platform."""
    found: set[str] = set()
    waiting = [("facestream", extra)]
    seen = set(waiting)
    while waiting:
        name, of = waiting.pop()
        for line in _requirements(name, of):
            required = re.match(r"([\w.-]+)\s*(?:\[([\w,\s-]+)\])?", line)
            only = re.search(r"extra\s*==\s*['\"]([\w-]+)['\"]", line)
            if required is None or (only is not None and only[1] != of):
                continue
            found.add(normal(required[1]))
            more = [(required[1], "")] + [(required[1], e.strip()) for e in
                                          (required[2] or "").split(",") if e.strip()]  # fmt: skip
            waiting += [each for each in more if each not in seen]
            seen.update(more)
    return found


def _requirements(name: str, extra: str) -> list[str]:
    """Return what a package requires; of facestream itself as its source says."""
    if name == "facestream":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        return [*project["dependencies"], *project["optional-dependencies"].get(extra, [])]
    try:
        return requires(name) or []
    except PackageNotFoundError:
        return []


def normal(name: str) -> str:
    """Return a package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def table() -> list[tuple[str, str, str, str]]:
    """Return a row for each pinned package: name, versions, licence, what it is for."""
    run = needed_by("run")
    return [
        (
            name,
            ", ".join(versions),
            licence(name) or "of other platforms; see its page on PyPI",
            "run" if normal(name) in run else "",
        )
        for name, versions in pins().items()
    ]


if __name__ == "__main__":
    sys.stdout.write(HEAD + "".join(f"| {' | '.join(row)} |\n" for row in table()))
