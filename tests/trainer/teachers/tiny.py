"""A teacher that needs nothing but what the tests have: means of the parts of a chip."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

TOML = """
network = "means.onnx"
size = 32
colour = "BGR"
subtract = [10.0, 20.0, 30.0]
divide = 2.0
template = [[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]]
"""


def write_tiny_teacher(folder: Path, part: int = 32, batch: str | int = "batch") -> Path:
    """Write a TOML and a network whose descriptor is the mean of each channel of each part."""
    pool = helper.make_node(
        "AveragePool", ["x"], ["y"], kernel_shape=[part, part], strides=[part, part]
    )
    parts = 32 // part
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, 32, 32])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 3, parts, parts])
    graph = helper.make_graph([pool], "means", [x], [y])
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opset), folder / "means.onnx")
    (folder / "means.toml").write_text(TOML)
    return folder / "means.toml"
