"""Read Torch 7's binary files (`.t7`): tables, numbers, strings, tensors and objects.

Layout: torch7's `File.lua` and `generic/Tensor.c`. An object is a type number, then, for
tables and Torch objects, an index by which later mentions refer to it. Nothing is run: an object
of a class that is not a tensor or storage is the table of its fields.
"""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.errors import WeightsError

_NIL, _NUMBER, _STRING, _TABLE, _TORCH, _BOOLEAN = range(6)
_DTYPES = {"Float": "<f4", "Double": "<f8", "Long": "<i8", "Int": "<i4", "Byte": "u1"}
_MAX_DEPTH = 60
_MAX_DIMENSIONS = 16


@dataclass
class TorchObject:
    """An object: its class, e.g. "nn.Sequential", and its fields."""

    kind: str
    fields: dict[Any, Any]


def read_t7(content: bytes) -> Any:
    """Read the object in a file's bytes. Raises WeightsError for anything that is not whole."""
    try:
        return _Reader(content).read(0)
    except (struct.error, ValueError, KeyError, IndexError, OverflowError) as error:
        raise WeightsError(f"not a Torch 7 binary file, or damaged: {error}") from error


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0
        self._known: dict[int, Any] = {}

    def read(self, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deeply")
        kind = self._integer()
        match kind:
            case 0:
                return None
            case 1:
                return self._unpack("<d")
            case 2:
                return self._text()
            case 5:
                return self._integer() == 1
            case 3 | 4:
                return self._indexed(kind, depth)
        raise ValueError(f"type {kind} at byte {self._at - 4} is none that can be read")

    def _indexed(self, kind: int, depth: int) -> Any:
        index = self._integer()
        if index in self._known:
            return self._known[index]
        if kind == _TABLE:
            table: dict[Any, Any] = {}
            self._known[index] = table
            self._fill(table, depth)
            return table
        name = self._text()
        if name.startswith("V "):
            name = self._text()
        family, _, what = name.rpartition(".")
        stem = what.removesuffix("Tensor").removesuffix("Storage")
        if family == "torch" and what.endswith("Tensor") and stem in _DTYPES:
            self._known[index] = tensor = self._tensor(depth)
            return tensor
        if family == "torch" and what.endswith("Storage") and stem in _DTYPES:
            self._known[index] = storage = self._storage(_DTYPES[stem])
            return storage
        found = TorchObject(name, {})
        self._known[index] = found
        fields = self.read(depth + 1)
        if not isinstance(fields, dict):
            raise ValueError(f"an object of {name} must be a table of fields")
        found.fields.update(fields)
        return found

    def _fill(self, table: dict[Any, Any], depth: int) -> None:
        for _ in range(self._count(self._integer())):
            key = self.read(depth + 1)
            table[key if isinstance(key, str | float) else id(key)] = self.read(depth + 1)

    def _tensor(self, depth: int) -> NDArray[Any]:
        dimensions = self._integer()
        if not 0 <= dimensions <= _MAX_DIMENSIONS:
            raise ValueError(f"a tensor of {dimensions} dimensions")
        shape = [self._unpack("<q") for _ in range(dimensions)]
        strides = [self._unpack("<q") for _ in range(dimensions)]
        offset = self._unpack("<q") - 1
        storage = self.read(depth + 1)
        if storage is None or not dimensions:
            return np.empty(0, np.float32)
        last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
        if min([*shape, *strides]) < 1 or offset < 0 or last >= len(storage):
            raise ValueError("a tensor reaches out of its storage")
        size = storage.itemsize
        view = np.lib.stride_tricks.as_strided(
            storage[offset:], shape, [stride * size for stride in strides]
        )
        return np.array(view)

    def _storage(self, dtype: str) -> NDArray[Any]:
        count = self._count(self._unpack("<q"), np.dtype(dtype).itemsize)
        start = self._at
        self._at += count * np.dtype(dtype).itemsize
        return np.frombuffer(self._content, dtype, count, start)

    def _text(self) -> str:
        length = self._count(self._integer())
        self._at += length
        return self._content[self._at - length : self._at].decode("latin-1")

    def _integer(self) -> int:
        return int(self._unpack("<i"))

    def _unpack(self, form: str) -> Any:
        (value,) = struct.unpack_from(form, self._content, self._at)
        self._at += struct.calcsize(form)
        return value

    def _count(self, count: int, size: int = 1) -> int:
        if not 0 <= count * size <= len(self._content) - self._at:
            raise ValueError(f"{count} items at byte {self._at} are more than the file holds")
        return count
