"""The mqtt process: who is there, told to a broker and to Home Assistant."""
