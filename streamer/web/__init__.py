"""The web process: the page, REST, events, and pictures for browsers."""
