"""Faces from frame to frame: tracks, and which of their crops are worth embedding."""
