"""A webhook as it is used: its URL and secret read, its body's template compiled, its filters."""

import base64
import binascii
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from streamer.config.sections import Config
from streamer.config.webhooks import WebhookConfig, url_fault
from streamer.errors import ConfigError
from streamer.history.forgetting import composed
from streamer.webhooks.happenings import Happening
from streamer.webhooks.store import Letter

if TYPE_CHECKING:
    from jinja2 import Template

MIN_SECRET = 16
MAX_SECRET_FILE = 4096
MAX_BODY = 64 * 1024
_STANDARD = "whsec_"


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where letters of one webhook go. secret: None where they are not signed."""

    config: WebhookConfig
    url: SplitResult
    secret: bytes | None
    template: "Template | None"

    @property
    def name(self) -> str:
        """Its name in the config."""
        return self.config.name

    def wants(self, happening: Happening) -> bool:
        """Tell whether it is to be told of something."""
        config = self.config
        if happening.event not in config.events:
            return False
        if config.cameras and happening.camera and happening.camera not in config.cameras:
            return False
        if happening.event == "camera":
            return True
        named = [name for name in happening.people if not name.startswith("unknown-")]
        if not named:
            return config.strangers
        wanted = {composed(name) for name in config.people}
        return not wanted or any(composed(name) in wanted for name in named)

    def letter(self, happening: Happening) -> Letter:
        """Write the letter. Raises ConfigError where its template cannot be filled in."""
        return Letter(
            id=f"{happening.id}.{self.name}",
            webhook=self.name,
            event=happening.event,
            camera=happening.camera,
            body=self._body(happening),
            people=happening.people,
        )

    def _body(self, happening: Happening) -> bytes:
        fields = asdict(happening)
        if self.template is None:
            content = {"type": happening.event, "timestamp": happening.at_utc, "data": fields}
            return json.dumps(content, ensure_ascii=False).encode(errors="replace")
        from jinja2 import TemplateError

        try:
            text = str(self.template.render(**fields))
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise ConfigError(f"webhook.{self.name}.body: cannot be filled in: {error}") from error
        body = text.encode(errors="replace")
        if len(body) > MAX_BODY:
            raise ConfigError(
                f"webhook.{self.name}.body: must be at most {MAX_BODY} bytes. Received: {len(body)}"
            )
        return body


def targets_of(config: Config) -> list[Target]:
    """Read what the config's webhooks name. Raises ConfigError with a line for every fault."""
    targets, faults = [], []
    for webhook in config.webhook:
        try:
            target = Target(
                config=webhook,
                url=_url_of(webhook, config.path.parent),
                secret=_secret_of(webhook, config.path.parent),
                template=_template_of(webhook),
            )
            target.letter(_EXAMPLE)
            targets.append(target)
        except ConfigError as error:
            faults.append(f"{config.path}: {error}")
    if faults:
        raise ConfigError("\n".join(faults))
    return targets


_EXAMPLE = Happening(event="enter", id="x", at_utc="2026-01-01T00:00:00.000Z", text="x")
"""With which a template is tried."""


def _url_of(webhook: WebhookConfig, base: Path) -> SplitResult:
    url = webhook.url or _read(webhook, "url", base)
    if fault := url_fault(url):
        raise ConfigError(f"webhook.{webhook.name}: its URL {fault}")
    return urlsplit(url)


def _secret_of(webhook: WebhookConfig, base: Path) -> bytes | None:
    if not webhook.secret_file and not webhook.secret_env:
        return None
    text = _read(webhook, "secret", base)
    if text.startswith(_STANDARD):
        try:
            secret = base64.b64decode(text.removeprefix(_STANDARD), validate=True)
        except (binascii.Error, ValueError):
            raise ConfigError(
                f"webhook.{webhook.name}: a secret that begins with {_STANDARD} must go on in "
                f"base64"
            ) from None
    else:
        secret = text.encode()
    if len(secret) < MIN_SECRET:
        raise ConfigError(
            f"webhook.{webhook.name}: its secret must have at least {MIN_SECRET} bytes. Received: "
            f"{len(secret)}; one is made by: openssl rand -hex 32"
        )
    return secret


def _read(webhook: WebhookConfig, what: str, base: Path) -> str:
    """Read a url or a secret from its file or environment variable."""
    file, variable = getattr(webhook, f"{what}_file"), getattr(webhook, f"{what}_env")
    if not file:
        if not (text := os.environ.get(variable, "").strip()):
            raise ConfigError(
                f"webhook.{webhook.name}.{what}_env: the environment variable {variable} must be "
                f"set"
            )
        return text
    path = base / file
    try:
        with path.open("rb") as opened:
            text = str(opened.read(MAX_SECRET_FILE), "utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError(
            f"webhook.{webhook.name}.{what}_file: {path}: cannot be read: {why}"
        ) from error
    if not text:
        raise ConfigError(f"webhook.{webhook.name}.{what}_file: {path}: must not be empty")
    return text


def _template_of(webhook: WebhookConfig) -> "Template | None":
    if not webhook.body:
        return None
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # Bodies are JSON or text; the filter tojson quotes what must be quoted.
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    try:
        template: Template = environment.from_string(webhook.body)
    except TemplateError as error:
        raise ConfigError(
            f"webhook.{webhook.name}.body: must be a template of jinja2's: {error}"
        ) from error
    return template
