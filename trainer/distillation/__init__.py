"""Weights of our own: the network learns from a stronger teacher."""
