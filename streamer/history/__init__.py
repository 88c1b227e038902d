"""The history: who was there, in one SQLite file, written by a process that only listens."""
