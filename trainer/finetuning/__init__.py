"""The network and its impostors, made for an installation's own people."""
