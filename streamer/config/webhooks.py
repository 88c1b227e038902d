"""A webhook of config.toml: where events are sent, which ones, and how."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from streamer.config.values import PathText

EventKind = Literal["enter", "change", "exit", "correction", "expiry", "camera"]
MAX_URL = 2048
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ENVIRONMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_OURS = ("content-length", "content-type", "host", "transfer-encoding", "connection")


def url_fault(url: str) -> str:
    """Say what is wrong with a URL, without quoting it: it may hold a secret; "" if nothing."""
    rule = "must be http:// or https://, a host and a path, in ASCII"
    if not 1 <= len(url) <= MAX_URL or not re.fullmatch(r"[!-~]+", url):
        return f"{rule}, of at most {MAX_URL} characters. Received: {len(url)} characters"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return f"{rule}. Received: something else"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return f"{rule}. Received: something else"
    if parts.username is not None:
        return "must have no user in it; put it into headers, as Authorization"
    return ""


def _url(text: str) -> str:
    if text and (fault := url_fault(text)):
        raise ValueError(fault)
    return text


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"must be 1 to 64 letters, digits, - or _. Received: {text!r:.80}")
    return text


def _variable(text: str) -> str:
    if not _ENVIRONMENT.fullmatch(text):
        raise ValueError(f"must be the name of an environment variable. Received: {text!r:.80}")
    return text


def _headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        reserved = name.lower() in _OURS or name.lower().startswith("webhook-")
        if not _HEADER.fullmatch(name) or reserved:
            raise ValueError(
                f"must be names and values of HTTP headers that are not our own. "
                f"Received: {name!r:.80}"
            )
        if not re.fullmatch(r"[\t -~]*", value):
            raise ValueError(f"{name}: its value must be one line of ASCII")
    return headers


Variable = Annotated[str, AfterValidator(_variable)]


class WebhookConfig(BaseModel):
    """One `[[webhook]]`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[str, AfterValidator(_name)]
    url: Annotated[str, AfterValidator(_url)] = ""
    url_file: PathText = ""
    url_env: Variable = ""
    secret_file: PathText = ""
    secret_env: Variable = ""
    events: list[EventKind] = ["enter", "change", "exit"]
    cameras: list[str] = []
    people: list[str] = []
    strangers: bool = False
    body: str = ""
    content_type: str = "application/json"
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = {}
    timeout_s: Annotated[float, Field(ge=0.1, le=120)] = 10.0
    retry_min_s: Annotated[float, Field(ge=0.1, le=3600)] = 1.0
    retry_max_s: Annotated[float, Field(ge=0.1, le=86_400)] = 900.0
    give_up_after_h: Annotated[float, Field(gt=0, le=720)] = 24.0

    @model_validator(mode="after")
    def _possible(self) -> "WebhookConfig":
        if sum(map(bool, (self.url, self.url_file, self.url_env))) != 1:
            raise ValueError("one of url, url_file and url_env must be set, and no other")
        if self.secret_file and self.secret_env:
            raise ValueError("secret_file or secret_env must be set, or neither, but not both")
        if self.retry_max_s < self.retry_min_s:
            raise ValueError(
                f"retry_max_s must be at least retry_min_s ({self.retry_min_s:g}). "
                f"Received: {self.retry_max_s:g}"
            )
        if not re.fullmatch(r"[ -~]{1,200}", self.content_type):
            raise ValueError("content_type must be one line of ASCII")
        return self
