"""The capture process: one camera's frames in, crops and tracks out."""
