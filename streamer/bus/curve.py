"""CURVE keys as files: made once, never overwritten, each for a role, checked when read.

The folder on the pipeline's own host, and what is carried to another host as its folder of keys:

    server.key, server.key_secret      the pipeline's: its bound sockets prove themselves with it
    client.key_secret                  what the pipeline's own processes connect with; admitted
                                       everywhere
    authorised/capture/NAME.key        public keys of other hosts, by what they may do there;
    authorised/worker/NAME.key         a key may lie in several of these folders
    authorised/subscriber/NAME.key
    authorised/control/NAME.key
    NAME/client.key_secret, server.key to be carried to that host

A public key in `authorised/` itself, where versions before roles put all of them, counts as a
subscriber's: whatever it was made for, it can change nothing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

import zmq
import zmq.auth

from streamer.errors import ConfigError
from streamer.files import private_folder, write_file

KeyRole = Literal["capture", "worker", "subscriber", "control"]
KEY_ROLES: tuple[KeyRole, ...] = get_args(KeyRole)

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
_RESERVED = ("authorised", "client", "server")
_NOT_FOR_GIT = ".gitignore"  # secret keys must not be committed by accident


def load_key(path: Path) -> tuple[bytes, bytes | None]:
    """Read a public and, if the file has it, secret key, as Z85 text. Raises ConfigError."""
    try:
        public, secret = zmq.auth.load_certificate(path)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path}: must be a CURVE key made by `facestream keys`: {error}"
        ) from error
    if path.suffix == ".key_secret" and secret is None:
        raise ConfigError(f"{path}: must hold a secret key")
    return public, secret


def check_name(name: str) -> None:
    """Raise ConfigError for a name that no client may have: it becomes a folder beside ours."""
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"a name must be letters, digits, - or _, and at most 64 of them. Received: {name!r}"
        )
    if name.lower() in _RESERVED:
        raise ConfigError(
            f"a name must be none of {', '.join(_RESERVED)}, which the folder of keys uses itself. "
            f"Received: {name!r}"
        )


def make_keys(folder: Path, clients: Mapping[KeyRole, Sequence[str]]) -> list[Path]:
    """Make the pipeline's keys and those of other hosts; return the files that were made.

    A name has one key, authorised for each role that lists it. Keys that exist are kept, and
    a key of a version before roles moves to its role. Every file is the owner's alone to
    read. Raises ConfigError for a name that cannot be one.
    """
    for names in clients.values():
        for name in names:
            check_name(name)
    made = []
    for private in (folder, folder / "authorised"):
        private_folder(private, close=True)
    if not (folder / _NOT_FOR_GIT).exists():
        _write_private(folder / _NOT_FOR_GIT, "*\n")
    if not (folder / "server.key_secret").exists():
        made += _make_pair(folder / "server.key_secret", folder / "server.key")
    if not (folder / "client.key_secret").exists():
        made += _make_pair(folder / "client.key_secret")
    for role, names in clients.items():
        for name in names:
            made += _authorise(folder, role, name)
    return made


def authorised_keys(folder: Path, roles: Sequence[KeyRole]) -> dict[bytes, Path]:
    """Return the public keys that these roles admit, and where each of them is kept.

    The key of the pipeline's own processes is always among them. Raises ConfigError for a file
    that holds no key.
    """
    own = folder / "client.key_secret"
    keys = {load_key(own)[0]: own} if own.is_file() else {}
    for path in _key_files(folder, roles):
        keys.setdefault(load_key(path)[0], path)
    return keys


def keys_without_role(folder: Path) -> list[Path]:
    """List public keys of other hosts in no role's folder, as versions before roles left them.

    Such a version kept the public key of the pipeline's own processes there, too.
    """
    return [path for path in sorted((folder / "authorised").glob("*.key")) if path.stem != "client"]


def _key_files(folder: Path, roles: Sequence[KeyRole]) -> Iterator[Path]:
    for role in roles:
        yield from sorted((folder / "authorised" / role).glob("*.key"))
    if "subscriber" in roles:
        yield from keys_without_role(folder)


def _authorise(folder: Path, role: KeyRole, name: str) -> list[Path]:
    """Give a client, whose key is made if it has none, a role."""
    authorised = folder / "authorised" / role / f"{name}.key"
    if authorised.exists():
        return []
    private_folder(authorised.parent, close=True)
    before_roles = folder / "authorised" / f"{name}.key"
    if before_roles.exists():
        before_roles.replace(authorised)
        return [authorised]
    known = next((folder / "authorised").glob(f"*/{name}.key"), None)
    secret = folder / name / "client.key_secret"
    made = []
    if known is None and not secret.exists():
        private_folder(secret.parent, close=True)
        made += _make_pair(secret)
        server = secret.parent / "server.key"
        _write_key(server, load_key(folder / "server.key")[0])
        made.append(server)
    _write_key(authorised, load_key(known or secret)[0])
    return [*made, authorised]


def _make_pair(secret_path: Path, public_path: Path | None = None) -> list[Path]:
    public, secret = zmq.curve_keypair()
    if public_path is not None:
        _write_key(public_path, public)
    _write_key(secret_path, public, secret)
    return [secret_path] if public_path is None else [public_path, secret_path]


def _write_key(path: Path, public: bytes, secret: bytes | None = None) -> None:
    """Write a key in ZeroMQ's format, readable for the owner alone from its first byte on."""
    lines = ["metadata", "curve", f'    public-key = "{public.decode()}"']
    if secret is not None:
        lines.append(f'    secret-key = "{secret.decode()}"')
    _write_private(path, "\n".join(lines) + "\n")


def _write_private(path: Path, text: str) -> None:
    write_file(path, text.encode())
