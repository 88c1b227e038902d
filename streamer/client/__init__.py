"""For programs and people who subscribe."""
