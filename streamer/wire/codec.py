"""Messages to parts and back: a msgpack map as the header, then pixels or vectors as they are.

Whatever comes in is checked field by field; what does not fit raises ProtocolError.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

import msgpack
from pydantic import TypeAdapter, ValidationError

from streamer.errors import ProtocolError
from streamer.wire.messages import (
    CROP_BYTES,
    EMBEDDING_BYTES,
    TYPES,
    VERSION,
    Batch,
    BatchDone,
    CropMessage,
    Embeddings,
    FrameEvent,
    FrameOffer,
    KeptCrop,
    PlainFrameEvent,
)

MAX_HEADER_BYTES = 256 * 1024
MAX_PART_BYTES = 32 * 1024 * 1024
MAX_CONTAINERS, MAX_ITEMS = 2048, 8192
"""Lists and maps of a header, and what is in all of them: more than the largest message has. Each
that does not fit costs pydantic a report of some hundred bytes, or several."""
_SMALL_BYTES = 2048
_MAX_SHOWN = 120

M = TypeVar("M")


def encode(message: object, *buffers: bytes | memoryview) -> list[bytes | memoryview]:
    """Return the parts of a message: header, then the buffers as they are."""
    header = {"v": VERSION, "type": type(message).__name__, **_plain(message)}
    return [msgpack.packb(header), *buffers]


def decode(
    parts: Sequence[bytes | memoryview], types: Mapping[str, type] = TYPES
) -> tuple[Any, list[bytes | memoryview]]:
    """Return the message and its buffers. Raises ProtocolError for anything that does not fit.

    types: of the messages that may come, by name.
    """
    if not parts:
        raise ProtocolError("a message must have a header. Received: no parts")
    header, buffers = parts[0], list(parts[1:])
    if len(header) > MAX_HEADER_BYTES:
        raise ProtocolError(
            f"a header must have at most {MAX_HEADER_BYTES} bytes. Received: {len(header)}"
        )
    if any(len(part) > MAX_PART_BYTES for part in buffers):
        raise ProtocolError(f"a part must have at most {MAX_PART_BYTES} bytes")
    try:
        content = msgpack.unpackb(header, use_list=False)
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise ProtocolError(f"a header must be one msgpack map: {error}") from error
    if not isinstance(content, dict):
        raise ProtocolError(f"a header must be a map. Received: {type(content).__name__}")
    if len(header) > _SMALL_BYTES:
        _check_size(content)
    version, kind = content.pop("v", None), content.pop("type", None)
    if version != VERSION:
        raise ProtocolError(f"the version must be {VERSION}. Received: {version!r:.40}")
    if not isinstance(kind, str) or kind not in types:
        raise ProtocolError(f"the type must be a known one. Received: {kind!r:.40}")
    try:
        message = _adapter(types[kind]).validate_python(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        fault = f"{kind}.{where:.{_MAX_SHOWN}}: {first['msg']:.{_MAX_SHOWN}}"
        raise ProtocolError(fault) from None  # which holds a report for everything in the message
    _check_buffers(message, buffers)
    return message, buffers


def expect(message: object, cls: type[M]) -> M:
    """Return the message, if it is of this type. Raises ProtocolError otherwise."""
    if not isinstance(message, cls):
        raise ProtocolError(f"expected {cls.__name__}. Received: {type(message).__name__}")
    return message


def _check_size(content: dict[Any, Any]) -> None:
    """Raise ProtocolError for a header of more values than any message has."""
    containers: list[Any] = [content]
    items = 0
    for container in containers:
        inner = container.values() if isinstance(container, dict) else container
        items += len(container)
        if items > MAX_ITEMS or len(containers) > MAX_CONTAINERS:
            raise ProtocolError(
                f"a header must have at most {MAX_CONTAINERS} lists and maps, and {MAX_ITEMS} "
                f"values in them"
            )
        containers += [each for each in inner if isinstance(each, dict | tuple)]


def _check_buffers(message: Any, buffers: Sequence[bytes | memoryview]) -> None:
    match message:
        case CropMessage():
            wanted = [[CROP_BYTES]]
        case Batch():
            wanted = [[CROP_BYTES] * message.count]
        case BatchDone():
            wanted = [[EMBEDDING_BYTES * message.count]]
        case Embeddings():
            wanted = [[EMBEDDING_BYTES * len(message.crops)]]
        case KeptCrop():
            wanted = [[CROP_BYTES, EMBEDDING_BYTES]]
        case FrameOffer() | FrameEvent() | PlainFrameEvent():
            wanted = [[], [len(buffers[0])]] if buffers else [[]]
        case _:
            wanted = [list(getattr(message, "part_sizes", ()))]
    received = [len(part) for part in buffers]
    if received not in wanted:
        raise ProtocolError(
            f"{type(message).__name__}: its parts must be of {wanted[0][:4]} bytes. "
            f"Received: {received[:4]}"
        )


@cache
def _adapter(cls: type) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


def _plain(value: Any) -> Any:
    # dataclasses.asdict copies deeply and is several times slower.
    names = _field_names(value.__class__)
    if names is not None:
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


@cache
def _field_names(cls: type) -> tuple[str, ...] | None:
    """Return the fields of a dataclass, or None for any other type."""
    return tuple(field.name for field in fields(cls)) if is_dataclass(cls) else None
