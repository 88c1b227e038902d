"""Subscribing, for programs and for people at a terminal."""
