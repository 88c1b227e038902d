"""Messages, sockets, timestamps, counters and shared frames on one floor."""
