"""What single values of config.toml may be, where a type alone does not say it."""

import re
from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PlainValidator

MAX_SOURCE = 2048
MAX_WEBCAM = 99
MAX_POOL = 64


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError(f"must have no NUL in it. Received: {text!r:.80}")
    return text


def _ip_address(text: str) -> str:
    try:
        ip_address(text)
    except ValueError:
        raise ValueError(
            f"must be an IP address of this host, such as 127.0.0.1, or 0.0.0.0 for all of them. "
            f"Received: {text!r:.80}"
        ) from None
    return text


def _host_name(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252})", text) is None:
        raise ValueError(
            f"must be the name of a host, without a port, such as door.example. "
            f"Received: {text!r:.80}"
        )
    return text.lower()


def _source(value: object) -> str | int:
    if isinstance(value, str):
        if 1 <= len(value) <= MAX_SOURCE and "\0" not in value:
            return value
        received = f"text of {len(value)} characters"  # it may hold a password
    elif isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_WEBCAM:
        return value
    else:
        received = f"{value!r:.80}"
    raise ValueError(
        f'must be "demo", a URL, a file, a folder or a device in quotes (1 to {MAX_SOURCE} '
        f"characters), or a webcam's number from 0 to {MAX_WEBCAM}. Received: {received}"
    )


def _auto_or_count(value: object) -> Literal["auto"] | int:
    if value == "auto":
        return "auto"
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_POOL:
        return value
    raise ValueError(
        f'must be "auto" or a whole number from 1 to {MAX_POOL}. Received: {value!r:.80}'
    )


def _broker(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z0-9._:-]{1,253}", text):
        received = f"text of {len(text)} characters" if "@" in text else f"{text!r:.80}"
        raise ValueError(
            f"must be a host's name or address, without a scheme or port. Received: {received}"
        )
    return text


def _topic(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,3}", text):
        raise ValueError(
            f"must be 1 to 4 words of letters, digits, - and _, with / between them. "
            f"Received: {text!r:.80}"
        )
    return text


def _client_id(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", text):
        raise ValueError(f"must be 1 to 64 letters, digits, - and _. Received: {text!r:.80}")
    return text


_PORT = r"(\*|[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])"

Milliseconds = Annotated[int, Field(ge=0, le=3_600_000)]
Unit = Annotated[float, Field(ge=0, le=1)]
Address = Annotated[str, Field(pattern=rf"^(ipc://[^\x00\n]+|tcp://[^\s/]+:{_PORT})$")]
CameraName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
IpAddress = Annotated[str, AfterValidator(_ip_address)]
HostName = Annotated[str, AfterValidator(_host_name)]
PathText = Annotated[str, AfterValidator(_without_nul)]
AutoOrCount = Annotated[Literal["auto"] | int, PlainValidator(_auto_or_count)]
BrokerName = Annotated[str, AfterValidator(_broker)]
TopicPrefix = Annotated[str, AfterValidator(_topic)]
ClientId = Annotated[str, AfterValidator(_client_id)]
Source = Annotated[str | int, PlainValidator(_source)]
"""A value of two types has one rule, and so one fault, not one for each type."""
