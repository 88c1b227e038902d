"""What processes say to each other: messages, sockets, keys, time stamps, counters, frames."""
