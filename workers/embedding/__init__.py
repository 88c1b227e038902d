"""The embed process, and the runtimes that compute the network."""
