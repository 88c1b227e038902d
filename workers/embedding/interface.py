"""What every runtime of the network offers: one function from crops to embeddings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

EmbedFunction = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""(batch, 96, 96, 3) uint8 RGB to (batch, 128) float32, each row of unit length."""

Precision = Literal["float32", "bfloat16"]
Runtime = Literal["tensorflow", "onnxruntime", "openvino"]


@dataclass(frozen=True)
class Candidate:
    """A way to run the network."""

    runtime: Runtime
    precision: Precision

    def __str__(self) -> str:
        return f"{self.runtime} {self.precision}"


EXACT = Candidate("tensorflow", "float32")
"""The one whose embeddings all the others must give."""
