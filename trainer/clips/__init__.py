"""Clips made of labelled photos, with exact truth: who is where, and when."""
