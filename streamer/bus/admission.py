"""Who may use a bound socket: each CURVE key is admitted where its role has business alone.

ZeroMQ asks a handler in this process (ZAP, https://rfc.zeromq.org/spec/27/) before it lets a
peer in, and tells it the socket's domain; here a domain is a set of roles.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import zmq

from streamer.bus.curve import KEY_ROLES, KeyRole, authorised_keys, keys_without_role, load_key
from streamer.errors import ConfigError

log = logging.getLogger(__name__)

_MAX_REFUSALS_TOLD = 100


class Admission:
    """The handler of one context; `guard` its sockets before they are bound."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", folder: Path) -> None:
        if not (folder / "authorised").is_dir():
            raise ConfigError(
                f"{folder / 'authorised'}: must be the folder of the clients' public keys; "
                f"`facestream keys` makes it"
            )
        self._folder = folder
        self._public, self._secret = load_key(folder / "server.key_secret")
        for path in keys_without_role(folder):
            log.warning(
                "%s has no role and counts as a subscriber's; to give it one, run "
                "`facestream keys %s` with --capture, --worker or --subscriber %s",
                path, folder, path.stem,
            )  # fmt: skip
        # It loads asyncio, which a process without CURVE has no use for.
        from zmq.auth.thread import ThreadAuthenticator

        self._authenticator = ThreadAuthenticator(context)
        self._authenticator.start()

    def guard(self, socket: "zmq.Socket[bytes]", roles: Sequence[KeyRole]) -> None:
        """Make it a CURVE server that admits these roles, and this host's own processes."""
        unknown = set(roles) - set(KEY_ROLES)
        if unknown:
            raise ValueError(f"roles must be of {KEY_ROLES}. Received: {sorted(unknown)}")
        domain = "+".join(sorted(roles)) or "own host"
        self._authenticator.configure_curve_callback(domain, _Guard(self._folder, roles))
        socket.zap_domain = domain.encode()
        socket.curve_publickey, socket.curve_secretkey = self._public, self._secret
        socket.curve_server = True

    def close(self) -> None:
        """End the handler's thread; whoever asks to be let in now waits in vain."""
        self._authenticator.stop()


class _Guard:
    """The answer for one set of roles, with the keys as they were when the socket was bound."""

    def __init__(self, folder: Path, roles: Sequence[KeyRole]) -> None:
        self._roles = " and ".join(roles) or "this host"
        self._admitted = authorised_keys(folder, roles)
        self._known = authorised_keys(folder, KEY_ROLES)
        self._refused: set[bytes] = set()

    def callback(self, domain: str, key: bytes) -> bool:
        """Say whether a public key (Z85) is let in; pyzmq calls it in its own thread."""
        if key in self._admitted:
            return True
        if key not in self._refused and len(self._refused) < _MAX_REFUSALS_TOLD:
            self._refused.add(key)
            whose = self._known.get(key, "in no file of authorised/")
            log.warning("refused a peer at a socket for %s: its key is %s", self._roles, whose)
        return False
