"""CURVE keys as files: made once, never overwritten, checked when they are read."""

from pathlib import Path

import zmq.auth

from streamer.errors import ConfigError


def load_key(path: Path) -> tuple[bytes, bytes | None]:
    """Public and, if the file has it, secret key. Raises ConfigError."""
    try:
        public, secret = zmq.auth.load_certificate(path)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path}: must be a CURVE key made by `facestream keys`: {error}"
        ) from error
    if path.suffix == ".key_secret" and secret is None:
        raise ConfigError(f"{path}: must hold a secret key")
    return public, secret


def make_keys(folder: Path, clients: list[str]) -> list[Path]:
    """Make the server's key, `client` and further clients' keys; never overwrites one.

    Layout: server.key, server.key_secret, client.key_secret, authorised/<name>.key, and
    for further clients <name>/client.key_secret with server.key beside it, to be carried
    to their hosts. Returns what was made.
    """
    authorised = folder / "authorised"
    for private in (folder, authorised):
        private.mkdir(parents=True, exist_ok=True)
        private.chmod(0o700)
    made = []
    if not (folder / "server.key_secret").exists():
        zmq.auth.create_certificates(folder, "server")
        made += [folder / "server.key", folder / "server.key_secret"]
    for name in ["client", *clients]:
        home = folder if name == "client" else folder / name
        if (home / "client.key_secret").exists():
            continue
        home.mkdir(mode=0o700, exist_ok=True)
        public, secret = zmq.auth.create_certificates(home, "client")
        Path(secret).chmod(0o600)
        Path(public).replace(authorised / f"{name}.key")
        made += [home / "client.key_secret", authorised / f"{name}.key"]
        if home != folder:
            (home / "server.key").write_bytes((folder / "server.key").read_bytes())
    (folder / "server.key_secret").chmod(0o600)
    return made
