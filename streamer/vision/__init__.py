"""Pictures, boxes, Haar detection, crops and tracks: pure functions and small states."""
