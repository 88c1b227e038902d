"""Changing who is enrolled in a running pipeline, from a program: see `Control`."""

from streamer.control.client import Control
from streamer.errors import ControlError
from streamer.wire.control import Job

__all__ = ["Control", "ControlError", "Job"]
