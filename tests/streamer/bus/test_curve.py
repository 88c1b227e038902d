from pathlib import Path

import pytest
import zmq.auth

from streamer.bus.curve import (
    KEY_ROLES,
    authorised_keys,
    keys_without_role,
    load_key,
    make_keys,
)
from streamer.errors import ConfigError


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_without_clients_only_the_pipelines_own_keys_are_made(folder: Path) -> None:
    made = make_keys(folder / "keys", {})
    keys = {"server.key", "server.key_secret", "client.key_secret"}
    assert {path.name for path in made} == keys
    assert files(folder / "keys") == {*keys, ".gitignore"}
    own = load_key(folder / "keys" / "client.key_secret")[0]
    assert list(authorised_keys(folder / "keys", ())) == [own]


def test_a_folder_of_keys_is_nothing_for_git(folder: Path) -> None:
    make_keys(folder / "keys", {})
    assert (folder / "keys" / ".gitignore").read_text() == "*\n"


def test_a_key_is_authorised_for_its_roles_and_no_other(folder: Path) -> None:
    make_keys(folder, {"capture": ["shop"], "worker": ["shop", "gpu"], "subscriber": ["page"]})
    own, shop, gpu, page = (
        load_key(folder / name / "client.key_secret")[0] for name in (".", "shop", "gpu", "page")
    )
    assert set(authorised_keys(folder, ["capture"])) == {own, shop}
    assert set(authorised_keys(folder, ["worker"])) == {own, shop, gpu}
    assert set(authorised_keys(folder, ["subscriber", "capture"])) == {own, shop, page}
    carried = load_key(folder / "shop" / "server.key")
    assert carried == (load_key(folder / "server.key")[0], None)


def test_keys_are_never_overwritten_and_a_further_role_is_the_same_key(folder: Path) -> None:
    make_keys(folder, {"capture": ["shop"]})
    before = {name: (folder / name).read_bytes() for name in files(folder)}
    assert make_keys(folder, {"capture": ["shop"]}) == []
    # The secret half has been carried away; the public one is enough.
    (folder / "shop" / "client.key_secret").unlink()
    added = folder / "authorised" / "worker" / "shop.key"
    assert make_keys(folder, {"worker": ["shop"]}) == [added]
    assert load_key(added) == load_key(folder / "authorised" / "capture" / "shop.key")
    del before["shop/client.key_secret"]
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_every_file_and_folder_is_the_owners_alone(folder: Path) -> None:
    (folder / "keys").mkdir(mode=0o755)
    (folder / "keys" / "shop").mkdir(mode=0o755)
    make_keys(folder / "keys", {role: ["shop"] for role in KEY_ROLES})
    for path in [folder / "keys", *(folder / "keys").rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "a.key", "-x", "é", "x" * 65, "server", "client", "authorised",
     "Authorised"],
)  # fmt: skip
def test_a_name_that_is_a_folder_of_the_layout_or_a_path_is_refused(
    folder: Path, name: str
) -> None:
    with pytest.raises(ConfigError, match="a name must be"):
        make_keys(folder / "keys", {"worker": [name]})
    assert not (folder / "keys").exists()


def test_a_file_that_holds_no_key_is_named(folder: Path) -> None:
    make_keys(folder, {"worker": ["gpu"]})
    damaged = folder / "authorised" / "worker" / "gpu.key"
    damaged.write_text("nothing")
    with pytest.raises(ConfigError, match=r"gpu\.key: must be a CURVE key"):
        authorised_keys(folder, ["worker"])
    assert authorised_keys(folder, ["capture"])


class Before:
    """A folder as versions before roles made it: all public keys in `authorised` itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        authorised = folder / "authorised"
        (folder / "shop").mkdir()
        authorised.mkdir()
        zmq.auth.create_certificates(folder, "server")
        for name, home in (("client", folder), ("shop", folder / "shop")):
            public, _ = zmq.auth.create_certificates(home, "client")
            Path(public).replace(authorised / f"{name}.key")
        self.own = load_key(folder / "client.key_secret")[0]
        self.shop = load_key(folder / "shop" / "client.key_secret")[0]


def test_a_key_of_a_version_before_roles_may_subscribe_and_nothing_else(folder: Path) -> None:
    before = Before(folder)
    assert keys_without_role(folder) == [folder / "authorised" / "shop.key"]
    assert set(authorised_keys(folder, ["subscriber"])) == {before.own, before.shop}
    assert set(authorised_keys(folder, ["capture", "worker"])) == {before.own}


def test_a_key_of_a_version_before_roles_moves_to_its_role(folder: Path) -> None:
    before = Before(folder)
    moved = folder / "authorised" / "capture" / "shop.key"
    assert make_keys(folder, {"capture": ["shop"]}) == [moved]
    assert keys_without_role(folder) == []
    assert set(authorised_keys(folder, ["capture"])) == {before.own, before.shop}
    assert set(authorised_keys(folder, ["subscriber"])) == {before.own}
