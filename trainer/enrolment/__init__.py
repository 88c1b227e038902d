"""People into the gallery, with a verdict for every picture."""
