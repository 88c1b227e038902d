"""Names of people and cameras as parts of topics and ids, of which no two people share one."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass

MAX_SLUG = 40
HASH_DIGITS = 12
_PLAIN = re.compile(r"[A-Z][a-z0-9]*( [A-Z][a-z0-9]*)*")
_ENDINGS = ("_where", "_seen")
"""What `discovery` puts after a slug: no plain slug may end so, or it would be another's entity."""


def slug(name: str) -> str:
    """Return a person's name as 1 to 53 of `a-z 0-9 _ -`; another one for each name.

    "Grace Hopper" is `grace_hopper`. A name that cannot be told from that, as "Zoë" or "zoe", has
    a hash behind: `zoe-…`. Only such slugs have a hyphen.
    """
    plain = name.lower().replace(" ", "_")
    if _PLAIN.fullmatch(name) and len(plain) <= MAX_SLUG and not plain.endswith(_ENDINGS):
        return plain
    ascii_letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "_", ascii_letters).strip("_")[:MAX_SLUG] or "person"
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
    return f"{words}-{digest[:HASH_DIGITS]}"


@dataclass(frozen=True)
class Topics:
    """Where everything is published. prefix, discovery: as configured."""

    prefix: str
    discovery: str

    @property
    def node(self) -> str:
        """What ids begin with."""
        return self.prefix.replace("/", "_")

    @property
    def host(self) -> str:
        """The id of the device that all others are behind."""
        return f"{self.node}_host"

    @property
    def available(self) -> str:
        """Whether this program is there: what the will is of."""
        return f"{self.prefix}/available"

    @property
    def people(self) -> str:
        """How many enrolled people are there."""
        return f"{self.prefix}/people"

    @property
    def status(self) -> str:
        """Where Home Assistant says that it has begun."""
        return f"{self.discovery}/status"

    def camera(self, camera: str, what: str) -> str:
        """Return a topic of a camera, or a pattern of such."""
        return f"{self.prefix}/camera/{camera}/{what}"

    def person(self, slug: str, what: str) -> str:
        """Return a topic of a person, or a pattern of such."""
        return f"{self.prefix}/person/{slug}/{what}"

    def device(self, camera: str) -> str:
        """Return the id of a camera's device; that of a camera `host` is not the host's."""
        taken = camera == "host" or camera.startswith("host-")
        return f"{self.node}_{camera}-camera" if taken else f"{self.node}_{camera}"

    def config(self, device: str) -> str:
        """Return where a device is described to Home Assistant."""
        return f"{self.discovery}/device/{device}/config"
