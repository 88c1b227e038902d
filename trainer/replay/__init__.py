"""Playing a recorded clip to the real processes, and showing what they said."""
