"""Names and groups in pictures and clips on disk."""
