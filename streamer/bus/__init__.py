"""ZeroMQ sockets with limits, CURVE keys, and who is admitted where."""
