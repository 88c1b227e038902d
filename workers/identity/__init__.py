"""The identify process: who is in front of each camera."""
