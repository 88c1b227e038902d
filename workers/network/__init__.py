"""NN4.small2: its layers and its weights files."""
