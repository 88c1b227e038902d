"""NN4.small2 as a table, and a way to build it that any set of operations can follow.

Source: OpenFace (`openface.ml`, `docs/models-and-accuracies.md`) and the network as it was
released with it; pool strides and pads are those of the released weights. Every convolution
has a bias and is followed by batch norm (epsilon 1e-5) and ReLU.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from streamer.constants import EMBEDDING_SIZE

BATCH_NORM_EPSILON = 1e-5
TRAINABLE_PARAMETERS = 3_733_968
DENSE_INPUTS = 736
DENSE_LAYER = "dense_layer"


@dataclass(frozen=True, kw_only=True)
class Conv:
    """A convolution with its batch norm and ReLU. `pad` is zeros on every side."""

    name: str
    norm: str
    channels_in: int
    channels: int
    kernel: int = 1
    stride: int = 1
    pad: int = 0


@dataclass(frozen=True)
class Pool:
    """A pool without padding of its own, its 1x1 convolution if any, and the zero pad.

    `pad` is (top and left, bottom and right). It comes after the convolution's ReLU, or
    straight after the pool where there is no convolution.
    """

    kind: Literal["max", "l2"]
    size: int
    stride: int
    pad: tuple[int, int]
    channels: int = 0


@dataclass(frozen=True, kw_only=True)
class Inception:
    """One row of the network: 3x3 and 5x5 branches as (reduced, channels, stride), pool, 1x1."""

    name: str
    channels_in: int
    branch_3x3: tuple[int, int, int]
    branch_5x5: tuple[int, int, int] | None
    pool: Pool
    branch_1x1: int = 0

    def convs(self, branch: str) -> list[Conv]:
        """Return the convolutions of one branch ('3x3', '5x5', 'pool' or '1x1'), first to last."""
        stem = f"inception_{self.name}_{branch}"
        if branch == "pool":
            channels = self.pool.channels
        elif branch == "1x1":
            channels = self.branch_1x1
        else:
            spec = self.branch_3x3 if branch == "3x3" else self.branch_5x5
            if spec is None:
                return []
            reduced, channels, stride = spec
            kernel = int(branch[0])
            return [
                Conv(
                    name=f"{stem}_conv1",
                    norm=f"{stem}_bn1",
                    channels_in=self.channels_in,
                    channels=reduced,
                ),
                Conv(
                    name=f"{stem}_conv2",
                    norm=f"{stem}_bn2",
                    channels_in=reduced,
                    channels=channels,
                    kernel=kernel,
                    stride=stride,
                    pad=kernel // 2,
                ),
            ]
        if not channels:
            return []
        return [
            Conv(
                name=f"{stem}_conv",
                norm=f"{stem}_bn",
                channels_in=self.channels_in,
                channels=channels,
            )
        ]


STEM = (
    Conv(name="conv1", norm="bn1", channels_in=3, channels=64, kernel=7, stride=2, pad=3),
    Conv(name="conv2", norm="bn2", channels_in=64, channels=64),
    Conv(name="conv3", norm="bn3", channels_in=64, channels=192, kernel=3, pad=1),
)

INCEPTIONS = (
    Inception(
        name="3a",
        channels_in=192,
        branch_3x3=(96, 128, 1),
        branch_5x5=(16, 32, 1),
        pool=Pool("max", 3, 2, (3, 4), 32),
        branch_1x1=64,
    ),
    Inception(
        name="3b",
        channels_in=256,
        branch_3x3=(96, 128, 1),
        branch_5x5=(32, 64, 1),
        pool=Pool("l2", 3, 3, (4, 4), 64),
        branch_1x1=64,
    ),
    Inception(
        name="3c",
        channels_in=320,
        branch_3x3=(128, 256, 2),
        branch_5x5=(32, 64, 2),
        pool=Pool("max", 3, 2, (0, 1)),
    ),
    Inception(
        name="4a",
        channels_in=640,
        branch_3x3=(96, 192, 1),
        branch_5x5=(32, 64, 1),
        pool=Pool("l2", 3, 3, (2, 2), 128),
        branch_1x1=256,
    ),
    Inception(
        name="4e",
        channels_in=640,
        branch_3x3=(160, 256, 2),
        branch_5x5=(64, 128, 2),
        pool=Pool("max", 3, 2, (0, 1)),
    ),
    Inception(
        name="5a",
        channels_in=1024,
        branch_3x3=(96, 384, 1),
        branch_5x5=None,
        pool=Pool("l2", 3, 3, (1, 1), 96),
        branch_1x1=256,
    ),
    Inception(
        name="5b",
        channels_in=736,
        branch_3x3=(96, 384, 1),
        branch_5x5=None,
        pool=Pool("max", 3, 2, (1, 1), 96),
        branch_1x1=256,
    ),
)

HEAD_BLOCKS = 2
"""5a and 5b: the last blocks, which fine-tuning trains."""

BLOCKS = tuple(block.name for block in INCEPTIONS)

BRANCHES = ("3x3", "5x5", "pool", "1x1")
"""Order of concatenation."""

Tensor = TypeVar("Tensor")


class Operations(Protocol[Tensor]):
    """What a framework must offer for `build_network` to build the network with it (NHWC)."""

    def conv(self, x: Tensor, layer: Conv) -> Tensor: ...
    def pool(self, x: Tensor, kind: Literal["max", "l2"], size: int, stride: int) -> Tensor: ...
    def zero_pad(self, x: Tensor, pad: tuple[int, int]) -> Tensor: ...
    def local_response_norm(self, x: Tensor) -> Tensor: ...
    def concatenate(self, parts: list[Tensor]) -> Tensor: ...
    def embed(self, x: Tensor) -> Tensor: ...


def build_network(x: Tensor, ops: Operations[Tensor]) -> Tensor:
    """Build the network on a (batch, 96, 96, 3) RGB input; gives (batch, 128) unit vectors."""
    return build_head_layers(build_trunk_layers(x, ops), ops)


def build_trunk_layers(x: Tensor, ops: Operations[Tensor]) -> Tensor:
    """Build conv1 to 4e, which fine-tuning leaves as they are: (batch, 3, 3, 1024)."""
    conv1, conv2, conv3 = STEM
    x = ops.conv(x, conv1)
    x = ops.pool(ops.zero_pad(x, (1, 1)), "max", 3, 2)
    x = ops.local_response_norm(x)
    x = ops.conv(ops.conv(x, conv2), conv3)
    x = ops.local_response_norm(x)
    x = ops.pool(ops.zero_pad(x, (1, 1)), "max", 3, 2)
    return _walk_blocks(x, INCEPTIONS[:-HEAD_BLOCKS], ops)


def build_head_layers(x: Tensor, ops: Operations[Tensor]) -> Tensor:
    """Build 5a, 5b and the dense layer on the trunk's output: (batch, 128) unit vectors."""
    return ops.embed(_walk_blocks(x, INCEPTIONS[-HEAD_BLOCKS:], ops))


def _walk_blocks(x: Tensor, blocks: tuple[Inception, ...], ops: Operations[Tensor]) -> Tensor:
    for block in blocks:
        x = ops.concatenate([part for name in BRANCHES for part in _branch(x, block, name, ops)])
    return x


def _branch(x: Tensor, block: Inception, name: str, ops: Operations[Tensor]) -> Iterator[Tensor]:
    convs = block.convs(name)
    if name == "pool":
        x = ops.pool(x, block.pool.kind, block.pool.size, block.pool.stride)
        for layer in convs:
            x = ops.conv(x, layer)
        yield ops.zero_pad(x, block.pool.pad)
    elif convs:
        for layer in convs:
            x = ops.conv(x, layer)
        yield x


def all_convs() -> list[Conv]:
    """Return the 37 convolutions in the order in which `build_network` meets them."""
    return [*STEM, *_convs_of(INCEPTIONS)]


def head_convs() -> list[Conv]:
    """Return the convolutions of 5a and 5b."""
    return _convs_of(INCEPTIONS[-HEAD_BLOCKS:])


def convs_up_to(block: str) -> list[Conv]:
    """Return the convolutions from conv1 to the end of a block ("3a" to "5b"); none for "".

    Raises ValueError for any other word.
    """
    return [*STEM, *_convs_of(INCEPTIONS[: BLOCKS.index(block) + 1])] if block else []


def _convs_of(blocks: tuple[Inception, ...]) -> list[Conv]:
    return [layer for block in blocks for name in BRANCHES for layer in block.convs(name)]


def array_shapes() -> dict[str, tuple[int, ...]]:
    """Return name and shape of a weights file's arrays; kernels are (height, width, in, out)."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in all_convs():
        k = layer.kernel
        shapes[f"{layer.name}/kernel"] = (k, k, layer.channels_in, layer.channels)
        shapes[f"{layer.name}/bias"] = (layer.channels,)
        for part in ("gamma", "beta", "mean", "variance"):
            shapes[f"{layer.norm}/{part}"] = (layer.channels,)
    shapes[f"{DENSE_LAYER}/kernel"] = (DENSE_INPUTS, EMBEDDING_SIZE)
    shapes[f"{DENSE_LAYER}/bias"] = (EMBEDDING_SIZE,)
    return shapes
