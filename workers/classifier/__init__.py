"""From an embedding to a person or nobody: scores, calibration, thresholds."""
