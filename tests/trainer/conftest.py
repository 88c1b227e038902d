"""Fixtures of the trainer's tests."""

from collections.abc import Iterator

import pytest


@pytest.fixture
def step_by_step() -> Iterator[None]:
    """TensorFlow runs what it is told, and builds no graph, which takes longer than a few steps.

    The training commands are tested with their graphs.
    """
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
