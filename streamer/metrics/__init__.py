"""What monitors want to know of a pipeline: metrics, health, and one line of status."""
