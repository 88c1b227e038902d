"""Events to other programs' URLs, from a queue on disk, by a process that only listens."""
