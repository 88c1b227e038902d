"""Faces with owners and folds, pairs, and files of embeddings."""
