"""docs/licences.md names what is pinned, with the licences that the packages state."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def licences() -> ModuleType:
    spec = importlib.util.spec_from_file_location("licences", ROOT / "scripts" / "licences.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_list_is_of_what_is_pinned(licences: ModuleType) -> None:
    """Licences are compared where they can be: those of the versions that are pinned, and here."""
    lines = (ROOT / "docs" / "licences.md").read_text().splitlines()
    listed = [
        line.strip("| ").split(" | ") for line in lines if re.match(r"\| [\w.-]+ \| \d", line)
    ]
    by_name = {row[0]: row for row in listed}
    pins = licences.pins()
    assert {name: row[1].split(", ") for name, row in by_name.items()} == pins, (
        "make it anew with: scripts/licences"
    )
    for name, versions in pins.items():
        stated = licences.licence(name)
        if stated and len(versions) == 1:
            assert by_name[name][2] == stated, "make it anew with: scripts/licences"
    run = {row[0] for row in listed if row[3:] == ["run"]}
    assert {"pyzmq", "opencv-python", "tensorflow", "fastapi", "numpy"} <= run
    assert not run & {"pytest", "mypy", "ruff", "hypothesis"}
