"""The token that lets browsers and programs in, and what a browser has once it was shown.

The file holds a hash alone: a token is 32 random bytes, so that a hash without salt or delay tells
nothing. A session is the time at which it ends, signed with that hash: another token ends it.
"""

import hashlib
import hmac
import re
import secrets
import time
from pathlib import Path

from streamer.errors import ConfigError
from streamer.files import private_folder, write_file

SESSION_S = 30 * 86_400
_TOKEN_BYTES = 32
_SESSION = re.compile(r"([0-9]{1,12})\.([0-9a-f]{64})")


def make_token(path: Path) -> str:
    """Write a new token's hash into a file of the owner's alone; return the token."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    private_folder(path.parent, close=True)
    write_file(path, f"{_hash(token)}\n".encode())
    return token


def read_hash(path: Path) -> str | None:
    """Return the hash in a file, None without one. Raises ConfigError where it is damaged."""
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the token's file cannot be read: {error}") from error
    if re.fullmatch("[0-9a-f]{64}", text) is None:
        raise ConfigError(f"{path}: is no token's file; make one anew with: facestream web token")
    return text


def is_token(given: str, known: str) -> bool:
    """Tell whether this is the token of a hash, in a time that tells nothing."""
    return hmac.compare_digest(_hash(given), known)


def new_session(known: str) -> str:
    """Return what a browser is given for the token of a hash."""
    ends = str(int(time.time()) + SESSION_S)
    return f"{ends}.{_signature(ends, known)}"


def is_session(given: str, known: str) -> bool:
    """Tell whether somebody who had the token of this hash was given that, and not too long ago."""
    found = _SESSION.fullmatch(given)
    return (
        found is not None
        and hmac.compare_digest(found[2], _signature(found[1], known))
        and time.time() < int(found[1]) <= time.time() + SESSION_S
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _signature(ends: str, known: str) -> str:
    return hmac.new(bytes.fromhex(known), f"session {ends}".encode(), hashlib.sha256).hexdigest()
