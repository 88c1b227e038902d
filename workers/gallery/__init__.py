"""Enrolled people in versions that never change."""
