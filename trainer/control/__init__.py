"""The control service: everything that changes people, for whoever asks."""
