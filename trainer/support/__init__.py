"""What long work on files shares: progress, stopping, folders of photos."""
