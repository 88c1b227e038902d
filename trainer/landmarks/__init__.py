"""The network that finds five landmarks: it learns from a teacher's points."""
